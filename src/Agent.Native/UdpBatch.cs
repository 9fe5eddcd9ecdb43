using System.Runtime.InteropServices;
using static Agent.Native.Libc;

namespace Agent.Native;

/// <summary>
/// Buffers and headers for one recvmmsg/sendmmsg pair, built once and used by one thread. Each slot has a query, its sender and
/// room for the reply.
/// </summary>
public sealed unsafe class UdpBatch
{
    /// <summary>Datagrams that one system call moves.</summary>
    public const int Capacity = 64;

    /// <summary>Bytes. A longer datagram is dropped: no sane client's query is larger.</summary>
    public const int QuerySize = 1500;

    /// <summary>Bytes: the largest reply that no path fragments (RFC 9715 section 3.2, DNS flag day 2020).</summary>
    public const int ReplySize = 1232;

    private readonly byte[] _queries = Allocate<byte>(Capacity * QuerySize);
    private readonly byte[] _replies = Allocate<byte>(Capacity * ReplySize);
    private readonly SockAddr[] _senders = Allocate<SockAddr>(Capacity);
    private readonly iovec[] _receiveVectors = Allocate<iovec>(Capacity);
    private readonly iovec[] _sendVectors = Allocate<iovec>(Capacity);
    private readonly mmsghdr[] _received = Allocate<mmsghdr>(Capacity);
    private readonly mmsghdr[] _toSend = Allocate<mmsghdr>(Capacity);
    private int _taken;
    private int _sending;

    public UdpBatch()
    {
        for (int i = 0; i < Capacity; i++)
        {
            _receiveVectors[i] = new iovec { iov_base = Address(_queries, i * QuerySize), iov_len = QuerySize };
            _sendVectors[i].iov_base = Address(_replies, i * ReplySize);
            _received[i].msg_hdr = new msghdr
            {
                msg_name = Address(_senders, i),
                msg_namelen = SockAddr.Size,
                msg_iov = (iovec*)Address(_receiveVectors, i),
                msg_iovlen = 1,
            };
        }
    }

    /// <summary>Takes what is there; with <paramref name="wait"/>, blocks for the first datagram up to the socket's timeout.</summary>
    /// <returns>The number of queries, 0 when there is none.</returns>
    public int Receive(NativeSocket socket, bool wait)
    {
        _sending = 0;
        for (int i = 0; i < _taken; i++)
            _received[i].msg_hdr.msg_namelen = SockAddr.Size;
        int received = recvmmsg(socket.Descriptor, (mmsghdr*)Address(_received, 0), Capacity, wait ? MSG_WAITFORONE : MSG_DONTWAIT, null);
        _taken = Math.Max(0, received);
        return _taken;
    }

    /// <summary>The datagram in a slot; empty when it was longer than <see cref="QuerySize"/>.</summary>
    public ReadOnlySpan<byte> Query(int slot) =>
        (_received[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0 ? [] : _queries.AsSpan(slot * QuerySize, (int)_received[slot].msg_len);

    public ref readonly SockAddr Sender(int slot) => ref _senders[slot];

    public Span<byte> Reply(int slot) => _replies.AsSpan(slot * ReplySize, ReplySize);

    /// <summary>Puts the slot's reply into the next <see cref="Send"/>; a length of 0 is silence.</summary>
    public void SetReplyLength(int slot, int length)
    {
        if (length <= 0)
            return;
        _sendVectors[slot].iov_len = (nuint)length;
        ref msghdr header = ref _toSend[_sending++].msg_hdr;
        header.msg_name = Address(_senders, slot);
        header.msg_namelen = _senders[slot].Length;
        header.msg_iov = (iovec*)Address(_sendVectors, slot);
        header.msg_iovlen = 1;
    }

    /// <summary>Sends the replies. One that the kernel refuses (its client is gone, the buffer is full) is dropped, as UDP may.</summary>
    /// <returns>The number of replies dropped.</returns>
    public int Send(NativeSocket socket)
    {
        int dropped = 0;
        for (int done = 0; done < _sending;)
        {
            int sent = sendmmsg(socket.Descriptor, (mmsghdr*)Address(_toSend, done), (uint)(_sending - done), MSG_DONTWAIT);
            if (sent < 0 && Marshal.GetLastPInvokeError() == EINTR)
                continue;
            dropped += sent < 0 ? 1 : 0;
            done += Math.Max(1, sent);
        }
        _sending = 0;
        return dropped;
    }

    /// <summary>Takes a free slot for a reply to a query of an earlier batch; negative when all are taken until the next <see cref="Send"/>.</summary>
    public int TakeSlot(in SockAddr client)
    {
        if (_sending == Capacity)
            return -1;
        _senders[_sending] = client;
        return _sending;
    }

    private static T[] Allocate<T>(int length) => GC.AllocateArray<T>(length, pinned: true);

    private static void* Address<T>(T[] array, int index) => (void*)Marshal.UnsafeAddrOfPinnedArrayElement(array, index);
}

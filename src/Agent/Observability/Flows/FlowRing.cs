using System.Diagnostics;
using Agent.Dns;
using Agent.Native;

namespace Agent.Observability.Flows;

/// <summary>
/// What one serving thread answered lately, while somebody watches. One thread writes, one reads, nobody waits: what finds the ring full is lost
/// and counted. Writing allocates nothing.
/// </summary>
internal sealed class FlowRing(bool isTcp)
{
    /// <summary>Flows between two readings, 2 MiB; at 50,000 a second, 80 ms.</summary>
    public const int Capacity = 4096;

    private readonly FlowSlot[] _slots = GC.AllocateUninitializedArray<FlowSlot>(Capacity);
    private long _written;
    private long _read;
    private long _readSeen; // by the writer, so that the reader's line is fetched only when the ring seems full
    private long _lost;

    public bool IsTcp => isTcp;

    /// <summary>Flows that found the ring full, since it was made.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Describes one answer; for the thread that gives it alone.</summary>
    /// <param name="reply">Empty: silence.</param>
    /// <param name="since">When the query came, by <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void Write(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, in SockAddr client, long since)
    {
        if (_written - _readSeen == Capacity)
        {
            _readSeen = Volatile.Read(ref _read);
            if (_written - _readSeen == Capacity)
            {
                Volatile.Write(ref _lost, _lost + 1);
                return;
            }
        }

        ref FlowSlot slot = ref _slots[_written & (Capacity - 1)];
        ReadOnlySpan<byte> message = reply.IsEmpty ? query.Head : reply;
        message = message[..Math.Min(message.Length, FlowSlot.MessageSize)];
        message.CopyTo(slot.Message);
        slot.Kept = (ushort)message.Length;
        slot.Since = since;
        slot.At = Stopwatch.GetTimestamp();
        slot.Client = client;
        slot.QuerySize = query.Size;
        slot.ReplySize = (ushort)reply.Length;
        slot.UdpSize = query.UdpSize;
        slot.Verdict = verdict;
        slot.IsDnssecOk = !query.Key.IsEmpty && (query.Flags & KeyFlags.DnssecOk) != 0;
        slot.IsBadVersion = query.Error == ResponseCode.BadVers;
        Volatile.Write(ref _written, _written + 1);
    }

    /// <summary>Takes all that is there; for one thread at a time.</summary>
    public void Read(FlowVisitor visit)
    {
        long end = Volatile.Read(ref _written);
        for (long next = _read; next < end; next++)
        {
            visit(_slots[next & (Capacity - 1)], isTcp);
            Volatile.Write(ref _read, next + 1);
        }
    }
}

internal delegate void FlowVisitor(in FlowSlot slot, bool isTcp);

using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Agent.Dns;
using Agent.Native;

namespace Agent.Observability.Flows;

/// <summary>
/// What one serving thread answered lately, while somebody watches. One thread writes, one reads, nobody waits: what finds the ring full is lost
/// and counted. Writing allocates nothing.
/// </summary>
/// <param name="capacity">Flows between two readings; a power of two.</param>
internal sealed class FlowRing(bool isTcp, int capacity) : IDisposable
{
    /// <summary>Bytes of all threads' rings together.</summary>
    public const int TotalSize = 16 << 20;

    /// <summary>2 MiB; at 50,000 a second, 80 ms.</summary>
    public const int MostCapacity = 4096;

    private readonly PagedArray<FlowSlot> _slots = new(capacity);
    private long _written;
    private long _read;
    private long _readSeen; // by the writer, so that the reader's line is fetched only when the ring seems full
    private long _lost;

    public int Capacity => capacity;

    /// <summary>Flows that found the ring full, since it was made.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>The capacity of each ring when so many threads have one: more threads, not more memory.</summary>
    public static int CapacityFor(int threads)
    {
        uint share = (uint)(TotalSize / Unsafe.SizeOf<FlowSlot>() / Math.Max(1, threads));
        return Math.Min(1 << BitOperations.Log2(Math.Max(1, share)), MostCapacity);
    }

    /// <summary>Describes one answer; for the thread that gives it alone.</summary>
    /// <param name="reply">Empty: silence.</param>
    /// <param name="since">When the query came, by <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void Write(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, in SockAddr client, long since)
    {
        if (_written - _readSeen == capacity)
        {
            _readSeen = Volatile.Read(ref _read);
            if (_written - _readSeen == capacity)
            {
                Volatile.Write(ref _lost, _lost + 1);
                return;
            }
        }

        ref FlowSlot slot = ref _slots[(int)(_written & (capacity - 1))];
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
        slot.IsDnssecOk = query.IsDnssecOk;
        slot.IsTcp = isTcp;
        slot.IsBadVersion = query.Error == ResponseCode.BadVers;
        Volatile.Write(ref _written, _written + 1);
    }

    /// <summary>Takes all that is there; for one thread at a time.</summary>
    public void Read(FlowVisitor visit)
    {
        long end = Volatile.Read(ref _written);
        for (long next = _read; next < end; next++)
        {
            visit(_slots[(int)(next & (capacity - 1))]);
            Volatile.Write(ref _read, next + 1);
        }
    }

    /// <summary>Forgets what is there; for the reader.</summary>
    public void Skip() => Volatile.Write(ref _read, Volatile.Read(ref _written));

    /// <summary>Gives the memory back once the writer was told to stop; what it still writes is harmless, and skipped by who begins to read again.</summary>
    public void Clear() => _slots.Clear();

    /// <summary>Only when the writer has ended.</summary>
    public void Dispose() => _slots.Dispose();
}

internal delegate void FlowVisitor(in FlowSlot slot);

namespace Agent.Forwarding;

/// <summary>
/// How many UDP sockets all threads together may hold towards upstreams: a flood of misses must leave descriptors for TCP clients, for the
/// pipelined connections that take over when no socket is left, and for files.
/// </summary>
internal sealed class SocketBudget
{
    private const int Most = 16_384; // of the 28,232 ports that the kernel draws from by default, which the node's other processes need too
    private const int Reserve = 2_048 + 512; // the TCP server's connections; upstream connections, pollers, files, the runtime
    private const int MostFree = 256;

    private int _left;

    /// <param name="descriptors">How many the process may have open.</param>
    public SocketBudget(long descriptors)
    {
        Total = (int)Math.Clamp(descriptors - Reserve, Math.Min(descriptors / 4, Most), Most);
        _left = Total;
    }

    public int Total { get; }

    /// <summary>How many unused sockets of each address family one thread may keep from the others.</summary>
    public int MaxFree => Math.Min(MostFree, Total / 32);

    /// <summary>Takes a place for one socket; false when none is left.</summary>
    public bool TryTake()
    {
        if (Interlocked.Decrement(ref _left) >= 0)
            return true;
        Interlocked.Increment(ref _left);
        return false;
    }

    /// <summary>Gives back a place that was taken.</summary>
    public void Give() => Interlocked.Increment(ref _left);
}

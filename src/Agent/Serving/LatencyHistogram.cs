using System.Numerics;

namespace Agent.Serving;

/// <summary>How long things took. Written by one thread, read by others.</summary>
internal sealed class LatencyHistogram
{
    /// <summary>The first of CoreDNS's own bounds, 250 us; those before it are for answers from the node.</summary>
    public const int FirstOfCoreDns = 4;

    private const int BoundCount = 20;
    private const long FirstBound = 15_625; // nanoseconds

    private readonly long[] _counts = new long[BoundCount + 1];
    private long _nanoseconds;

    /// <summary>Upper bounds, each <see cref="Bound"/>; what took longer than the last is in <see cref="Counts"/> after it.</summary>
    public static IReadOnlyList<decimal> Bounds { get; } = [.. Enumerable.Range(0, BoundCount).Select(Bound)];

    /// <summary>Seconds, each twice the one before: 15.625 us to 8.192 s.</summary>
    public static decimal Bound(int index) => FirstBound * (1L << index) / 1_000_000_000m;

    /// <summary>How many took no longer than each bound, and longer than the one before.</summary>
    public IReadOnlyList<long> Counts => [.. Enumerable.Range(0, _counts.Length).Select(index => Volatile.Read(ref _counts[index]))];

    /// <summary>Of all.</summary>
    public double Seconds => Volatile.Read(ref _nanoseconds) * 1e-9;

    /// <param name="nanoseconds">Each took that long; ticks of <see cref="System.Diagnostics.Stopwatch"/> on Linux.</param>
    public void Add(long nanoseconds, int times = 1)
    {
        int index = nanoseconds <= FirstBound ? 0 : Math.Min(BoundCount, BitOperations.Log2((ulong)(nanoseconds - 1) / FirstBound) + 1);
        _counts[index] += times;
        _nanoseconds += nanoseconds * times;
    }

    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        _nanoseconds += other._nanoseconds;
    }
}

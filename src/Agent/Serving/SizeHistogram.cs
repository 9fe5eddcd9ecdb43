namespace Agent.Serving;

/// <summary>How large messages were. Written by one thread, read by others.</summary>
internal sealed class SizeHistogram
{
    // CoreDNS's.
    private static readonly int[] _bounds = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000];

    private readonly long[] _counts = new long[_bounds.Length + 1];
    private long _bytes;

    /// <summary>Upper bounds, in bytes; what was larger than the last is in <see cref="Counts"/> after it.</summary>
    public static IReadOnlyList<decimal> Bounds { get; } = [.. _bounds.Select(bound => (decimal)bound)];

    /// <summary>How many were no larger than each bound, and larger than the one before.</summary>
    public IReadOnlyList<long> Counts => [.. Enumerable.Range(0, _counts.Length).Select(index => Volatile.Read(ref _counts[index]))];

    /// <summary>Of all.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    public void Add(int bytes)
    {
        int index = 0;
        while (index < _bounds.Length && bytes > _bounds[index])
            index++;
        _counts[index]++;
        _bytes += bytes;
    }
}

using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>The histograms of several threads in one.</summary>
internal sealed record SizeTotals(IReadOnlyList<long> Counts, long Bytes)
{
    public static SizeTotals Of(IEnumerable<SizeHistogram> histograms)
    {
        long[] counts = new long[SizeHistogram.Bounds.Count + 1];
        long bytes = 0;
        foreach (SizeHistogram histogram in histograms)
        {
            IReadOnlyList<long> some = histogram.Counts;
            for (int i = 0; i < counts.Length; i++)
                counts[i] += some[i];
            bytes += histogram.Bytes;
        }

        return new SizeTotals(counts, bytes);
    }
}

using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>The histograms of several threads in one.</summary>
internal sealed record LatencyTotals(IReadOnlyList<long> Counts, double Seconds)
{
    public static LatencyTotals Of(params IEnumerable<LatencyHistogram> histograms)
    {
        long[] counts = new long[LatencyHistogram.BoundCount + 1];
        double seconds = 0;
        foreach (LatencyHistogram histogram in histograms)
        {
            IReadOnlyList<long> some = histogram.Counts;
            for (int i = 0; i < counts.Length; i++)
                counts[i] += some[i];
            seconds += histogram.Seconds;
        }

        return new LatencyTotals(counts, seconds);
    }

    public static LatencyTotals operator +(LatencyTotals a, LatencyTotals b) =>
        new([.. a.Counts.Zip(b.Counts, (first, second) => first + second)], a.Seconds + b.Seconds);
}

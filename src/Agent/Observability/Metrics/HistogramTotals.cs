using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>The histograms of several threads in one.</summary>
/// <param name="Counts">One more than there are bounds: what was above the last.</param>
internal sealed record HistogramTotals(IReadOnlyList<decimal> Bounds, IReadOnlyList<long> Counts, double Sum)
{
    public static HistogramTotals Of(params IEnumerable<LatencyHistogram> histograms) =>
        Of(LatencyHistogram.Bounds, histograms.Select(histogram => (histogram.Counts, histogram.Seconds)));

    public static HistogramTotals Of(IEnumerable<SizeHistogram> histograms) =>
        Of(SizeHistogram.Bounds, histograms.Select(histogram => (histogram.Counts, (double)histogram.Bytes)));

    public static HistogramTotals operator +(HistogramTotals a, HistogramTotals b) => Of(a.Bounds, [(a.Counts, a.Sum), (b.Counts, b.Sum)]);

    private static HistogramTotals Of(IReadOnlyList<decimal> bounds, IEnumerable<(IReadOnlyList<long> Counts, double Sum)> histograms)
    {
        long[] counts = new long[bounds.Count + 1];
        double sum = 0;
        foreach ((IReadOnlyList<long> some, double part) in histograms)
        {
            for (int i = 0; i < counts.Length; i++)
                counts[i] += some[i];
            sum += part;
        }

        return new HistogramTotals(bounds, counts, sum);
    }
}

namespace Agent.Observability.Metrics;

internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>All samples of one name: what they mean, and how they are read when somebody scrapes.</summary>
/// <param name="Name">As Prometheus has it: base units at the end, counters with <c>_total</c>.</param>
/// <param name="Help">One line without backslashes and quotes.</param>
/// <param name="Read">Writes each sample with as many label values as there are <see cref="Labels"/>.</param>
internal sealed record MetricFamily(MetricKind Kind, string Name, string Help, Action<Scrape, SampleWriter> Read)
{
    private const string TotalSuffix = "_total";
    private static readonly string[] _units = ["seconds", "bytes"];

    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>The name as OpenMetrics has it: there, a counter's suffix belongs to its samples alone.</summary>
    public string BareName => Kind == MetricKind.Counter ? Name[..^TotalSuffix.Length] : Name;

    /// <summary>Null for what has none.</summary>
    public string? Unit => _units.FirstOrDefault(unit => BareName.EndsWith($"_{unit}", StringComparison.Ordinal));

    public override string ToString() => Name;
}

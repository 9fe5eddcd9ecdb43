using Agent.Configuration;

namespace Agent.Observability.Metrics;

/// <summary>All that the agent exposes. README.md beside lists the same; a test compares.</summary>
internal static class MetricCatalogue
{
    public static IReadOnlyList<MetricFamily> Own { get; } =
    [
        .. QueryMetrics.Families,
        .. CacheMetrics.Families,
        .. UpstreamMetrics.Families,
        .. RedirectMetrics.Families,
        .. ClusterMetrics.Families,
        .. ProcessMetrics.Families,
    ];

    /// <summary>The same things under the names of CoreDNS.</summary>
    public static IReadOnlyList<MetricFamily> OfCoreDns => CoreDnsMetrics.Families;

    public static IReadOnlyList<MetricFamily> For(MetricsConfiguration configuration) => configuration.CorednsNames ? [.. Own, .. OfCoreDns] : Own;
}

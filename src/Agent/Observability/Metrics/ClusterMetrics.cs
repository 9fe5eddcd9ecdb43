using Agent.Kubernetes.Watching;

namespace Agent.Observability.Metrics;

/// <summary>What is known of the cluster, and how old it may be.</summary>
internal static class ClusterMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        OfWatches("lra_watch_synced", "Whether all objects of a kind have been listed once", watch => watch.IsSynced ? 1 : 0),
        OfWatches("lra_watch_failing", "Whether nothing is heard of a kind now", watch => watch.Failure == null ? 0 : 1),
        OfWatches("lra_watch_objects", "Objects that are known", watch => watch.Count),
        OfWatches("lra_watch_lag_seconds", "Since a list, an event or a bookmark came; a bookmark comes about once a minute", watch =>
            watch.LastEventAt is { } at ? Math.Max(0, (DateTimeOffset.UtcNow - at).TotalSeconds) : null),
        new(MetricKind.Gauge, "lra_cluster_names", "Whether the agent answers the names of Services from its own table", (scrape, samples) =>
        {
            if (scrape.Agent.Cluster is { } cluster)
                samples.Add(cluster.HasNames ? 1 : 0);
        }),
        new(MetricKind.Histogram, "lra_programming_duration_seconds", "From when a change of the cluster was read until the kernel goes by it", (scrape, samples) =>
        {
            if (scrape.Agent.Cluster is { } cluster)
                samples.Add(HistogramTotals.Of(cluster.Programming), 0);
        }),
    ];

    private static MetricFamily OfWatches(string name, string help, Func<WatchState, double?> read) =>
        new(MetricKind.Gauge, name, help, (scrape, samples) =>
        {
            foreach (WatchState watch in scrape.Agent.Cluster?.Watches ?? [])
            {
                if (read(watch) is { } value)
                    samples.Add(value, watch.Resource, watch.Scope);
            }
        })
        {
            Labels = ["resource", "scope"],
        };
}

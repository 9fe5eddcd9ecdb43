using Agent.Dns;

namespace Agent.Observability.Metrics;

/// <summary>What the cache holds and did.</summary>
internal static class CacheMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Gauge, "lra_cache_entries", "Answers in the cache, expired ones included", (scrape, samples) =>
        {
            samples.Add(scrape.Agent.Cache.Count - scrape.Agent.Cache.DenialCount, "success");
            samples.Add(scrape.Agent.Cache.DenialCount, "denial");
        })
        {
            Labels = ["kind"],
        },
        new(MetricKind.Gauge, "lra_cache_bytes", "Memory that they take", (scrape, samples) => samples.Add(scrape.Agent.Cache.Bytes)),
        new(MetricKind.Gauge, "lra_cache_limit_bytes", "Memory that they may take", (scrape, samples) => samples.Add(scrape.Agent.Configuration.Cache.Memory)),
        new(MetricKind.Counter, "lra_cache_hits_total", "Queries answered from the cache", (scrape, samples) => samples.Add(scrape.Queries.Count(Verdict.Hit))),
        new(MetricKind.Counter, "lra_cache_misses_total", "Queries for which an upstream had to be asked, or was being asked already", (scrape, samples) =>
            samples.Add(scrape.Queries.Count(Verdict.Forwarded))),
        new(MetricKind.Counter, "lra_cache_stale_total", "Queries answered with an expired answer because no upstream answered", (scrape, samples) =>
            samples.Add(scrape.Queries.Count(Verdict.Stale))),
        new(MetricKind.Counter, "lra_cache_refreshes_total", "Popular answers that were asked for anew before they expired", (scrape, samples) =>
            samples.Add(Refreshes(scrape))),
        new(MetricKind.Counter, "lra_cache_evictions_total", "Answers dropped before their time: once: asked for only once, cold: no longer asked for, both for want of memory; invalidated: no longer true, or flushed", (scrape, samples) =>
        {
            samples.Add(scrape.Agent.Cache.EvictedOnce, "once");
            samples.Add(scrape.Agent.Cache.EvictedCold, "cold");
            samples.Add(scrape.Agent.Cache.Invalidated, "invalidated");
        })
        {
            Labels = ["reason"],
        },
    ];

    public static long Refreshes(Scrape scrape) => scrape.Agent.Threads.Sum(thread => thread.Recorder.Refreshes);
}

using System.Text.Json.Serialization;
using Agent.Dns;

namespace Agent.Observability;

/// <summary>What the cache holds for the names in a zone, sorted by name; the first of them when there are many.</summary>
internal sealed record CacheListing(int Total, IReadOnlyList<CachedAnswer> Answers)
{
    public static CacheListing Of(ResponseCache cache, byte[] zone, int limit)
    {
        CachedAnswer[] all = [.. cache.List(zone, Environment.TickCount64)];
        return new CacheListing(all.Length, [.. all.OrderBy(answer => answer.Name, StringComparer.Ordinal).ThenBy(answer => answer.Type, StringComparer.Ordinal).Take(limit)]);
    }
}

/// <summary>What the cache holds and what it did since the agent started.</summary>
internal sealed record CacheStatistics(
    long Entries, long Bytes, long Budget, int Fresh, int Stale, int Failures, int NonExistent, long Hits, long Misses, double HitRatio, long ServedStale, long Evictions)
{
    public static CacheStatistics Of(NodeAgent agent)
    {
        CachedAnswer[] all = [.. agent.Cache.List([0], Environment.TickCount64)];
        QueryStatus queries = QueryStatus.Sum(agent.Threads.Select(thread => thread.Counters));
        return new CacheStatistics(
            agent.Cache.Count,
            agent.Cache.Bytes,
            agent.Configuration.Cache.Memory,
            all.Count(answer => answer.State == "fresh"),
            all.Count(answer => answer.State == "stale"),
            all.Count(answer => answer.State == "failure"),
            all.Count(answer => answer.ResponseCode == "NXDOMAIN"),
            queries.Hits,
            queries.Misses,
            Math.Round((double)queries.Hits / Math.Max(1, queries.Hits + queries.Misses), 4),
            queries.Stale,
            agent.Cache.Evictions);
    }
}

/// <summary>How many answers were dropped.</summary>
internal sealed record FlushReport(int Flushed);

[JsonSerializable(typeof(CacheListing))]
[JsonSerializable(typeof(CacheStatistics))]
[JsonSerializable(typeof(FlushReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class CacheJson : JsonSerializerContext;

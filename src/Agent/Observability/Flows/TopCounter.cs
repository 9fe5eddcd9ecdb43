using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using Agent.Dns;

namespace Agent.Observability.Flows;

/// <summary>Sums up an interval: the verdicts from the agent's own counters, which lose nothing; all else from the flows that were seen.</summary>
internal sealed class TopCounter
{
    private const int Shown = 10;
    private const int MaxDistinct = 10_000; // names and pods; a flood of random names counts as one
    private const string Others = "(others)";

    private readonly NodeAgent _agent;
    private readonly Dictionary<string, long> _names = [];
    private readonly Dictionary<string, long> _pods = [];
    private readonly Dictionary<string, long> _rcodes = [];
    private readonly Dictionary<string, long> _kernel = [];
    private readonly List<double> _latencies = [];
    private Dictionary<string, long> _before;
    private long _since = Stopwatch.GetTimestamp();
    private long _lost;

    public TopCounter(NodeAgent agent)
    {
        _agent = agent;
        _before = Verdicts();
    }

    public void Add(Flow flow)
    {
        _lost += flow.Lost ?? 0;
        if (flow.Source == Flow.Kernel)
            Count(_kernel, flow.Verdict!);
        if (flow.Source != Flow.Dns)
            return;
        Count(_names, flow.Name ?? "?");
        Count(_pods, flow.Pod ?? ClientOf(flow));
        Count(_rcodes, flow.Rcode ?? "silence");
        if (_latencies.Count < MaxDistinct)
            _latencies.Add(flow.LatencyMicroseconds ?? 0);
    }

    /// <summary>What was since the last call.</summary>
    public TopReport Take()
    {
        long now = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(_since, now).TotalSeconds;
        Dictionary<string, long> verdicts = Verdicts();
        Dictionary<string, long> changes = verdicts.ToDictionary(verdict => verdict.Key, verdict => verdict.Value - _before[verdict.Key]);
        long total = changes.Values.Sum();
        _latencies.Sort();
        TopReport report = new(
            DateTimeOffset.UtcNow,
            Math.Round(seconds, 2),
            Math.Round(total / seconds, 1),
            total == 0 ? 0 : Math.Round((double)(changes["hit"] + changes["local"]) / total, 4),
            Rates(changes, seconds),
            Rates(_rcodes, seconds),
            Rates(_names, seconds),
            Rates(_pods, seconds),
            Rates(_kernel, seconds),
            new TopLatency(Quantile(0.5), Quantile(0.9), Quantile(0.99)),
            _lost);
        (_before, _since, _lost) = (verdicts, now, 0);
        foreach (Dictionary<string, long> counts in (Dictionary<string, long>[])[_names, _pods, _rcodes, _kernel])
            counts.Clear();
        _latencies.Clear();
        return report;
    }

    private static string ClientOf(Flow flow) => flow.Client?[..flow.Client.LastIndexOf(':')] ?? "?";

    private static void Count(Dictionary<string, long> counts, string key)
    {
        if (counts.Count >= MaxDistinct && !counts.ContainsKey(key))
            key = Others;
        CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _)++;
    }

    private static TopRate[] Rates(Dictionary<string, long> counts, double seconds) =>
        [.. counts.Where(count => count.Value > 0).OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal).Take(Shown)
            .Select(count => new TopRate(count.Key, Math.Round(count.Value / seconds, 1)))];

    private double Quantile(double share) => _latencies.Count == 0 ? 0 : _latencies[(int)(share * (_latencies.Count - 1))];

    private Dictionary<string, long> Verdicts() => Enum.GetValues<Verdict>().Where(verdict => verdict != Verdict.Forwarded)
        .ToDictionary(verdict => verdict.ToString().ToLowerInvariant(), verdict => _agent.Threads.Sum(thread => thread.Counters[verdict]));
}

/// <summary>The agent's last seconds.</summary>
/// <param name="QueriesPerSecond">Answered, or refused an answer.</param>
/// <param name="HitRatio">The share that was answered from the cache or the agent's own names.</param>
/// <param name="Kernel">What the kernel decided for sockets' calls.</param>
/// <param name="LatencyMicroseconds">From when a query was read until its answer was written; 0 when there was none.</param>
/// <param name="Lost">Flows that the rates of names, pods, codes and the kernel, and the latencies, lack.</param>
internal sealed record TopReport(
    DateTimeOffset Time, double Seconds, double QueriesPerSecond, double HitRatio, IReadOnlyList<TopRate> Verdicts, IReadOnlyList<TopRate> Rcodes,
    IReadOnlyList<TopRate> Names, IReadOnlyList<TopRate> Pods, IReadOnlyList<TopRate> Kernel, TopLatency LatencyMicroseconds, long Lost);

internal sealed record TopRate(string Name, double PerSecond);

internal sealed record TopLatency(double Median, double P90, double P99);

[JsonSerializable(typeof(TopReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class TopJson : JsonSerializerContext;

using Agent.Dns;
using Agent.Forwarding;
using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>The servers that are asked. Those that no route has any more are not shown.</summary>
internal static class UpstreamMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Gauge, "lra_upstream_available", "Whether a server is asked first; 0: it did not answer lately, and others are asked before it", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
                samples.Add(upstream.IsAvailable ? 1 : 0, upstream.Server);
        })
        {
            Labels = ["server"],
        },
        new(MetricKind.Counter, "lra_upstream_queries_total", "Questions of clients sent to a server; tls: over HTTPS too", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
            {
                samples.Add(upstream.Counters.SentUdp, upstream.Server, "udp");
                samples.Add(upstream.Counters.SentTcp, upstream.Server, "tcp");
                samples.Add(upstream.Counters.SentTls, upstream.Server, "tls");
            }
        })
        {
            Labels = ["server", "protocol"],
        },
        OfServers(MetricKind.Counter, "lra_upstream_retries_total", "Of those, the ones that another send went before, to this server or another", counters => counters.Retries),
        OfServers(MetricKind.Counter, "lra_upstream_answers_total", "Answers, positive and negative", counters => counters.Answers),
        OfServers(MetricKind.Counter, "lra_upstream_timeouts_total", "Questions without an answer for 0.4 s; it may have come later", counters => counters.Timeouts),
        OfServers(MetricKind.Counter, "lra_upstream_failures_total", "Error answers, closed ports, connections that broke or could not be made", counters => counters.Failures),
        OfServers(MetricKind.Gauge, "lra_upstream_in_flight", "Questions on their way now", counters => counters.InFlight),
        new(MetricKind.Counter, "lra_upstream_connections_total", "Uses of TCP and TLS connections: opened for a question, or reused by it", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
            {
                samples.Add(upstream.Counters.ConnectionsOpened, upstream.Server, "opened");
                samples.Add(upstream.Counters.ConnectionsReused, upstream.Server, "reused");
            }
        })
        {
            Labels = ["server", "use"],
        },
        new(MetricKind.Histogram, "lra_upstream_duration_seconds", "From a question to its answer, to the millisecond", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
                samples.Add(HistogramTotals.Of(upstream.Latencies.Where(IsAnswer).Select(one => one.Latency)), LatencyHistogram.FirstOfCoreDns, upstream.Server);
        })
        {
            Labels = ["server"],
        },
        new(MetricKind.Gauge, "lra_upstream_loop", "Whether a server brings the questions of a zone back to this agent, and is not asked", (scrape, samples) =>
        {
            foreach (Route route in scrape.Agent.Routes.Routes)
            {
                foreach (LoopCheck check in route.Checks)
                    samples.Add(check.IsLoop ? 1 : 0, DnsName.ToText(route.Zone), check.Server.EndPoint.ToString());
            }
        })
        {
            Labels = ["zone", "server"],
        },
        new(MetricKind.Counter, "lra_loops_found_total", "How often a server was found to be one", (scrape, samples) => samples.Add(scrape.Agent.LoopsFound)),
    ];

    private static bool IsAnswer((ResponseCode Code, LatencyHistogram Latency) one) => one.Code is ResponseCode.NoError or ResponseCode.NxDomain;

    private static MetricFamily OfServers(MetricKind kind, string name, string help, Func<UpstreamCounters, long> read) => new(kind, name, help, (scrape, samples) =>
    {
        foreach (UpstreamReading upstream in scrape.Upstreams)
            samples.Add(read(upstream.Counters), upstream.Server);
    })
    {
        Labels = ["server"],
    };
}

/// <summary>One address that is asked, be it by several routes and over several protocols.</summary>
/// <param name="Latencies">From a question to its answer, error answers too.</param>
internal sealed record UpstreamReading(
    string Server, bool IsAvailable, UpstreamCounters Counters, long ProbesFailed, IReadOnlyList<(ResponseCode Code, LatencyHistogram Latency)> Latencies)
{
    public static IReadOnlyList<UpstreamReading> Of(RouteTable routes) =>
    [
        .. from server in routes.Routes.SelectMany(route => route.Checks).Select(check => check.Server).Distinct()
           group server by server.EndPoint into address
           select new UpstreamReading(
               address.Key.ToString(),
               address.Any(server => !server.IsAvoided),
               UpstreamCounters.Sum(address.Select(server => server.Counters)),
               address.Sum(server => server.ProbesFailed),
               [.. address.SelectMany(server => server.Latencies)]),
    ];
}

using Agent.Dns;
using Agent.Forwarding;

namespace Agent.Observability.Metrics;

/// <summary>The servers that are asked. Those that no route has any more are not shown.</summary>
internal static class UpstreamMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Gauge, "lra_upstream_available", "Whether a server is asked first; 0: it did not answer lately, and others are asked before it", (scrape, samples) =>
        {
            foreach (Server server in ServersOf(scrape.Agent))
                samples.Add(server.IsAvoided ? 0 : 1, server.EndPoint.ToString());
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

    /// <summary>Each address once, also when several routes name it.</summary>
    public static IEnumerable<Server> ServersOf(NodeAgent agent) =>
        agent.Routes.Routes.SelectMany(route => route.Checks).Select(check => check.Server).DistinctBy(server => server.EndPoint);
}

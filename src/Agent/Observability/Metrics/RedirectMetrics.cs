using Agent.Configuration;
using Agent.Native;
using Agent.Redirect;

namespace Agent.Observability.Metrics;

/// <summary>What the kernel decides, and whether it decides for this agent.</summary>
internal static class RedirectMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Gauge, "lra_redirect_enabled", "Whether the configuration has this node redirect", (scrape, samples) =>
            samples.Add(scrape.Agent.Configuration.Redirect.Enabled ? 1 : 0)),
        new(MetricKind.Gauge, "lra_redirect_active", "Whether it does", (scrape, samples) => samples.Add(scrape.Agent.Redirect.Datapath == null ? 0 : 1)),
        new(MetricKind.Counter, "lra_redirect_decisions_total", "What the kernel decided for calls to a frontend: the first of agent, local (a pod of this node), fallback, untouched that there is; excluded: the caller is left alone", WriteDecisions)
        {
            Labels = ["frontend", "protocol", "policy", "outcome"],
        },
        new(MetricKind.Gauge, "lra_lease_remaining_seconds", "How long the kernel still takes this agent for well", (scrape, samples) =>
        {
            if (scrape.Agent.Redirect.Datapath is { } datapath)
                samples.Add(Lease.Remaining(datapath).TotalSeconds);
        }),
        new(MetricKind.Counter, "lra_self_probes_total", "Questions that the agent asked itself through the kernel", (scrape, samples) =>
        {
            if (scrape.Agent.Redirect.Probe is not { } probe)
                return;
            samples.Add(probe.Answered, "answered");
            samples.Add(probe.Failed, "failed");
        })
        {
            Labels = ["result"],
        },
        new(MetricKind.Gauge, "lra_self_probe_age_seconds", "Since the last of them was answered", (scrape, samples) =>
        {
            if (scrape.Agent.Redirect.Probe?.LastAnswer is { } age)
                samples.Add(age.TotalSeconds);
        }),
    ];

    private static void WriteDecisions(Scrape scrape, SampleWriter samples)
    {
        foreach (FrontendReading frontend in scrape.Frontends)
        {
            foreach ((string outcome, ulong count) in frontend.Outcomes)
                samples.Add(count, frontend.Address, frontend.Protocol, frontend.Policy, outcome);
        }
    }
}

/// <summary>How often the kernel decided what for one frontend.</summary>
/// <param name="Policy">Whose it is: of a policy its name, else <c>configuration</c> or the Service.</param>
internal sealed record FrontendReading(string Address, string Protocol, string Policy, IReadOnlyList<(string Outcome, ulong Count)> Outcomes)
{
    public static IReadOnlyList<FrontendReading> Of(NodeAgent agent)
    {
        if (agent.Redirect.Datapath is not { } datapath)
            return [];
        return [.. datapath.Frontends.Keys().Select(key => Read(agent, datapath, key)).OrderBy(frontend => frontend.Address, StringComparer.Ordinal).ThenBy(frontend => frontend.Protocol)];
    }

    private static FrontendReading Read(NodeAgent agent, Datapath datapath, Endpoint key)
    {
        OutcomeCounters sum = FrontendStatus.Sum(datapath.Counters, key);
        return new FrontendReading(
            key.ToEndPoint().ToString(),
            key.protocol == Endpoint.Tcp ? "tcp" : "udp",
            OwnerOf(agent, key),
            [("agent", sum.agent), ("local", sum.local), ("fallback", sum.fallback), ("untouched", sum.untouched), ("excluded", sum.excluded)]);
    }

    private static string OwnerOf(NodeAgent agent, Endpoint key)
    {
        if (agent.Configuration.Redirect.Frontends.Any(IsIt))
            return "configuration";
        return agent.Cluster?.Policies.FirstOrDefault(policy => policy.Programmed.IsTrue && policy.Frontends.Any(IsIt))?.Key.ToString()
            ?? agent.Configuration.Kubernetes.DnsService.ToString();

        bool IsIt(FrontendConfiguration frontend) =>
            frontend.Protocols.Any(protocol => Endpoint.From(new System.Net.IPEndPoint(frontend.Address, frontend.Port), (byte)protocol).Equals(key));
    }
}

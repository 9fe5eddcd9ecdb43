using System.Diagnostics;
using Agent.Configuration;
using Agent.Redirect;
using Agent.Serving;

namespace Agent.Observability;

/// <summary>One part of the agent that can be well or not.</summary>
/// <param name="Name">The same always; metrics have it as a label.</param>
/// <param name="State">What it does, or why it does not.</param>
internal sealed record HealthPart(string Name, bool IsWell, string State)
{
    public override string ToString() => $"{Name}: {(IsWell ? "ok" : "FAILED")}, {State}";
}

/// <summary>Whether the agent works, and whether pods' queries should come to it.</summary>
internal static class Health
{
    // As the lease has it; and a kubelet's probe waits no longer than 1 s by default.
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(800);

    /// <summary>Whether each serving thread turns: waits until it has, which takes a healthy one 200 ms at the most.</summary>
    public static async Task<HealthPart> Workers(IReadOnlyList<ServingThread> threads)
    {
        (ServingThread Thread, long Turns)[] before = [.. threads.Select(thread => (thread, thread.Turns))];
        long started = Stopwatch.GetTimestamp();
        while (before.Any(Stands) && Stopwatch.GetElapsedTime(started) < _patience)
            await Task.Delay(20);
        string[] standing = [.. before.Where(Stands).Select(seen => seen.Thread.Name)];
        return standing.Length == 0
            ? new HealthPart("workers", true, $"all {before.Length} serving threads turn")
            : new HealthPart("workers", false, $"{standing.Length} of {before.Length} serving threads stand still: {string.Join(", ", standing)}");

        static bool Stands((ServingThread Thread, long Turns) seen) => seen.Thread.Turns == seen.Turns;
    }

    /// <summary>What must be well before pods' queries should come.</summary>
    public static IReadOnlyList<HealthPart> Readiness(NodeAgent agent) => [Running(agent), Names(agent), Redirect(agent), SelfProbe(agent)];

    private static HealthPart Running(NodeAgent agent) => agent.IsStopping
        ? new HealthPart("running", false, "it is about to stop")
        : new HealthPart("running", true, $"serves on {agent.Configuration.Listen.Addresses.Count} address(es)");

    private static HealthPart Names(NodeAgent agent) => agent.Cluster switch
    {
        null => new HealthPart("names", true, "all names are forwarded, no cluster is watched"),
        { HasNames: true } => new HealthPart("names", true, "the cluster's names are answered from the agent's own table"),
        { IsSynced: true } => new HealthPart("names", true, "the cluster's names are forwarded"),
        { KubeDns.Servers.Count: > 0 } => new HealthPart("names", true, "the cluster's names are forwarded to the servers that the kernel remembers"),
        { Failure: var failure } => new HealthPart("names", false, $"nothing is known of the cluster yet: {failure ?? "its objects are being listed"}"),
    };

    private static HealthPart Redirect(NodeAgent agent)
    {
        RedirectConfiguration redirect = agent.Configuration.Redirect;
        if (!redirect.Enabled)
            return new HealthPart("redirect", true, "off by configuration");
        if (agent.Redirect.Datapath is not { } datapath)
            return new HealthPart("redirect", false, agent.Redirect.Failure ?? "it is about to begin");
        IReadOnlyList<string> missing = KernelStatus.MissingLinksOf(redirect.PinPath);
        if (missing.Count > 0)
            return new HealthPart("redirect", false, $"not attached: {string.Join(", ", missing)}; restart the agent");
        return Lease.Remaining(datapath) > TimeSpan.Zero
            ? new HealthPart("redirect", true, "the programs are attached, the lease is valid")
            : new HealthPart("redirect", false, "the lease has run out: the kernel uses the fallback");
    }

    private static HealthPart SelfProbe(NodeAgent agent)
    {
        const string Name = "self-probe";
        if (!agent.Configuration.Redirect.Enabled)
            return new HealthPart(Name, true, "nothing to probe, the redirect is off");
        if (agent.Redirect.Probe is not { } probe)
            return new HealthPart(Name, false, agent.Redirect.ProbeFailure ?? "nothing to probe, this node does not redirect");
        if (agent.Redirect.LeadsElsewhere)
            return new HealthPart(Name, true, "nothing to probe, no frontend leads to the agent");
        string age = probe.LastAnswer is { } last ? $"last answered {last.TotalSeconds:0.0} s ago" : "never answered";
        return new HealthPart(Name, probe.IsWell, probe.Failure is { } failure ? $"{age}: {failure}" : age);
    }
}

using System.Text.RegularExpressions;

namespace Agent.Lab.Tests;

/// <summary>Whether the agent knows that the kernel sends it what pods ask; here it runs beside the pods' cgroup.</summary>
public class ReadinessTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(20); // asked every 3 s, and old after 10

    [BpfFact]
    public void The_agent_asks_itself_through_the_kernel_over_both_families_and_leaves_no_cgroup_behind()
    {
        lab.EnsureAgentServes();

        Wait.Until(() => Ready().IsReady, _soon, "the agent is ready");

        Assert.Contains("redirect: ok, ", Ready().Text, StringComparison.Ordinal);
        Assert.Matches(@"self-probe: ok, last answered \d+\.\d s ago\n", Ready().Text);
        string metrics = Metrics();
        Assert.Equal(0, Value(metrics, "lra_self_probes_total", "failed"));
        foreach (string frontend in (string[])["10.96.0.10:53", "[fd00:10:96::a]:53"])
            Assert.InRange(Value(metrics, "lra_redirect_decisions_total", $"{frontend}\",protocol=\"udp", "outcome=\"agent\""), 1, 1e6);
        Assert.Empty(Directory.GetDirectories(Path.Combine(lab.Cgroup, "kubepods"), "lra-probe-*"));
        Assert.Contains(File.ReadAllText($"/run/{lab.Name}/agent.pid").Trim(), File.ReadLines(Path.Combine(lab.Cgroup, AgentCgroup, "cgroup.procs")));
    }

    [BpfFact]
    public void A_program_that_is_not_attached_any_more_is_named_and_the_probe_fails()
    {
        lab.EnsureAgentServes();
        Wait.Until(() => Ready().IsReady, _soon, "the agent is ready");

        Processes.Run("bpftool", ["link", "detach", "pinned", Path.Combine(lab.Pins, "lra_sendmsg4")]);

        Wait.Until(() => Ready().Text.Contains("self-probe: FAILED", StringComparison.Ordinal), _soon, "the probe fails");
        Assert.Contains("redirect: FAILED, not attached: lra_sendmsg4", Ready().Text, StringComparison.Ordinal);
        Assert.Contains("10.96.0.10:53", Ready().Text, StringComparison.Ordinal);
        Assert.False(Ready().IsReady);
        lab.Lab("agent", "stop");
        lab.EnsureAgentServes();
        Wait.Until(() => Ready().IsReady, _soon, "ready again");
    }

    [BpfFact]
    public void What_the_kernel_decides_is_counted_by_frontend_and_outcome()
    {
        lab.EnsureAgentServes();
        double before = Value(Metrics(), "lra_redirect_decisions_total", "10.96.0.10:53\",protocol=\"tcp\",policy=\"configuration", "outcome=\"agent\"");

        for (int i = 0; i < 3; i++)
            Assert.True(lab.Probe("-t tcp 10.96.0.10").IsFlawless);

        Assert.Equal(before + 3, Value(Metrics(), "lra_redirect_decisions_total", "10.96.0.10:53\",protocol=\"tcp\",policy=\"configuration", "outcome=\"agent\""));
    }

    /// <summary>Below the lab's cgroup.</summary>
    protected virtual string AgentCgroup => "system/agent";

    private (bool IsReady, string Text) Ready()
    {
        string text = lab.Get(9254, "readyz");
        return (text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal), text);
    }

    private string Metrics()
    {
        Thread.Sleep(1100); // past the second for which scrapes are given the same text
        return lab.Get(9253, "metrics");
    }

    private static double Value(string metrics, string name, params string[] parts)
    {
        string line = metrics.Split('\n').Single(line => line.StartsWith($"{name}{{", StringComparison.Ordinal) && parts.All(part => line.Contains(part, StringComparison.Ordinal)));
        return double.Parse(Regex.Match(line, @" (\S+)$").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
    }
}

/// <summary>The same where the agent runs as a DaemonSet has it, in a pod below the attach point, and is excluded there.</summary>
public sealed class DaemonSetReadinessTests(DaemonSetLabFixture lab) : ReadinessTests(lab), IClassFixture<DaemonSetLabFixture>
{
    protected override string AgentCgroup => "kubepods/burstable/pod-lra";
}

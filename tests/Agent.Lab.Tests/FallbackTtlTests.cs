namespace Agent.Lab.Tests;

/// <summary>A lab whose agent trusts the fallback for five seconds after its own end.</summary>
public sealed class FallbackTtlLab : LabFixture
{
    public FallbackTtlLab()
    {
        if (Machine.LacksForBpf is null)
            File.WriteAllText(Configuration, File.ReadAllText(Configuration).Replace("  pinPath:", "  fallbackTtl: 5s\n  pinPath:", StringComparison.Ordinal));
    }
}

public sealed class FallbackTtlTests(FallbackTtlLab lab) : IClassFixture<FallbackTtlLab>
{
    private static readonly TimeSpan _longEnough = TimeSpan.FromSeconds(20);

    [BpfTheory]
    [InlineData("kill")]
    [InlineData("stop")]
    public void F5_an_agent_that_stays_away_leaves_the_pods_to_whatever_else_serves_the_ClusterIP(string end)
    {
        lab.EnsureAgentServes();

        lab.Lab("agent", end);
        ProbeReport first = lab.Probe("10.96.0.10");
        lab.Lab("rival", "attach");
        try
        {
            Wait.Until(() => lab.Probe("-w 50 10.96.0.10").Peer == "198.51.100.1:53", _longEnough, "the other load balancer serves the ClusterIP");
            CommandResult status = lab.TryLraOnW1("status");
            lab.EnsureAgentServes();

            Assert.True(first is { IsFlawless: true, Peer: "10.96.0.10:53" }, first.Text);
            Assert.Contains("no agent for longer than redirect.fallbackTtl", status.Output, StringComparison.Ordinal);
        }
        finally
        {
            lab.Lab("rival", "detach");
        }
    }

    [BpfFact]
    public void F5_pods_that_started_before_the_agent_after_a_reboot_are_served_without_a_restart()
    {
        lab.EnsureUninstalled(); // no pins, no links, no addresses: as after a reboot
        using RunningProcess pod = lab.StartProbe("-k -c unconnected -w 200 10.96.0.10");
        ProbeReport before = ProbeReport.Parse(pod.ReadLine());

        lab.EnsureAgentServes();
        ProbeReport after = ProbeReport.AskAgain(pod);

        Assert.Equal(0, before.Received);
        Assert.True(after is { IsFlawless: true, From: "10.96.0.10:53" }, after.Text);
    }
}

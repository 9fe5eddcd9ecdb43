namespace Agent.Lab.Tests;

/// <summary>Another socket-level load balancer, attached at the parent of `kubepods` and translating the same ClusterIP.</summary>
public sealed class CoexistenceTests(LabFixture lab) : IClassFixture<LabFixture>
{
    [BpfTheory]
    [InlineData("-4 -c connected 10.96.0.10")]
    [InlineData("-4 -c unconnected 10.96.0.10")]
    [InlineData("-4 -t tcp 10.96.0.10")]
    public void A_rival_at_the_parent_cgroup_does_not_win_over_the_agent(string shape)
    {
        lab.EnsureAgentServes();
        lab.Lab("rival", "attach");
        try
        {
            ProbeReport outsideKubepods = lab.ProbeFrom("w1", $"-w 200 {shape}");
            ProbeReport pod = lab.Probe(shape);

            Assert.True(outsideKubepods.Received == 0, "the rival translates nothing, so this proves nothing");
            Assert.True(pod.IsFlawless, pod.Text);
        }
        finally
        {
            lab.Lab("rival", "detach");
        }
    }

    [BpfFact]
    public void An_agent_that_attaches_after_a_rival_wins_as_well()
    {
        lab.EnsureUninstalled();
        lab.Lab("rival", "attach");
        try
        {
            ProbeReport withoutAgent = lab.Probe("-w 200 10.96.0.10");
            Assert.Equal("198.51.100.1:53", withoutAgent.Peer);

            lab.EnsureAgentServes();

            ProbeReport pod = lab.Probe("10.96.0.10");
            Assert.True(pod is { IsFlawless: true, Peer: "10.96.0.10:53" }, pod.Text);
        }
        finally
        {
            lab.Lab("rival", "detach");
        }
    }
}

namespace Agent.Lab.Tests;

/// <summary>The agent as a DaemonSet runs it: in a pod of its own, below the cgroup that it attaches to.</summary>
public sealed class DaemonSetLabFixture() : LabFixture("kubepods/burstable/pod-lra");

public sealed class ExclusionTests(DaemonSetLabFixture lab) : IClassFixture<DaemonSetLabFixture>
{
    [BpfTheory]
    [InlineData("-4 -c connected 10.96.0.10")]
    [InlineData("-4 -c unconnected 10.96.0.10")]
    [InlineData("-4 -t tcp 10.96.0.10")]
    [InlineData("-6 -c connected fd00:10:96::a")]
    public void H6_the_agents_own_cgroup_is_left_alone(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport agent = lab.ProbeFrom("agent", $"-w 200 {shape}");
        ProbeReport pod = lab.Probe(shape);

        Assert.Equal(0, agent.Received);
        Assert.True(pod.IsFlawless, pod.Text);
    }

    [BpfTheory]
    [InlineData("connected")]
    [InlineData("unconnected")]
    public void A_pod_behind_a_frontend_is_left_alone_when_it_asks_that_frontend_itself(string connected)
    {
        lab.EnsureAgentServes();
        KernelState.Skip(lab, "10.96.0.10", "kubepods/burstable/pod-curl-pod", isOn: true);
        ProbeReport behind = lab.Probe($"-w 200 -c {connected} 10.96.0.10");
        ProbeReport otherProtocol = lab.Probe("-t tcp 10.96.0.10");
        ProbeReport otherPod = lab.ProbeFrom("webpod", $"-c {connected} 10.96.0.10");
        KernelState.Skip(lab, "10.96.0.10", "kubepods/burstable/pod-curl-pod", isOn: false);
        ProbeReport after = lab.Probe($"-c {connected} 10.96.0.10");

        Assert.Equal(0, behind.Received);
        Assert.True(otherProtocol.IsFlawless, otherProtocol.Text);
        Assert.True(otherPod.IsFlawless, otherPod.Text);
        Assert.True(after.IsFlawless, after.Text);
    }
}

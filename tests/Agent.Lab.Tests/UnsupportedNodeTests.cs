namespace Agent.Lab.Tests;

/// <summary>An agent that may not use BPF, on a node where another load balancer serves the ClusterIP.</summary>
public sealed class UnsupportedNodeTests(LabFixture lab) : IClassFixture<LabFixture>
{
    [BpfFact]
    public void F9_where_the_kernel_refuses_nothing_is_attached_the_status_says_so_and_DNS_is_what_it_was()
    {
        lab.EnsureUninstalled();
        lab.Lab("rival", "attach");
        try
        {
            string attached = KernelState.DescribeAttached(lab);
            ProbeReport before = lab.Probe("-w 200 10.96.0.10");
            using RunningProcess agent = lab.StartLab(["exec", "agent", "setpriv", "--bounding-set", "-bpf,-sys_admin", .. lab.Lra("run")]);
            Wait.Until(() => lab.ProbeFrom("w1", "-w 200 169.254.20.10").IsFlawless, TimeSpan.FromSeconds(10), "the agent serves on its own address");
            Wait.Until(() => lab.TryLraOnW1("status").ExitCode != 3, TimeSpan.FromSeconds(5), "the agent says how it is");

            CommandResult status = lab.TryLraOnW1("status");
            ProbeReport during = lab.Probe("-w 200 10.96.0.10");

            Assert.Equal(1, status.ExitCode);
            Assert.Contains("Redirect  not possible: ", status.Output, StringComparison.Ordinal);
            Assert.Equal(attached, KernelState.DescribeAttached(lab));
            Assert.Equal("198.51.100.1:53", before.Peer);
            Assert.Equal(before.Peer, during.Peer);
        }
        finally
        {
            lab.Lab("rival", "detach");
        }
    }
}

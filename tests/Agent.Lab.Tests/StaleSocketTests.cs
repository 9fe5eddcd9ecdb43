namespace Agent.Lab.Tests;

/// <summary>Connected UDP sockets to a backend that is gone are destroyed, and no other sockets.</summary>
public sealed class StaleSocketTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private const string ClusterIp = "10.96.0.10";
    private const string Gone = "10.244.0.2";
    private const string Gone6 = "fd00:10:244::2";
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(10); // it takes half a second; the machine may be busy

    [BpfFact]
    public void Sockets_that_were_turned_to_a_backend_which_is_gone_get_an_error_and_what_was_not_turned_there_lives()
    {
        MakeFallbackTheOnly(Gone);
        lab.Lab("agent", "kill");
        using RunningProcess stale = Ask($"-4 -c connected {ClusterIp}");
        using RunningProcess stale6 = Ask("-6 -c connected fd00:10:96::a");
        using RunningProcess mapped = Ask($"-m -c connected {ClusterIp}");
        using RunningProcess unconnected = Ask($"-4 -c unconnected {ClusterIp}");
        using RunningProcess direct = Ask($"-4 -c connected {Gone}");
        using RunningProcess direct6 = Ask($"-6 -c connected {Gone6}");
        lab.EnsureAgentServes();
        using RunningProcess atAgent = Ask($"-4 -c connected {ClusterIp}");
        int remembered = KernelState.CountRemembered(lab);

        lab.PutSlices("10.244.0.3");

        foreach (RunningProcess probe in (RunningProcess[])[stale, stale6, mapped])
        {
            ProbeReport report = AskUntilDisconnected(probe);
            Assert.True(report is { Lost: 1, Unreachable: > 0 }, report.Text);
        }

        Assert.Equal(remembered - 3, KernelState.CountRemembered(lab));
        Assert.All(
            (RunningProcess[])[unconnected, direct, direct6, atAgent],
            probe =>
            {
                ProbeReport report = ProbeReport.AskAgain(probe);
                Assert.True(report.IsFlawless, report.Text);
            });
        ProbeReport again = lab.Probe($"-4 -c connected {ClusterIp}");
        Assert.True(again is { IsFlawless: true, Peer: "10.96.0.10:53" }, again.Text);
        Assert.Matches(@"Destroyed \d connected UDP socket\(s\) of 1 pod\(s\) that pointed at .*10\.244\.0\.2:53/UDP", lab.Lab("log"));
    }

    [BpfFact]
    public void Repair_frees_the_sockets_of_an_agent_that_is_dead_and_leaves_those_of_a_living_one()
    {
        lab.PutSlices("10.244.0.2", "10.244.0.3");
        lab.EnsureAgentServes();
        using RunningProcess first = Ask($"-4 -c connected {ClusterIp}");
        using RunningProcess second = Ask("-6 -c connected fd00:10:96::a");
        using RunningProcess unconnected = Ask($"-4 -c unconnected {ClusterIp}");
        CommandResult living = lab.TryLraOnW1("repair");
        lab.Lab("agent", "kill");

        CommandResult dead = lab.TryLraOnW1("repair");
        CommandResult again = lab.TryLraOnW1("repair -o json");

        Assert.Equal((0, "no connected UDP socket points at a backend that is gone\n"), (living.ExitCode, living.Output));
        Assert.Equal(0, dead.ExitCode);
        Assert.Contains("2 connected UDP socket(s) destroyed", dead.Output, StringComparison.Ordinal);
        Assert.Matches(@"10\.244\.1\.2 +burstable/pod-curl-pod +169\.254\.20\.10:53/UDP +10\.96\.0\.10:53/UDP +1", dead.Output);
        Assert.Contains("\"agentServes\": false", again.Output, StringComparison.Ordinal);
        Assert.Contains("\"destroyed\": []", again.Output, StringComparison.Ordinal);
        Assert.Equal(("-", "-"), (ProbeReport.AskAgain(first).Peer, ProbeReport.AskAgain(second).Peer));
        Assert.True(ProbeReport.AskAgain(unconnected).IsFlawless);
        Assert.True(lab.Probe($"-4 -c connected {ClusterIp}").IsFlawless);
    }

    [BpfFact]
    public void Repair_without_the_capabilities_says_which_are_missing_and_touches_nothing()
    {
        lab.PutSlices("10.244.0.2", "10.244.0.3");
        lab.EnsureAgentServes();
        using RunningProcess probe = Ask($"-4 -c connected {ClusterIp}");
        lab.Lab("agent", "kill");
        using RunningProcess atFallback = Ask($"-4 -c connected {ClusterIp}");

        CommandResult unseen = lab.TryLraOnW1("repair", "setpriv", "--bounding-set", "-sys_ptrace");
        CommandResult closed = lab.TryLraOnW1("repair", "setpriv", "--bounding-set", "-sys_admin,-sys_ptrace");

        Assert.Equal((1, 1), (unseen.ExitCode, closed.ExitCode));
        Assert.Contains("CAP_SYS_PTRACE is missing", unseen.Error, StringComparison.Ordinal);
        Assert.True(ProbeReport.AskAgain(atFallback).IsFlawless);
        Assert.Equal("10.96.0.10:53", ProbeReport.AskAgain(probe).Peer);
    }

    [BpfFact]
    public void Repair_names_programs_that_are_not_attached_and_an_agent_attaches_them()
    {
        lab.EnsureAgentServes();
        File.Delete(Path.Combine(lab.Pins, "lra_getpeername6"));

        CommandResult broken = lab.TryLraOnW1("repair");
        lab.Lab("agent", "stop");
        lab.Lab("agent", "start");
        CommandResult mended = lab.TryLraOnW1("repair");

        Assert.Equal((1, "lra: not attached: lra_getpeername6; restart the agent\n"), (broken.ExitCode, broken.Error));
        Assert.Equal((0, ""), (mended.ExitCode, mended.Error));
    }

    [BpfFact]
    public void Repair_where_nothing_is_pinned_says_so_with_status_1()
    {
        lab.EnsureUninstalled();

        CommandResult result = lab.TryLraOnW1("repair");

        Assert.Equal((1, $"lra: nothing is pinned under {lab.Pins}: nothing is redirected; start the agent\n"), (result.ExitCode, result.Error));
    }

    [BpfFact]
    public void An_agent_that_comes_back_with_another_address_frees_the_sockets_at_the_old_one()
    {
        lab.EnsureAgentServes();
        using RunningProcess probe = Ask($"-4 -c connected {ClusterIp}");
        string configuration = File.ReadAllText(lab.Configuration);
        lab.Lab("agent", "kill");
        File.WriteAllText(lab.Configuration, configuration.Replace("169.254.20.10", "169.254.20.11", StringComparison.Ordinal));
        try
        {
            // Not through the lab: it waits for the address that the agent had.
            using RunningProcess agent = lab.StartLab(["exec", "agent", .. lab.Lra("run")]);

            AskUntilDisconnected(probe);
        }
        finally
        {
            File.WriteAllText(lab.Configuration, configuration);
        }

        lab.EnsureAgentServes();
    }

    private RunningProcess Ask(string shape)
    {
        RunningProcess probe = lab.StartProbe($"-k -w 300 -q kubernetes.default.svc.cluster.local {shape}");
        ProbeReport report = ProbeReport.Parse(probe.ReadLine());
        Assert.True(report.IsFlawless, report.Text);
        return probe;
    }

    private void MakeFallbackTheOnly(string address)
    {
        lab.PutSlices(address);
        lab.EnsureAgentServes();
        Wait.Until(() => !lab.LraOnW1("status").Contains("[fd00:10:244::3]:53", StringComparison.Ordinal), _soon, "the kernel knows one endpoint");
    }

    private static ProbeReport AskUntilDisconnected(RunningProcess probe)
    {
        ProbeReport report = ProbeReport.AskAgain(probe);
        Wait.Until(() => (report = report.Peer == "-" ? report : ProbeReport.AskAgain(probe)).Peer == "-", _soon, "the socket is disconnected");
        return report;
    }
}

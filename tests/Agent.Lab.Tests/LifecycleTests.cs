using Xunit.Abstractions;

namespace Agent.Lab.Tests;

/// <summary>Restart, upgrade and uninstall: state lies in the pins, not in the process.</summary>
public sealed class LifecycleTests(LabFixture lab, ITestOutputHelper output) : IClassFixture<LabFixture>
{
    [BpfTheory]
    [InlineData("stop")]
    [InlineData("kill")]
    public void A_restarted_agent_keeps_the_links_and_replaces_the_programs(string end)
    {
        lab.EnsureAgentServes();
        IReadOnlyList<CgroupLink> before = KernelState.LinksOf(lab);

        lab.Lab("agent", end);
        lab.EnsureAgentServes();

        IReadOnlyList<CgroupLink> after = KernelState.LinksOf(lab);
        Assert.NotEmpty(before);
        Assert.Equal(before.Select(link => link.Id), after.Select(link => link.Id));
        Assert.Empty(before.Select(link => link.ProgramId).Intersect(after.Select(link => link.ProgramId)));
    }

    [BpfTheory]
    [InlineData("-f -c connected")]
    [InlineData("-c unconnected")]
    public void F4_an_upgrade_to_another_layout_puts_new_maps_in_place_and_loses_nothing(string shape)
    {
        lab.EnsureAgentServes();
        IReadOnlyList<CgroupLink> before = KernelState.LinksOf(lab);
        int map = KernelState.MapId(lab, "agent_lease");

        ProbeReport report = LoseDuring(shape, rate: 200, seconds: 4, () =>
        {
            lab.Lab("agent", "stop");
            KernelState.PretendOtherLayout(lab);
            lab.Lab("agent", "start");
        });

        Assert.Equal(before.Select(link => link.Id), KernelState.LinksOf(lab).Select(link => link.Id));
        Assert.NotEqual(map, KernelState.MapId(lab, "agent_lease"));
        Assert.Empty(Directory.GetDirectories("/sys/fs/bpf", $"{lab.Name}-*"));
        Assert.True(report is { IsFlawless: true, Sent: 800 }, report.Text);
    }

    [BpfFact]
    public void F4_an_upgrade_from_layout_1_loses_nothing_and_its_maps_go()
    {
        lab.EnsureAgentServes();

        ProbeReport report = LoseDuring("-f -c connected", rate: 200, seconds: 4, () =>
        {
            lab.Lab("agent", "stop");
            KernelState.PretendLayout1(lab);
            lab.Lab("agent", "start");
        });

        Assert.True(report is { IsFlawless: true, Sent: 800 }, report.Text);
        Assert.False(File.Exists(Path.Combine(lab.Pins, "excluded_cgroups")));
        Assert.Empty(Directory.GetDirectories("/sys/fs/bpf", $"{lab.Name}-*"));
    }

    [BpfTheory]
    [InlineData("-f -c connected")]
    [InlineData("-c unconnected")]
    public void F4_an_upgrade_of_the_programs_in_place_loses_nothing_at_200_queries_a_second(string shape)
    {
        lab.EnsureAgentServes();
        IReadOnlyList<CgroupLink> before = KernelState.LinksOf(lab);

        ProbeReport report = LoseDuring(shape, rate: 200, seconds: 4, () =>
        {
            lab.Lab("agent", "stop");
            lab.Lab("agent", "start");
        });

        IReadOnlyList<CgroupLink> after = KernelState.LinksOf(lab);
        Assert.Equal(before.Select(link => link.Id), after.Select(link => link.Id));
        Assert.NotEqual(before.Select(link => link.ProgramId), after.Select(link => link.ProgramId));
        Assert.True(report is { IsFlawless: true, Sent: 800 }, report.Text);
    }

    [BpfTheory]
    [InlineData("-f -c connected")]
    [InlineData("-c unconnected")]
    public void F4_SIGTERM_and_start_lose_nothing_at_1000_queries_a_second(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport report = LoseDuring(shape, rate: 1000, seconds: 10, () =>
        {
            for (int i = 0; i < 3; i++)
            {
                lab.Lab("agent", "stop");
                lab.Lab("agent", "start");
            }
        });

        Assert.True(report is { IsFlawless: true, Sent: 10000 }, report.Text);
    }

    [BpfFact]
    public void F4_SIGTERM_answers_what_sits_in_the_agents_sockets()
    {
        const int Burst = 3000;
        lab.EnsureAgentServes();
        lab.Lab("agent", "pause");
        using RunningProcess probe = lab.StartProbe($"-c unconnected -n {Burst} -W {Burst} -w 4000 -q www.outside.test 10.96.0.10");
        Wait.Until(() => KernelState.BytesInAgentSockets(lab) > 0, TimeSpan.FromSeconds(1), "queries wait in the agent's sockets");
        using RunningProcess stop = lab.StartLab("agent", "stop");
        Wait.Until(() => KernelState.IsToldToEnd(lab), TimeSpan.FromSeconds(1), "SIGTERM waits for the agent");
        lab.Lab("agent", "resume");

        Assert.Equal(0, stop.WaitForEnd(TimeSpan.FromSeconds(10)).ExitCode);
        ProbeReport report = ProbeReport.Parse(probe.WaitForEnd(TimeSpan.FromSeconds(10)).Output);

        Assert.True(report is { IsFlawless: true, Sent: Burst }, report.Text);
    }

    [BpfTheory]
    [InlineData("-f -c connected")]
    [InlineData("-c unconnected")]
    public void F1_kill_9_and_start_lose_at_most_what_sits_in_the_agents_sockets(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport report = LoseDuring(shape, rate: 1000, seconds: 5, () =>
        {
            lab.Lab("agent", "kill");
            lab.Lab("agent", "start");
        });

        // Between the signal and the end of the sockets the kernel tears the process's memory down: 10 ms, 40 ms on a busy machine.
        const int MostTeardownMilliseconds = 150;
        Assert.True(report is { WrongSource: 0, BadRcode: 0, Sent: 5000 }, report.Text);
        Assert.InRange(report.Lost, 0, MostTeardownMilliseconds);
        Assert.InRange(report.LostAt.LastOrDefault() - report.LostAt.FirstOrDefault(), 0, MostTeardownMilliseconds);
    }

    [BpfFact]
    public void F6_uninstall_leaves_nothing()
    {
        lab.EnsureUninstalled();
        string before = KernelState.Describe(lab);

        lab.EnsureAgentServes();
        string during = KernelState.Describe(lab);
        lab.Lab("agent", "stop");
        lab.LraOnW1("uninstall");

        Assert.NotEqual(before, during);
        // The kernel frees a detached link after the command has ended.
        Wait.Until(() => KernelState.Describe(lab) == before, TimeSpan.FromSeconds(2), $"is as before:\n{before}\n{during}");
        Assert.Equal(0, lab.Probe("-w 200 10.96.0.10").Received);
    }

    [BpfFact]
    public void F6_uninstall_after_kill_9_leaves_nothing()
    {
        lab.EnsureUninstalled();
        string before = KernelState.Describe(lab);

        lab.EnsureAgentServes();
        lab.Lab("agent", "kill");
        lab.LraOnW1("uninstall");

        Wait.Until(() => KernelState.Describe(lab) == before, TimeSpan.FromSeconds(2), $"is as before:\n{before}");
    }

    /// <summary>Asks at a steady rate, lets something happen a little after the start, and returns what was lost.</summary>
    private ProbeReport LoseDuring(string shape, int rate, int seconds, Action happen)
    {
        using RunningProcess probe = lab.StartProbe($"{shape} -r {rate} -s {seconds} -w 2000 -q www.outside.test 10.96.0.10");
        Assert.Equal("sending", probe.ReadLine());
        int before = lab.QueriesAtKubeDns;
        happen();
        int fellBack = lab.QueriesAtKubeDns - before;
        ProbeReport report = ProbeReport.Parse(probe.WaitForEnd(TimeSpan.FromSeconds(seconds + 10)).Output);
        output.WriteLine(
            $"{shape}: {report.Lost} of {report.Sent} lost at {rate} queries/s (sent at ms {string.Join(' ', report.LostAt)}), kube-dns received {fellBack}, "
            + $"sockets were too full for: {KernelState.DatagramsDropped(lab)}");
        return report;
    }
}

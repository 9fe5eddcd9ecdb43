using System.Diagnostics;

namespace Agent.Lab.Tests;

/// <summary>The kernel decides where DNS goes when the agent is dead, or alive and not well.</summary>
public sealed class LivenessTests(LabFixture lab) : IClassFixture<LabFixture>
{
    [BpfTheory]
    [InlineData("-4 -c connected 10.96.0.10")]
    [InlineData("-4 -c unconnected 10.96.0.10")]
    [InlineData("-4 -t tcp 10.96.0.10")]
    [InlineData("-6 -c connected fd00:10:96::a")]
    [InlineData("-6 -c unconnected fd00:10:96::a")]
    [InlineData("-6 -t tcp fd00:10:96::a")]
    [InlineData("-m -c connected 10.96.0.10")]
    [InlineData("-m -c unconnected 10.96.0.10")]
    [InlineData("-m -t tcp 10.96.0.10")]
    public void F1_after_kill_9_the_very_next_query_is_answered_by_kube_dns(string shape)
    {
        lab.EnsureAgentServes();
        int before = lab.QueriesAtKubeDns;

        lab.Lab("agent", "kill");
        ProbeReport report = lab.Probe(shape);

        Assert.True(report.IsFlawless, report.Text);
        Assert.Equal(before + 1, lab.QueriesAtKubeDns);
    }

    [BpfFact]
    public void F1_the_kernel_strikes_a_killed_agent_out_of_its_lease()
    {
        const uint OwnerDied = 0x40000000; // FUTEX_OWNER_DIED, and no thread's ID
        lab.EnsureAgentServes();
        // As the thread knows itself: in a container it has another ID than here.
        IEnumerable<string> threads = Directory.GetDirectories($"/proc/{lab.AgentProcess}/task")
            .Select(thread => File.ReadLines($"{thread}/status").First(line => line.StartsWith("NSpid:", StringComparison.Ordinal)).Split('\t')[^1]);
        Assert.Contains($"{KernelState.LeaseOwner(lab)}", threads);

        lab.Lab("agent", "kill");

        Assert.Equal(OwnerDied, KernelState.LeaseOwner(lab));
    }

    [BpfFact]
    public void F3_no_process_holds_the_datapath_only_its_pins()
    {
        lab.EnsureAgentServes();
        IReadOnlyList<CgroupLink> links = KernelState.LinksOf(lab);

        lab.Lab("agent", "kill");

        Assert.Equal(9, links.Count);
        Assert.Equal(links, KernelState.LinksOf(lab));
        ProbeReport report = lab.Probe("-n 20 10.96.0.10");
        Assert.True(report.IsFlawless, report.Text);
    }

    [BpfFact]
    public void F1_an_unconnected_socket_lives_through_kill_9_and_restart_and_sees_only_the_ClusterIP()
    {
        lab.EnsureAgentServes();
        using RunningProcess probe = lab.StartProbe("-k -c unconnected -q www.outside.test 10.96.0.10");
        Assert.True(ProbeReport.Parse(probe.ReadLine()).IsFlawless);

        lab.Lab("agent", "kill");
        ProbeReport killed = ProbeReport.AskAgain(probe);
        lab.EnsureAgentServes();
        ProbeReport restarted = ProbeReport.AskAgain(probe);

        Assert.True(killed is { IsFlawless: true, From: "10.96.0.10:53" }, killed.Text);
        Assert.True(restarted is { IsFlawless: true, From: "10.96.0.10:53" }, restarted.Text);
    }

    [BpfFact]
    public void F1_both_fallback_servers_take_their_share()
    {
        lab.EnsureAgentServes();
        lab.Lab("agent", "kill");
        string before = lab.Lab("queries");

        ProbeReport report = lab.Probe("-f -n 40 10.96.0.10");

        Assert.True(report.IsFlawless, report.Text);
        Assert.All(before.Split('\n', StringSplitOptions.RemoveEmptyEntries), line =>
            Assert.DoesNotContain(line, lab.Lab("queries").Split('\n')));
    }

    [BpfFact]
    public void F2_a_stopped_agent_loses_its_traffic_within_a_second_and_gets_it_back()
    {
        lab.EnsureAgentServes();
        int before = lab.QueriesAtKubeDns;
        lab.Lab("agent", "pause");
        TimeSpan paused = Stopwatch.GetElapsedTime(0);
        TimeSpan deadline = KernelState.LeaseDeadline(lab);
        ProbeReport report;
        try
        {
            // By the kernel's own word: how long this test's commands take must not decide.
            Assert.InRange(deadline - paused, TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));
            if (deadline > Stopwatch.GetElapsedTime(0))
                Thread.Sleep(deadline - Stopwatch.GetElapsedTime(0) + TimeSpan.FromMilliseconds(1));
            report = lab.Probe("-q www.outside.test 10.96.0.10");
        }
        finally
        {
            lab.Lab("agent", "resume");
        }

        Assert.True(report.IsFlawless, report.Text);
        Assert.Equal(before + 1, lab.QueriesAtKubeDns);
        Wait.Until(lab.IsServedByAgent, TimeSpan.FromSeconds(3), "the agent serves again");
    }

    [BpfFact]
    public void SIGTERM_keeps_the_links_and_hands_over_to_kube_dns()
    {
        lab.EnsureAgentServes();
        IReadOnlyList<CgroupLink> links = KernelState.LinksOf(lab);

        lab.Lab("agent", "stop");
        int before = lab.QueriesAtKubeDns;
        ProbeReport report = lab.Probe("10.96.0.10");

        Assert.NotEmpty(links);
        Assert.Equal(links, KernelState.LinksOf(lab));
        Assert.True(report.IsFlawless, report.Text);
        Assert.Equal(before + 1, lab.QueriesAtKubeDns);
    }
}

using System.Diagnostics;
using Xunit.Abstractions;

namespace Agent.Lab.Tests;

/// <summary>Upgrade and failure while pods ask through every shape of socket. `make matrix` runs it for longer, and prints the table.</summary>
public sealed class FailureMatrixTests(FailureMatrix lab, ITestOutputHelper output) : IClassFixture<FailureMatrix>
{
    // From the signal to the agent's last socket, and what a busy machine adds.
    private const int TeardownMilliseconds = 150;

    // The lease runs out 800 ms after a thread's last turn; a turn takes up to 200 ms.
    private const int LeaseMilliseconds = 1_250;

    [BpfFact]
    public void F1_kill_9_and_start() => LosesAtMost(TeardownMilliseconds, "F1 `kill -9`, then started", () =>
    {
        lab.Lab("agent", "kill");
        lab.Lab("agent", "start");
    });

    [BpfFact]
    public void F2_SIGSTOP_and_SIGCONT() => LosesAtMost(LeaseMilliseconds, $"F2 SIGSTOP for {FailureMatrix.Pause.TotalSeconds:0.#} s", () =>
    {
        lab.Lab("agent", "pause");
        Thread.Sleep(FailureMatrix.Pause);
        lab.Lab("agent", "resume");
    });

    [BpfFact]
    public void F2_one_serving_thread_hangs() => LosesAtMost(LeaseMilliseconds, $"F2 one UDP thread hangs for {FailureMatrix.Pause.TotalSeconds:0.#} s", () =>
    {
        using FrozenThread thread = FrozenThread.Of(lab, "udp 169.254");
        Thread.Sleep(FailureMatrix.Pause);
    });

    [BpfFact]
    public void F4_stop_and_start() => LosesAtMost(0, "F4 stopped, then started", () =>
    {
        lab.Lab("agent", "stop");
        lab.Lab("agent", "start");
    });

    [BpfFact]
    public void F4_an_upgrade_beside_the_agent_that_runs() => LosesNothing("F4 upgrade: a new agent beside the old one, which then ends", () =>
    {
        lab.Lab("agent", "join");
        lab.Lab("agent", "retire");
    });

    [BpfFact]
    public void F4_an_upgrade_beside_the_agent_that_runs_to_another_layout() => LosesNothing("F4 upgrade, and the new one has other maps", () =>
    {
        // What an agent without the map of this name left behind is not compatible.
        File.Delete(Path.Combine(lab.Pins, "agent_lease"));
        lab.Lab("agent", "join");
        lab.Lab("agent", "retire");
    });

    [BpfFact]
    public void F4_a_rollback_while_both_run() => LosesNothing("F4 rollback: the new one ends, the old one is still there", () =>
    {
        lab.Lab("agent", "join");
        lab.Lab("agent", "stop");
    });

    [BpfFact]
    public void F4_the_new_agent_is_killed_while_both_run() => LosesAtMost(TeardownMilliseconds, "F4 upgrade that fails: the new one is killed, the old one is still there", () =>
    {
        lab.Lab("agent", "join");
        lab.Lab("agent", "kill");
    });

    [BpfFact]
    public void F8_kube_dns_stands_still() => LosesNothing($"F8 kube-dns stands still for {FailureMatrix.Pause.TotalSeconds:0.#} s, the name is cached", () =>
    {
        lab.SignalKubeDns("STOP");
        Thread.Sleep(FailureMatrix.Pause);
        lab.SignalKubeDns("CONT");
    });

    private void LosesNothing(string name, Action happen)
    {
        MatrixRow row = Run(name, happen);
        Assert.All(row.Reports, report => Assert.True(report.IsFlawless, report.Text));
    }

    /// <param name="milliseconds">What is sent in so long may be lost; through a connected socket, also what is sent while the agent is away.</param>
    private void LosesAtMost(int milliseconds, string name, Action happen)
    {
        long started = Stopwatch.GetTimestamp();
        TimeSpan took = TimeSpan.Zero;
        MatrixRow row = Run(name, () =>
        {
            happen();
            took = Stopwatch.GetElapsedTime(started);
        });
        for (int i = 0; i < row.Reports.Count; i++)
        {
            double most = i / 2 == FailureMatrix.HeldShape ? took.TotalMilliseconds + LeaseMilliseconds : milliseconds;
            Assert.True(row.Reports[i] is { WrongSource: 0, BadRcode: 0 }, row.Reports[i].Text);
            Assert.InRange(row.Reports[i].Lost, 0, (int)Math.Ceiling(most * FailureMatrix.Rate / 1000));
        }
    }

    private MatrixRow Run(string name, Action happen)
    {
        lab.EnsureAgentServes();
        MatrixRow row = lab.Run(name, happen);
        output.WriteLine(row.ToString());
        foreach (ProbeReport report in row.Reports)
            output.WriteLine(report.Text);
        lab.EnsureAgentServes();
        return row;
    }
}

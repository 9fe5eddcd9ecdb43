using System.Globalization;

namespace Agent.Lab.Tests;

/// <summary>Two agents on one node: whichever ends, and however, the other has lease, addresses, sockets and the CLI.</summary>
public sealed class SuccessionTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    [BpfTheory]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public void F4_when_the_older_agent_ends_all_stays_the_newer_ones(string signal)
    {
        StartTwo();
        string addresses = lab.Lab("exec", "w1", "ip", "-brief", "address", "show", "lo");

        int elder = int.Parse(File.ReadAllText($"/run/{lab.Name}/elder.pid"), CultureInfo.InvariantCulture);
        Assert.Equal(0, Processes.Run("/bin/kill", [$"-{signal}", $"{elder}"]).ExitCode);
        Wait.Until(() => !Directory.Exists($"/proc/{elder}/fd") || Directory.GetFiles($"/proc/{elder}/fd").Length == 0, _patience, "the older agent has ended");
        File.Delete($"/run/{lab.Name}/elder.pid");

        // Longer than a lease: one that the older agent had withdrawn would be over.
        for (int i = 0; i < 10; i++, Thread.Sleep(100))
            Assert.True(lab.IsServedByAgent(), $"turn {i}");
        Assert.Equal(addresses, lab.Lab("exec", "w1", "ip", "-brief", "address", "show", "lo"));
        Assert.Contains($"process {lab.AgentProcess},", lab.LraOnW1("status"), StringComparison.Ordinal);
    }

    [BpfTheory]
    [InlineData("stop")]
    [InlineData("kill")]
    public void F4_when_the_newer_agent_ends_the_older_one_takes_all_back(string end)
    {
        int elder = StartTwo();

        lab.Lab("agent", end);

        Assert.Equal(elder, lab.AgentProcess);
        Wait.Until(lab.IsServedByAgent, _patience, "the older agent serves again");
        Wait.Until(() => lab.TryLraOnW1("status") is { ExitCode: 0 } status && status.Output.Contains($"process {elder},", StringComparison.Ordinal), _patience, "the CLI reaches it");
        lab.Lab("agent", "join");
        lab.Lab("agent", "retire");
        Assert.NotEqual(elder, lab.AgentProcess);
    }

    [BpfFact]
    public void F4_the_older_of_two_agents_leaves_the_maps_to_the_newer()
    {
        StartTwo();
        string configuration = File.ReadAllText(lab.Configuration);
        int backends = KernelState.CountOf(lab, "backends");
        lab.Lab("agent", "pause");
        try
        {
            File.WriteAllText(lab.Configuration, configuration.Replace(", \"10.244.0.3:53\"] }\n    - ", "] }\n    - ", StringComparison.Ordinal));
            Thread.Sleep(1_500); // the older one looks at the file every second, and takes over 2.8 s after the newer one has stopped
            Assert.Equal(backends, KernelState.CountOf(lab, "backends"));
        }
        finally
        {
            lab.Lab("agent", "resume");
        }

        Wait.Until(() => KernelState.CountOf(lab, "backends") == backends - 2, _patience, "the newer agent goes by the changed file");
        File.WriteAllText(lab.Configuration, configuration);
        lab.Lab("agent", "retire");
    }

    [BpfFact]
    public void F4_when_the_newer_agent_hangs_the_older_one_takes_all_back_and_keeps_it()
    {
        StartTwo();
        int before = Takeovers();
        lab.Lab("agent", "pause");
        try
        {
            Wait.Until(() => Takeovers() == before + 1, 2 * _patience, "the older agent takes the traffic");
            Wait.Until(lab.IsServedByAgent, _patience, "it serves while the newer one is stopped");
        }
        finally
        {
            lab.Lab("agent", "resume");
        }

        // Longer than it takes to be found hanging: the one that was must not take the traffic back from one that is well.
        Thread.Sleep(4_000);
        Assert.Equal(before + 1, Takeovers());
        Wait.Until(lab.IsServedByAgent, _patience, "the older agent serves on");
        lab.Lab("agent", "retire");
        Wait.Until(lab.IsServedByAgent, _patience, "the newer agent serves when the older one has left");
    }

    [BpfFact]
    public void F4_an_agent_that_is_handed_nothing_does_not_start_beside_one_that_runs()
    {
        lab.EnsureAgentServes();
        lab.Lab("agent", "pause");
        try
        {
            // A stopped agent hands nothing on, and holds the TCP port: two that do not know of each other must not share the pods.
            CommandResult second = lab.TryLraOnW1("run");
            Assert.Equal(1, second.ExitCode);
            Assert.Contains("169.254.20.10:53", second.Error, StringComparison.Ordinal);
        }
        finally
        {
            lab.Lab("agent", "resume");
        }

        Wait.Until(lab.IsServedByAgent, _patience, "the agent serves again");
    }

    /// <summary>How often an agent of this lab took the traffic back from another.</summary>
    private int Takeovers() => File.ReadAllText($"/run/{lab.Name}/agent.log").Split("this one has it again").Length - 1;

    /// <returns>The older agent's process.</returns>
    private int StartTwo()
    {
        lab.EnsureAgentServes();
        int elder = lab.AgentProcess;
        lab.Lab("agent", "join");
        Assert.NotEqual(elder, lab.AgentProcess);
        return elder;
    }
}

using System.Globalization;

namespace Agent.Lab.Tests;

/// <summary>An agent whose wall clock is set while it runs (tests/lab/skew.c).</summary>
public sealed class ClockTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private const int Hour = 3600;

    [BpfFact]
    public void F10_a_wall_clock_that_is_set_by_an_hour_changes_no_TTL_and_no_lease()
    {
        lab.EnsureUninstalled();
        string skew = $"/run/{lab.Name}/skew";
        File.WriteAllText(skew, "0");
        using RunningProcess agent = lab.StartLab(
            ["exec", "agent", "env", $"LD_PRELOAD={Path.Combine(Machine.Repository, "out/skew.so")}", $"CLOCK_SKEW_FILE={skew}", .. lab.Lra("run")]);
        Wait.Until(lab.IsServedByAgent, TimeSpan.FromSeconds(10), "the agent serves the ClusterIP");
        int before = TtlOf("www.outside.test");
        int asked = lab.QueriesAtKubeDns;

        foreach (int seconds in new[] { Hour, -Hour })
        {
            File.WriteAllText(skew, seconds.ToString(CultureInfo.InvariantCulture));
            TimeSpan off = TimeTheAgentLogs(agent) - DateTime.UtcNow;
            Assert.InRange(off.TotalSeconds, seconds - 60, seconds + 60);
            Assert.InRange(TtlOf("www.outside.test"), before - 60, before);
            Assert.True(lab.IsServedByAgent());
        }

        Assert.Equal(asked, lab.QueriesAtKubeDns);
    }

    private int TtlOf(string name)
    {
        string[] fields = lab.Lab("exec", "curl-pod", "dig", "+noall", "+answer", name).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return int.Parse(fields[1], CultureInfo.InvariantCulture);
    }

    /// <summary>What the agent takes for the time, by the line that it logs when its configuration file is changed.</summary>
    private DateTime TimeTheAgentLogs(RunningProcess agent)
    {
        File.AppendAllText(lab.Configuration, "# changed\n");
        string line;
        do
            line = agent.ReadLine();
        while (!line.Contains("has changed, and is in force", StringComparison.Ordinal));
        return DateTime.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal);
    }
}

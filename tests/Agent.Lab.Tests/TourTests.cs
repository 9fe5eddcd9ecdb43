namespace Agent.Lab.Tests;

public sealed class TourTests
{
    [BpfFact]
    public void The_tour_of_make_lab_works_and_leaves_nothing()
    {
        string name = $"lra-test-{Environment.ProcessId}-tour";

        CommandResult result = Processes.Run(
            Path.Combine(Machine.Repository, "tests/lab/lab"), ["tour"], new Dictionary<string, string> { ["LAB"] = name });

        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.False(Directory.Exists($"/run/{name}") || Directory.Exists($"/sys/fs/bpf/{name}"));
        Assert.Empty(Directory.GetFiles("/run/netns", name + "*"));
    }
}

using Xunit.Abstractions;

namespace Agent.Lab.Tests;

/// <summary>A few seconds of <c>make soak</c>, in a lab of its own.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    [BpfFact]
    public void Twenty_seconds_of_loss_delay_restarts_kills_and_stops_give_no_wrong_answer_and_lose_none()
    {
        using RunningProcess soak = Processes.Start(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "Agent.Soak.dll"), "--minutes", "0.34"],
            new Dictionary<string, string> { ["LAB"] = $"lra-test-{Environment.ProcessId}-soak" });
        CommandResult result = soak.WaitForEnd(TimeSpan.FromSeconds(120));
        output.WriteLine(result.Output);

        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }
}

using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>Whether who looks at a node in trouble is told what is wrong, and what to do.</summary>
public sealed class TroubleTests : IDisposable
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));

    public void Dispose() => _setup.Dispose();

    [Fact]
    public async Task An_agent_that_is_well_has_none()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Ask("www.example.test");

        Assert.DoesNotContain("Trouble", await Status(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upstream_that_drops_everything_is_named_in_the_status_and_in_the_log()
    {
        _setup.Upstream.Handler = _ => Task.CompletedTask;
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Task.WhenAll(Ask("one.example.test"), Ask("two.example.test"), Ask("three.example.test"));

        string trouble = $"o server of the route . answers ({_setup.Upstream.EndPoint}): what is not cached fails, what expired is given on";
        Assert.Contains($"\nTrouble   n{trouble}; do they run, and does this node reach them?\n", await Status(), StringComparison.Ordinal);
        await Wait.Until(() => agent.Output.Contains($"N{trouble}", StringComparison.Ordinal), "the log says so");
        Assert.Contains($"{_setup.Upstream.EndPoint} does not answer: it is asked last", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_edit_of_the_configuration_is_named_with_its_line()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        File.AppendAllText(_setup.ConfigurationPath, "\nlog: { queries: everything }\n");
        await Wait.Until(() => agent.Output.Contains("is refused", StringComparison.Ordinal), "the log says so");

        // The CLI reads the same file for the agent's socket, and asks the agent nevertheless.
        (int status, string output, string error) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);

        Assert.Equal(0, status);
        Assert.Contains("log.queries: ", error, StringComparison.Ordinal);
        Assert.EndsWith("lra: the file has mistakes; the agent that runs is asked nevertheless\n", error, StringComparison.Ordinal);
        Assert.Contains("log.queries: ", agent.Output, StringComparison.Ordinal);
        Assert.Contains("\nTrouble   the configuration file is refused, what was before is in force", output, StringComparison.Ordinal);
        (status, output, _) = await AgentProcess.Run("config", "show", "--running", "--config", _setup.ConfigurationPath);
        Assert.Equal(0, status);
        Assert.Contains("queries: none", output, StringComparison.Ordinal);
        Assert.Equal(2, (await AgentProcess.Run("config", "diff", "--config", _setup.ConfigurationPath)).Status);
    }

    [Fact]
    public async Task Text_that_is_no_YAML_is_a_mistake_with_its_line_and_the_agent_serves_on()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        File.WriteAllText(_setup.ConfigurationPath, "listen: [");

        // Where the agent listens is not to be learned from that, and it does not listen where it would by default.
        (int status, string output, string error) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);

        Assert.Equal((2, ""), (status, output));
        Assert.StartsWith($"{_setup.ConfigurationPath}:2: is not YAML", error, StringComparison.Ordinal);
        Assert.Single((await Ask("www.example.test")).Answers);
    }

    private Task<DnsMessage> Ask(string name) => Client.Ask(_setup.EndPoint, DnsMessage.Query(name));

    private async Task<string> Status() => (await AgentProcess.Run("status", "--config", _setup.ConfigurationPath)).Output;
}

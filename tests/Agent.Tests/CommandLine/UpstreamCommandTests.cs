using System.Text.Json;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary><c>lra upstream</c> against a running agent.</summary>
public sealed class UpstreamCommandTests : IDisposable
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));

    public void Dispose() => _setup.Dispose();

    [Fact]
    public async Task List_shows_each_route_with_its_servers_and_what_was_sent_by_which_protocol()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        for (int i = 0; i < 3; i++)
            await Client.Ask(_setup.EndPoint, DnsMessage.Query($"udp{i}.example.test"));
        for (int i = 0; i < 4; i++)
            await Client.Ask(_setup.EndPoint, DnsMessage.Query($"name{i}.tcp.test"));

        (int status, string output, string error) = await Upstream("list");
        Assert.Equal((0, ""), (status, error));
        Assert.Matches(@"(?m)^ZONE +PROTOCOL +POLICY +FROM +SERVER +STATE +IN FLIGHT +SENT +ANSWERS +TIMEOUTS +FAILURES +RETRIES +P50 +P95 *$", output);
        string server = _setup.Upstream.EndPoint.ToString().Replace(".", @"\.", StringComparison.Ordinal);
        Assert.Matches($@"(?m)^tcp\.test\. +tcp +random +configuration +{server} +ok +0 +\d+ +7 +\d+ +0 +\d+ +\d+\.\d +\d+\.\d *$", output);

        JsonElement routes = JsonDocument.Parse((await Upstream("list", "-o", "json")).Output).RootElement.GetProperty("routes");
        Assert.Equal([".", "tcp.test.", "tls.test."], routes.EnumerateArray().Select(route => route.GetProperty("zone").GetString()!).Order(StringComparer.Ordinal));
        JsonElement asked = routes.EnumerateArray().Single(route => route.GetProperty("zone").GetString() == ".").GetProperty("servers")[0];
        // More are sent only when this busy machine answers later than the agent waits.
        Assert.InRange(asked.GetProperty("sentUdp").GetInt64(), 3, 12);
        Assert.InRange(asked.GetProperty("sentTcp").GetInt64(), 4, 16);
        Assert.Equal(0, asked.GetProperty("sentTls").GetInt64());
        Assert.InRange(asked.GetProperty("connectionsOpened").GetInt64(), 1, 4);
        Assert.InRange(asked.GetProperty("connectionsReused").GetInt64(), 1, 16);
        Assert.True(asked.GetProperty("medianMilliseconds").GetDouble() >= 1);
    }

    [Fact]
    public async Task A_silent_server_is_avoided_with_its_timeouts_and_retries_counted_and_an_unverified_one_is_named()
    {
        _setup.Upstream.Handler = _ => Task.CompletedTask;
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        // Each waits until its deadline.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Client.Ask(_setup.EndPoint, DnsMessage.Query($"name{i}.example.test")))
            .Append(Client.Ask(_setup.EndPoint, DnsMessage.Query("secret.tls.test"))));

        string output = (await Upstream("list")).Output;
        Assert.Matches(@"(?m)^\. +udp +random +configuration +\S+ +avoided ", output);
        Assert.Matches(@"(?m)^tls\.test\. +tls +random +configuration +\S+ +no-tls ", output);
        Assert.Contains($"{_setup.Upstream.EndPoint} has no TLS connection: ", output, StringComparison.Ordinal);
        JsonElement routes = JsonDocument.Parse((await Upstream("list", "-o", "json")).Output).RootElement.GetProperty("routes");
        JsonElement silent = routes.EnumerateArray().Single(route => route.GetProperty("zone").GetString() == ".").GetProperty("servers")[0];
        Assert.InRange(silent.GetProperty("timeouts").GetInt64(), 3, 12);
        Assert.InRange(silent.GetProperty("retries").GetInt64(), 3, 9);
        Assert.Equal((0, 0), (silent.GetProperty("answers").GetInt64(), silent.GetProperty("inFlight").GetInt64()));
    }

    [Fact]
    public async Task Without_an_agent_the_status_is_3()
    {
        (int status, string output, string error) = await Upstream("list");

        Assert.Equal((3, ""), (status, output));
        Assert.StartsWith($"lra: the agent is not running (nobody answers on {_setup.AdminSocket})", error, StringComparison.Ordinal);
    }

    private Task<(int Status, string Output, string Error)> Upstream(params string[] arguments) =>
        AgentProcess.Run(["upstream", .. arguments, "--config", _setup.ConfigurationPath]);
}

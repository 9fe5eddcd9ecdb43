using System.Diagnostics;
using System.Text.Json;
using Agent.Kubernetes.Tests.Support;
using Agent.Observability;
using Agent.Tests.Configuration;
using Agent.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Tests.Snapshots;

/// <summary>The executable, stopped or killed and started again while the API server and all upstreams are away.</summary>
public sealed class RestartTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Name = "web.default.svc.cluster.local";
    private const string External = "www.example.test";

    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 300);
    private ApiServer _server = null!;
    private TemporaryFile _kubeconfig = null!;
    private AgentSetup _setup = null!;

    private string SnapshotPath => Path.Combine(Path.GetDirectoryName(_setup.AdminSocket)!, "snapshot");

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _kubeconfig = new TemporaryFile(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(_server)));
        _setup = new AgentSetup(_upstream.EndPoint, $$"""
            node: w1
            kubernetes: { enabled: true, kubeconfig: {{_kubeconfig.Path}} }
            """);
        _server.Put(ApiObjects.KubeDns("10.96.0.10"));
        _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", _upstream.EndPoint.Port, $"{_upstream.EndPoint.Address}"));
        _server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}""");
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
    }

    public async Task DisposeAsync()
    {
        _upstream.Dispose();
        _setup.Dispose();
        _kubeconfig.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task F7_a_restarted_agent_answers_table_and_cache_at_once_with_the_API_server_and_all_upstreams_away_and_the_first_lists_correct_it()
    {
        using (AgentProcess first = await AgentProcess.Serve(_setup))
        {
            await Learn();
            Assert.Equal(0, await first.Terminate());
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SnapshotPath));
        await _server.Stop();
        _upstream.Handler = _ => Task.CompletedTask;
        int asked = _upstream.Count;
        using AgentProcess second = await AgentProcess.Serve(_setup);

        await AssertKnown(asked);
        Assert.Contains("names answered here as they were at ", (await AgentProcess.Run("status", "--config", _setup.ConfigurationPath)).Output, StringComparison.Ordinal);
        _server.Delete("v1", "services", "web", "default"); // while nobody could be told
        await _server.Listen();
        await Wait.Until(() => AddressOf(Name) != "10.96.1.1", "the deleted Service is gone");
        await Wait.Until(() => Status().GetProperty("cluster").GetProperty("namesRestoredFrom").ValueKind == JsonValueKind.Null, "the table is the agent's own");
    }

    [Fact]
    public async Task F1_an_agent_that_was_killed_left_what_it_knew_at_its_last_snapshot()
    {
        using (AgentProcess first = await AgentProcess.Serve(_setup))
        {
            await Learn();
            await Wait.Until(() => File.Exists(SnapshotPath), "the first snapshot");
            Process.GetProcessById(first.Id).Kill(); // SIGKILL
            await first.WaitForExit();
        }

        await _server.Stop();
        _upstream.Handler = _ => Task.CompletedTask;
        int asked = _upstream.Count;
        using AgentProcess second = await AgentProcess.Serve(_setup);

        await AssertKnown(asked);
    }

    [Fact]
    public async Task A_damaged_snapshot_is_one_warning_and_DNS_goes_on()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(SnapshotPath)!);
        File.WriteAllBytes(SnapshotPath, [.. "lra snapshot 1\n"u8, .. new byte[100]]);

        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Learn();

        Assert.Single(agent.Output.Split('\n'), line => line.Contains("its checksum is wrong", StringComparison.Ordinal));
        Assert.Equal(0, await agent.Terminate());
    }

    [Fact]
    public async Task A_table_that_this_agent_may_not_look_after_is_given_up()
    {
        using (AgentProcess first = await AgentProcess.Serve(_setup))
        {
            await Learn();
            Assert.Equal(0, await first.Terminate());
        }

        _server.Trouble.Forbidden["namespaces"] = true;
        using AgentProcess second = await AgentProcess.Serve(_setup);

        await Wait.Until(() => AddressOf(Name) == "192.0.2.1", "kube-dns is asked");
    }

    /// <summary>Has the agent answer a name of the table and one of the upstream's.</summary>
    private async Task Learn()
    {
        await Wait.Until(() => AddressOf(Name) == "10.96.1.1", "the table");
        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query(External))).Answers);
    }

    private async Task AssertKnown(int asked)
    {
        long started = Stopwatch.GetTimestamp();
        Assert.Equal("10.96.1.1", AddressOf(Name));
        DnsMessage answer = await Client.Ask(_setup.EndPoint, DnsMessage.Query(External));
        output.WriteLine($"both answered in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms");
        Assert.Equal("192.0.2.1", Assert.Single(answer.Answers).Address.ToString());
        Assert.InRange(Assert.Single(answer.Answers).Ttl, 200u, 300u);
        Assert.Equal(asked, _upstream.Count);
    }

    private string AddressOf(string name) =>
        Client.Ask(_setup.EndPoint, DnsMessage.Query(name)).GetAwaiter().GetResult().Answers is [{ } answer] ? answer.Address.ToString() : "";

    private JsonElement Status() => JsonDocument.Parse(JsonSerializer.Serialize(
        AdminClient.Ask(_setup.AdminSocket, HttpMethod.Get, AdminServer.StatusPath, StatusJson.Default.AgentStatus),
        StatusJson.Default.AgentStatus)).RootElement;
}

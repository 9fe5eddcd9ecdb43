using System.Net.Sockets;
using Agent.Configuration;
using Agent.Observability;
using Agent.Tests.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

public sealed class CommandTests : IDisposable
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));

    public void Dispose() => _setup.Dispose();

    [Fact]
    public async Task Version_prints_name_and_version()
    {
        (int status, string output, string error) = await AgentProcess.Run("version");

        Assert.Equal((0, ""), (status, error));
        Assert.Matches(@"^lra \d+\.\d+\.\d+\S*\n$", output);
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("run", "--frobnicate")]
    [InlineData("run", "extra")]
    [InlineData("run", "--config")]
    [InlineData("observe", "--verdict", "nonsense")]
    [InlineData("observe", "--type", "nonsense")]
    [InlineData("observe", "--source", "nonsense")]
    [InlineData("observe", "--since", "nonsense")]
    [InlineData("observe", "-o", "xml")]
    [InlineData("observe", "--first", "0")]
    [InlineData("observe", "--last", "4097")]
    [InlineData("observe", "--last", "many")]
    [InlineData("cache", "list", "--limit", "-1")]
    [InlineData("cache", "list", "a..b")]
    [InlineData("cache", "get", "a..b")]
    [InlineData("cache", "frobnicate")]
    [InlineData("explain", "a..b")]
    [InlineData("top", "--interval", "0")]
    [InlineData("completion", "tcsh")]
    public async Task A_wrong_command_line_ends_with_status_2_and_says_why_on_standard_error(params string[] arguments)
    {
        (int status, string output, string error) = await AgentProcess.Run(arguments);

        Assert.Equal((2, ""), (status, output));
        Assert.NotEqual("", error.Trim());
        Assert.Contains(arguments[^1], error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_command_line_says_where_to_read_on_and_a_group_of_commands_what_is_in_it()
    {
        Assert.EndsWith("lra: 'lra cache list --help' says what it takes\n", (await AgentProcess.Run("cache", "list", "--nothing")).Error, StringComparison.Ordinal);
        Assert.Contains("Drop kept answers", (await AgentProcess.Run("cache")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_arguments_it_says_what_it_is_for()
    {
        (int status, string output, string error) = await AgentProcess.Run();

        Assert.Equal((0, ""), (status, error));
        Assert.Equal((await AgentProcess.Run("--help")).Output, output);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("check")]
    [InlineData("status")]
    [InlineData("repair")]
    [InlineData("uninstall")]
    public async Task Every_mistake_of_the_configuration_is_a_line_with_file_line_and_key_and_the_status_is_2(string command)
    {
        using TemporaryFile configuration = new("""
            listen: { port: 0 }
            redirect:
              enabled: maybe
            routes:
              - { zone: ., servers: [nonsense] }
            """u8);

        (int status, string output, string error) = await AgentProcess.Run(command, "--config", configuration.Path);

        Assert.Equal((2, ""), (status, output));
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith($"{configuration.Path}:1: listen.port: ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{configuration.Path}:3: redirect.enabled: ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"{configuration.Path}:5: routes[0].servers[0]: ", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("check")]
    [InlineData("status")]
    [InlineData("repair")]
    [InlineData("uninstall")]
    public async Task A_missing_configuration_is_one_line_and_status_2(string command)
    {
        (int status, string output, string error) = await AgentProcess.Run(command, "--config", "/nonexistent/lra.yaml");

        Assert.Equal((2, "", "/nonexistent/lra.yaml: there is no such file\n"), (status, output, error));
    }

    [Theory]
    [InlineData(SocketType.Stream)]
    [InlineData(SocketType.Dgram)]
    public async Task A_port_in_use_is_one_line_and_status_1(SocketType type)
    {
        using Socket other = new(AddressFamily.InterNetwork, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
        other.Bind(_setup.EndPoint);
        if (type == SocketType.Stream)
            other.Listen();

        (int status, _, string error) = await AgentProcess.Run("run", "--config", _setup.ConfigurationPath);

        Assert.Equal(1, status);
        string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("lra: ", line, StringComparison.Ordinal);
        Assert.Contains($"{_setup.EndPoint}", line, StringComparison.Ordinal);
        Assert.Contains("Address already in use", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_admin_socket_that_cannot_be_made_is_one_line_and_status_1()
    {
        Directory.CreateDirectory(_setup.AdminSocket); // a directory where the socket should be

        (int status, _, string error) = await AgentProcess.Run("run", "--config", _setup.ConfigurationPath);

        Assert.Equal(1, status);
        Assert.Contains(_setup.AdminSocket, Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_hangs_is_told_from_one_that_does_not_run()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await agent.Signal("STOP");

        (int status, string output, string error) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);
        (int listStatus, _, string listError) = await AgentProcess.Run("cache", "stats", "--config", _setup.ConfigurationPath);

        Assert.Equal((1, ""), (status, error));
        Assert.StartsWith($"Agent     the agent listens on {_setup.AdminSocket} and does not answer within 10 s: it hangs or is stopped; restart it\nKernel    ", output, StringComparison.Ordinal);
        Assert.Equal((1, $"lra: the agent listens on {_setup.AdminSocket} and does not answer within 10 s: it hangs or is stopped; restart it\n"), (listStatus, listError));
        await agent.Signal("CONT");
    }

    [Fact]
    public async Task Status_without_an_agent_is_3_and_says_where_it_asked()
    {
        (int status, string output, string error) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);

        Assert.Equal((3, ""), (status, error));
        Assert.Contains("not running", output, StringComparison.Ordinal);
        Assert.Contains(_setup.AdminSocket, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_with_an_agent_is_0_and_counts_what_was_asked()
    {
        _setup.Upstream.Handler = exchange => exchange.Name.StartsWith("bad", StringComparison.Ordinal)
            ? exchange.Fail(2)
            : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        using AgentProcess agent = await AgentProcess.Serve(_setup); // its probe is refused: one
        foreach (TransportProtocol protocol in (TransportProtocol[])[TransportProtocol.Udp, TransportProtocol.Tcp])
        {
            await Client.Ask(_setup.EndPoint, DnsMessage.Query($"{protocol}.example.test"), protocol);
            await Client.Ask(_setup.EndPoint, DnsMessage.Query($"{protocol}.example.test"), protocol);
            await Client.Ask(_setup.EndPoint, DnsMessage.Query($"bad-{protocol}.example.test"), protocol);
        }

        (int status, string output, string error) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);

        Assert.Equal((0, ""), (status, error));
        Assert.Contains("Queries   2 hits, 0 local, 4 misses, 0 stale, 2 failed, 1 refused, 0 dropped", output, StringComparison.Ordinal);
        Assert.Contains("Cache     4 answers, ", output, StringComparison.Ordinal);
        Assert.Contains($"process {agent.Id}", output, StringComparison.Ordinal);
        Assert.Contains($"Route     . over UDP to {_setup.Upstream.EndPoint} ok", output, StringComparison.Ordinal);
        Assert.Contains($"Route     tcp.test. over TCP to {_setup.Upstream.EndPoint}", output, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_setup.AdminSocket));
    }

    [Fact]
    public async Task Status_counts_what_clients_were_denied_and_what_was_too_much_for_one()
    {
        System.Net.IPAddress denied = TestAddress.NextAddress();
        using AgentSetup setup = new(_setup.Upstream.EndPoint, $"clients: {{ deny: [{denied}/32], responseBytesPerSecond: 1 }}");
        using AgentProcess agent = await AgentProcess.Serve(setup);
        foreach (TransportProtocol protocol in (TransportProtocol[])[TransportProtocol.Udp, TransportProtocol.Tcp])
        {
            await Client.Ask(setup.EndPoint, DnsMessage.Query("localhost"), protocol); // the second is more than a byte a second
            await Client.Ask(setup.EndPoint, DnsMessage.Query("localhost"), protocol, denied);
        }

        (_, string output, _) = await AgentProcess.Run("status", "--config", setup.ConfigurationPath);

        Assert.Contains("Clients   2 denied, 1 limited", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SIGTERM_ends_the_agent_within_two_seconds_with_status_0(bool withQueriesOnTheirWay)
    {
        _setup.Upstream.Handler = _ => Task.CompletedTask;
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        using UdpConversation client = new(_setup.EndPoint);
        if (withQueriesOnTheirWay)
        {
            client.Send(DnsMessage.Query("never.example.test"));
            await Wait.Until(() => _setup.Upstream.Count > 0, "the upstream is asked");
        }

        Assert.Equal(0, await Wait.Within(2, agent.Terminate(), "stopping"));
        Assert.Equal("", agent.Error);
        if (withQueriesOnTheirWay)
            Assert.Equal(2, (await client.Receive()).ResponseCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_second_agent_reads_the_same_sockets_and_the_CLI_reaches_it_until_it_ends(bool isKilled)
    {
        using AgentProcess first = await AgentProcess.Serve(_setup);
        using (AgentProcess second = await AgentProcess.Serve(_setup))
        {
            Assert.Contains("Reads 2 listening sockets together with the agent that runs", second.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("cannot be served", second.Output, StringComparison.Ordinal); // the ports of metrics and of health are shared too
            await Wait.Until(() => ReachedProcess() == second.Id, "the CLI reaches the second agent");
            if (!isKilled)
                Assert.Equal(0, await second.Terminate());
        }

        await Wait.Until(() => ReachedProcess() == first.Id, "the CLI reaches the first agent again");
        await Wait.Until(() => Directory.GetFiles(Path.GetDirectoryName(_setup.AdminSocket)!).Count(file => new FileInfo(file).LinkTarget == null) == 2, "only the first agent's two sockets are left");
        foreach (TransportProtocol protocol in new[] { TransportProtocol.Udp, TransportProtocol.Tcp })
            Assert.Equal(5, (await Client.Ask(_setup.EndPoint, DnsMessage.Query("after.example.test") with { Flags = 0 }, protocol)).ResponseCode);
    }

    private int? ReachedProcess() =>
        AdminClient.Ask(_setup.AdminSocket, HttpMethod.Get, AdminServer.StatusPath, StatusJson.Default.AgentStatus)?.ProcessId;

}

using System.Diagnostics;
using System.Text.Json;
using Agent.Observability;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary><c>lra observe</c> and <c>lra top</c> against a running agent.</summary>
public sealed class ObserveCommandTests : IDisposable
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));

    public void Dispose() => _setup.Dispose();

    [Theory]
    [InlineData("compact", @"^\d\d:\d\d:\d\d\.\d{6}  127\.\S+:\d+  www\.example\.test\. A  (hit|miss)  NOERROR  \S+[um]s  udp  192\.0\.2\.1$")]
    [InlineData("json", @"^\{""time"":""[^""]+"",""source"":""dns"",""client"":""[^""]+"",""name"":""www\.example\.test\."",.*\}$")]
    [InlineData("coredns", @"^\[INFO\] 127\.\S+:\d+ - \d+ ""A IN www\.example\.test\. udp 34 false 512"" NOERROR qr,rd,ra 50 0\.\d+s$")]
    public async Task Flows_come_as_lines_in_each_format_and_end_after_the_first_so_many(string format, string line)
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        Task<(int Status, string Output, string Error)> observe = Run("observe", "--first", "2", "--name", "*.example.test", "-o", format);

        await AskUntil(() => observe.IsCompleted, "other.test", "www.example.test");

        (int status, string output, string error) = await observe;
        Assert.Equal((0, ""), (status, error));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, each => Assert.Matches(line, each));
    }

    [Fact]
    public async Task What_is_kept_is_shown_afterwards_and_nothing_was_before()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Ask("before.example.test");

        (int status, string output, string error) = await Run("observe", "--last", "5");
        Assert.Equal((0, ""), (status, output));
        Assert.Contains("nothing that fits is kept", error, StringComparison.Ordinal);

        await Ask("one.example.test");
        await Ask("two.example.test");
        await Ask("three.example.test");
        await Wait.Until(() => Shown("--since", "1m").Length == 3, "all three are kept");
        Assert.Equal(["two.example.test.", "three.example.test."], Shown("--last", "2"));
        Assert.Equal(["one.example.test."], Shown("--last", "9", "--name", "one*"));
        Assert.Equal(["two.example.test.", "three.example.test."], Shown("--last", "9", "--name", "one*", "--not"));

        string[] Shown(params string[] options) =>
        [
            .. Run(["observe", "-o", "json", .. options]).GetAwaiter().GetResult().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("name").GetString()!),
        ];
    }

    [Theory]
    [InlineData("observe")]
    [InlineData("top")]
    public async Task Without_an_agent_the_status_is_3(string command)
    {
        (int status, string output, string error) = await Run(command);

        Assert.Equal((3, ""), (status, output));
        Assert.Contains("the agent is not running", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_with_status_3_when_the_agent_ends_and_does_not_keep_the_agent()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        Task<(int Status, string Output, string Error)> observe = Run("observe");
        await AskUntilNoted();

        Assert.Equal(0, await Wait.Within(10, agent.Terminate(), "the agent ends"));

        (int status, _, string error) = await observe;
        Assert.Equal((3, "lra: the agent has ended\n"), (status, error));
    }

    [Fact]
    public async Task It_ends_when_nobody_reads_what_it_prints()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        using Process pipe = Process.Start("bash", ["-c", $"'{AgentProcess.Executable}' observe --config '{_setup.ConfigurationPath}' | head -n 1 >/dev/null"]);

        await AskUntil(() => pipe.HasExited, "www.example.test");

        Assert.Equal(0, pipe.ExitCode);
    }

    [Fact]
    public async Task A_client_of_the_admin_socket_that_does_not_read_harms_nobody()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        using System.Net.Sockets.Socket deaf = new(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        await deaf.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(_setup.AdminSocket));
        await deaf.SendAsync("GET /v1/observe?follow=true HTTP/1.0\r\n\r\n"u8.ToArray());
        byte[] first = new byte[1];
        await deaf.ReceiveAsync(first);

        using TcpConversation client = await TcpConversation.Open(_setup.EndPoint);
        for (int round = 0; round < 400; round++)
        {
            await client.Send([.. Enumerable.Repeat(DnsMessage.Query("localhost"), 50)]);
            await client.Receive(50);
        }

        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers);
        long lost = await Task.Run(() => LossOf(deaf));
        Assert.InRange(lost, 1, 20_000);
        Assert.NotNull(AdminClient.Ask(_setup.AdminSocket, HttpMethod.Get, AdminServer.StatusPath, StatusJson.Default.AgentStatus));
    }

    [Fact]
    public async Task A24_observing_everything_takes_a_bounded_memory_however_many_workers_there_are()
    {
        const int Rounds = 600;
        File.WriteAllText(_setup.ConfigurationPath, File.ReadAllText(_setup.ConfigurationPath).Replace("workers: 1 ", "workers: 64 ", StringComparison.Ordinal));
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Load(Rounds / 4);
        long before = agent.AnonymousKiB;
        using Process observe = Process.Start("bash", ["-c", $"exec '{AgentProcess.Executable}' observe --config '{_setup.ConfigurationPath}' >/dev/null"]);
        await AskUntilNoted();

        await Load(Rounds);

        long taken = agent.AnonymousKiB - before;
        observe.Kill();
        Assert.InRange(taken, 0, 64 << 10); // 18 MiB of them for what is not looked at yet and what is kept; 130 MiB before they were bounded

        // Each connection is one client of the TCP thread, each datagram one of any worker.
        async Task Load(int rounds)
        {
            using TcpConversation client = await TcpConversation.Open(_setup.EndPoint);
            for (int round = 0; round < rounds; round++)
            {
                await client.Send([.. Enumerable.Repeat(DnsMessage.Query("localhost"), 100)]);
                await client.Receive(100);
                await Ask("www.example.test");
            }
        }
    }

    [Fact]
    public async Task Top_sums_up_an_interval_for_people_and_for_programs()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers); // hits from now on
        Task<(int Status, string Output, string Error)> table = Run("top", "--once", "-i", "1");
        Task<(int Status, string Output, string Error)> json = Run("top", "-o", "json", "-i", "2");
        Task<(int Status, string Output, string Error)> yaml = Run("top", "-o", "yaml", "-i", "2");

        await AskUntil(() => table.IsCompleted && json.IsCompleted && yaml.IsCompleted, "www.example.test");

        Assert.Equal((0, ""), ((await table).Status, (await table).Error));
        Assert.Matches(@"^\d+(\.\d)? queries/s, \d+\.\d % answered on the node; latency \d", (await table).Output);
        Assert.Matches(@"(?m)^www\.example\.test\. +\d+\.\d$", (await table).Output);
        Assert.Matches(@"(?m)^hit +\d", (await table).Output);
        JsonElement report = JsonDocument.Parse((await json).Output).RootElement;
        Assert.Equal("www.example.test.", report.GetProperty("names")[0].GetProperty("name").GetString());
        Assert.True(report.GetProperty("queriesPerSecond").GetDouble() > 0);
        Assert.Contains("\nnames:\n  - name: \"www.example.test.\"\n    perSecond: ", (await yaml).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_gives_the_terminal_back_as_it_was_when_it_is_interrupted()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        ProcessStartInfo start = new("script", ["-qec", $"timeout --foreground --preserve-status -s INT 4 '{AgentProcess.Executable}' top -i 1 --config '{_setup.ConfigurationPath}'", "/dev/null"])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        start.Environment["TERM"] = "xterm";
        using Process terminal = Process.Start(start)!;

        string output = await terminal.StandardOutput.ReadToEndAsync();
        await terminal.WaitForExitAsync();

        Assert.Equal(0, terminal.ExitCode);
        Assert.Contains("queries/s", output, StringComparison.Ordinal);
        Assert.Contains("\x1b[?25l", output, StringComparison.Ordinal);
        Assert.EndsWith("\n\x1b[?25h", output, StringComparison.Ordinal);
    }

    private static long LossOf(System.Net.Sockets.Socket socket)
    {
        using StreamReader lines = new(new System.Net.Sockets.NetworkStream(socket) { ReadTimeout = (int)Wait.Long.TotalMilliseconds });
        while (lines.ReadLine() is { } line)
        {
            if (line.StartsWith('{') && JsonDocument.Parse(line).RootElement.TryGetProperty("lost", out JsonElement lost))
                return lost.GetInt64();
        }

        return 0;
    }

    private Task<(int Status, string Output, string Error)> Run(params string[] arguments) => AgentProcess.Run([.. arguments, "--config", _setup.ConfigurationPath]);

    private Task<DnsMessage> Ask(string name) => Client.Ask(_setup.EndPoint, DnsMessage.Query(name));

    private async Task AskUntilNoted()
    {
        long before = Stopwatch.GetTimestamp();
        while ((await Run("observe", "--last", "1")).Output.Length == 0 && Stopwatch.GetElapsedTime(before) < Wait.Long)
            await Ask("www.example.test");
    }

    private async Task AskUntil(Func<bool> isEnough, params string[] names)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isEnough())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < 2 * Wait.Long, "nothing came of it");
            foreach (string name in names)
                await Ask(name);
            await Task.Delay(10);
        }
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Observability;
using Agent.Serving;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Observability;

public sealed class HealthTests : IDisposable
{
    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");

    public void Dispose() => _upstream.Dispose();

    [Fact]
    public async Task A_healthy_agent_says_of_each_part_that_it_is_well()
    {
        using AgentSetup setup = new(_upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup);

        (HttpStatusCode status, string body) = await Get(setup, "healthz");
        Assert.Equal((HttpStatusCode.OK, "workers: ok, all 2 serving threads turn\n"), (status, body));
        (status, body) = await Get(setup, "readyz");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["workers", "running", "names", "redirect", "self-probe"], body.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':')[0]));
        Assert.All(body.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Contains(": ok, ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task F9_an_agent_that_cannot_redirect_although_it_should_is_healthy_and_not_ready()
    {
        using AgentSetup setup = new(_upstream.EndPoint);
        string configuration = File.ReadAllText(setup.ConfigurationPath);
        File.WriteAllText(setup.ConfigurationPath, configuration.Replace(
            "redirect: { enabled: false }", "redirect: { cgroup: /nonexistent, pinPath: /nonexistent/lra, frontends: [ { address: 10.96.0.10 } ] }", StringComparison.Ordinal));
        using AgentProcess agent = await AgentProcess.Serve(setup);

        Assert.Equal(HttpStatusCode.OK, (await Get(setup, "healthz")).Status);
        (HttpStatusCode status, string body) = await Get(setup, "readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("redirect: FAILED, /nonexistent/lra is not on a bpffs", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thread_that_stands_still_is_named()
    {
        using StuckThread stuck = new();

        HealthPart part = await Health.Workers([stuck]);

        Assert.Equal(new HealthPart("workers", false, "1 of 1 serving threads stand still: stuck"), part);
    }

    [Fact]
    public async Task A_stopping_agent_is_not_ready_at_once_and_serves_until_its_lameduck_time_is_over()
    {
        using AgentSetup setup = new(_upstream.EndPoint, "lameduck: 1h");
        using AgentProcess agent = await AgentProcess.Serve(setup);

        Task<int> end = agent.Terminate();
        await Wait.Until(() => Get(setup, "readyz").GetAwaiter().GetResult().Status == HttpStatusCode.ServiceUnavailable, "it is not ready any more");

        Assert.Contains("running: FAILED, it is about to stop", (await Get(setup, "readyz")).Body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await Get(setup, "healthz")).Status);
        Assert.Single((await Client.Ask(setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers);
        Assert.False(end.IsCompleted);
        // Told again, it does not wait for the hour to pass.
        Assert.Equal(0, await agent.Terminate());
        Assert.Equal(0, await end);
    }

    [Fact]
    public async Task Systemd_hears_when_the_agent_is_ready_that_it_lives_and_when_it_stops()
    {
        using AgentSetup setup = new(_upstream.EndPoint);
        string path = Path.Combine(Path.GetDirectoryName(setup.ConfigurationPath)!, $"lra-notify-{Guid.NewGuid():N}");
        using Socket systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            using AgentProcess agent = await AgentProcess.Serve(setup, environment: new Dictionary<string, string>
            {
                ["NOTIFY_SOCKET"] = path,
                ["WATCHDOG_USEC"] = "200000",
            });
            Assert.Equal("READY=1", await Hear(systemd));
            Assert.Equal("WATCHDOG=1", await Hear(systemd));
            Assert.Equal("WATCHDOG=1", await Hear(systemd));
            await agent.Terminate();
            string heard = "WATCHDOG=1";
            while (heard == "WATCHDOG=1")
                heard = await Hear(systemd);
            Assert.Equal("STOPPING=1", heard);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<string> Hear(Socket socket)
    {
        using CancellationTokenSource timeout = new(Wait.Long);
        byte[] buffer = new byte[256];
        int length = await socket.ReceiveAsync(buffer, timeout.Token);
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    private static async Task<(HttpStatusCode Status, string Body)> Get(AgentSetup setup, string path)
    {
        using HttpClient client = new();
        using HttpResponseMessage response = await client.GetAsync(new Uri($"http://{setup.HealthEndPoint}/{path}"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>A serving thread that met something it never comes back from.</summary>
    private sealed class StuckThread : ServingThread, IDisposable
    {
        private readonly ManualResetEventSlim _end = new();

        public StuckThread()
            : base("stuck", NullLogger.Instance) => Start();

        public override bool IsIdle => true;

        public void Dispose()
        {
            _end.Set();
            Stop();
            _end.Dispose();
        }

        protected override void Run()
        {
            _end.Wait();
            Thread.Sleep(1);
        }

        protected override void Close()
        {
        }
    }
}

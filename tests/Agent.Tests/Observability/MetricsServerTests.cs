using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>The port that is open to the network, as somebody who means harm would use it, and that of health beside it.</summary>
public sealed class MetricsServerTests : IDisposable
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));

    public void Dispose() => _setup.Dispose();

    [Fact]
    public async Task A24_what_is_no_GET_of_a_known_path_is_refused()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        Assert.Equal(405, await StatusOf("POST /metrics HTTP/1.1\r\nHost: lra\r\nContent-Length: 0\r\n\r\n"));
        Assert.Equal(405, await StatusOf("DELETE /v1/cache?zone=. HTTP/1.1\r\nHost: lra\r\n\r\n"));
        Assert.Equal(404, await StatusOf("GET /v1/status HTTP/1.1\r\nHost: lra\r\n\r\n"));
        Assert.Equal(404, await StatusOf("GET /metrics/../v1/status HTTP/1.1\r\nHost: lra\r\n\r\n"));
        Assert.Equal(413, await StatusOf("GET /metrics HTTP/1.1\r\nHost: lra\r\nContent-Length: 1000000\r\n\r\n"));
        Assert.Equal(431, await StatusOf($"GET /metrics HTTP/1.1\r\nHost: lra\r\nX: {new string('x', 20_000)}\r\n\r\n"));
        Assert.Equal(200, await StatusOf("HEAD /metrics HTTP/1.1\r\nHost: lra\r\n\r\n"));
    }

    [Fact]
    public async Task A24_connections_are_bounded_and_no_harm_to_DNS()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        List<Socket> hoard = [];
        for (int i = 0; i < 150; i++)
            hoard.Add(await Connect());

        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers);
        await Wait.Until(() => hoard.Count(socket => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0) >= 80, "connections above the bound are closed");
        hoard.ForEach(socket => socket.Dispose());
        await Wait.Until(() => Try(() => StatusOf("GET /metrics HTTP/1.1\r\nHost: lra\r\n\r\n").GetAwaiter().GetResult()) == 200, "scrapes are served again");
    }

    [Fact]
    public async Task A24_who_fills_up_the_port_of_metrics_does_not_keep_out_the_kubelet()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        List<Socket> hoard = [];
        for (int i = 0; i < 80; i++)
        {
            hoard.Add(await Connect());
            await hoard[i].SendAsync("GET /metrics HTTP/1.1\r\nHost:"u8.ToArray());
        }

        await Wait.Until(() => hoard.Any(socket => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0), "the port of metrics is full");
        Assert.Equal(200, await StatusOf("GET /healthz HTTP/1.1\r\nHost: lra\r\n\r\n", _setup.HealthEndPoint));
        Assert.Equal(200, await StatusOf("GET /readyz HTTP/1.1\r\nHost: lra\r\n\r\n", _setup.HealthEndPoint));
        hoard.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/openmetrics-text")]
    public async Task A24_however_many_scrape_the_text_is_composed_once_a_second(string format)
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        using HttpClient client = new() { DefaultRequestHeaders = { { "Accept", format } } };
        ConcurrentDictionary<string, int> texts = [];
        long started = Stopwatch.GetTimestamp();

        await Parallel.ForAsync(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 40 }, async (_, cancellation) =>
            texts.AddOrUpdate(await client.GetStringAsync(new Uri($"http://{_setup.MetricsEndPoint}/metrics"), cancellation), 1, (_, count) => count + 1));

        // Each composition says how much was allocated until then, so no two are the same.
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Assert.All(texts.Keys, text => Assert.Contains("\ndotnet_gc_allocated_bytes_total ", text, StringComparison.Ordinal));
        Assert.InRange(texts.Count, 1, 1 + (int)seconds);
        Assert.Equal(400, texts.Values.Sum());
        // Who comes later gets another.
        await Task.Delay(Scraped.Age);
        Assert.DoesNotContain(await client.GetStringAsync(new Uri($"http://{_setup.MetricsEndPoint}/metrics")), texts.Keys);
    }

    [Fact]
    public async Task Each_port_has_its_own_pages_alone()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        Assert.Equal(404, await StatusOf("GET /healthz HTTP/1.1\r\nHost: lra\r\n\r\n"));
        Assert.Equal(404, await StatusOf("GET /readyz HTTP/1.1\r\nHost: lra\r\n\r\n"));
        Assert.Equal(404, await StatusOf("GET /metrics HTTP/1.1\r\nHost: lra\r\n\r\n", _setup.HealthEndPoint));
        Assert.Equal(405, await StatusOf("POST /healthz HTTP/1.1\r\nHost: lra\r\nContent-Length: 0\r\n\r\n", _setup.HealthEndPoint));
    }

    [Theory]
    [InlineData("metrics")]
    [InlineData("health")]
    public async Task A_port_that_is_taken_is_named_in_the_log_and_DNS_goes_on(string section)
    {
        IPEndPoint taken = EndPointOf(section);
        using Socket other = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(taken);
        other.Listen();

        using AgentProcess agent = await AgentProcess.Serve(_setup);

        await Wait.Until(() => agent.Output.Contains($"{taken} cannot be served (Address already in use); free it, or set {section}.port", StringComparison.Ordinal), "the log names the port");
        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers);
    }

    [Theory]
    [InlineData("metrics", "/metrics")]
    [InlineData("health", "/healthz")]
    public async Task Port_0_serves_nothing(string section, string page)
    {
        IPEndPoint absent = EndPointOf(section);
        File.WriteAllText(_setup.ConfigurationPath, File.ReadAllText(_setup.ConfigurationPath).Replace($"port: {absent.Port}", "port: 0", StringComparison.Ordinal));
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        await Assert.ThrowsAnyAsync<SocketException>(() => Connect(absent));
        Assert.DoesNotContain(page, agent.Output, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task Everywhere_means_both_families(string address)
    {
        ListenOn(address);
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        foreach (IPAddress family in (IPAddress[])[IPAddress.IPv6Loopback, IPAddress.Loopback, _setup.MetricsEndPoint.Address])
            Assert.Equal(200, await StatusOf("GET /metrics HTTP/1.1\r\nHost: lra\r\n\r\n", new IPEndPoint(family, _setup.MetricsEndPoint.Port)));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task Everywhere_means_IPv4_alone_where_there_is_no_IPv6(string address)
    {
        ListenOn(address);
        using AgentProcess agent = await AgentProcess.Serve(_setup, environment: new Dictionary<string, string> { ["DOTNET_SYSTEM_NET_DISABLEIPV6"] = "1" });

        Assert.Equal(200, await StatusOf("GET /metrics HTTP/1.1\r\nHost: lra\r\n\r\n"));
        await Assert.ThrowsAnyAsync<SocketException>(() => Connect(new IPEndPoint(IPAddress.IPv6Loopback, _setup.MetricsEndPoint.Port)));
    }

    private void ListenOn(string address) => File.WriteAllText(_setup.ConfigurationPath, File.ReadAllText(_setup.ConfigurationPath).Replace(
        $"metrics: {{ address: {_setup.MetricsEndPoint.Address},", $"metrics: {{ address: \"{address}\",", StringComparison.Ordinal));

    private IPEndPoint EndPointOf(string section) => section == "health" ? _setup.HealthEndPoint : _setup.MetricsEndPoint;

    private static int Try(Func<int> ask)
    {
        try
        {
            return ask();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private async Task<Socket> Connect(IPEndPoint? server = null)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server ?? _setup.MetricsEndPoint);
        return socket;
    }

    private async Task<int> StatusOf(string request, IPEndPoint? server = null)
    {
        await using NetworkStream stream = new(await Connect(server), ownsSocket: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        byte[] head = new byte[12];
        await stream.ReadExactlyAsync(head);
        return int.Parse(Encoding.ASCII.GetString(head).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}

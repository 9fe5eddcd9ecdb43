using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>DNS over TLS to the upstreams (RFC 7858, 8310, 8467).</summary>
public sealed class DotTests : IDisposable
{
    private const string ServerName = "dns.example";

    private readonly CertificateAuthority _authority = new();
    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");

    public void Dispose()
    {
        _upstream.Dispose();
        _authority.Dispose();
    }

    [Theory]
    [InlineData("unbound", false)]
    [InlineData("kresd", false)]
    [InlineData("unbound", true)]
    [InlineData("kresd", true)]
    public async Task P35_a_real_server_answers_over_TLS_or_HTTPS_and_again_after_a_restart(string program, bool isHttps)
    {
        using DnsServerProcess server = new();
        Credential credential = _authority.Issue(ServerName);
        Func<Task> start = () => program == "unbound" ? server.StartUnbound(credential, isHttps) : server.StartKresd(credential, isHttps);
        await start();
        using AgentUnderTest agent = Agent(server.EndPoint, httpsPath: isHttps ? "/dns-query" : null);
        await AssertAnswered(agent, "first.example.test");

        server.Stop();
        await start();
        await AssertAnswered(agent, "after-a-quiet-restart.example.test");

        server.Stop();
        Assert.Equal(2, (await agent.Ask("away.example.test")).ResponseCode);
        await start();
        await Wait.Within(3, AssertAnswered(agent, "back.example.test"), "an answer from the server that is back");
    }

    [Theory]
    [InlineData("another name", "RemoteCertificateNameMismatch")]
    [InlineData("another authority", "UntrustedRoot|PartialChain")]
    [InlineData("expired", "NotTimeValid")]
    [InlineData("address instead of the name", "RemoteCertificateNameMismatch")]
    public async Task P35_a_bad_certificate_ends_in_SERVFAIL_and_no_question_leaves(string flaw, string reason)
    {
        using CertificateAuthority other = new();
        IPEndPoint at = TestAddress.Next();
        using TlsFront front = new(
            flaw switch
            {
                "another name" => _authority.Issue("other.example"),
                "another authority" => other.Issue(ServerName),
                "expired" => _authority.Issue(ServerName, DateTimeOffset.UtcNow.AddHours(-1)),
                _ => _authority.Issue(at.Address.ToString()),
            },
            _upstream,
            at);
        using AgentUnderTest agent = Agent(front.EndPoint);

        for (int i = 0; i < 3; i++)
            Assert.Equal((2, 0), Outcome(await agent.Ask($"n{i}.example.test")));

        Assert.Equal(0, _upstream.Count);
        Assert.False(front.SawDatagram);
        string warning = Assert.Single(agent.Log.Lines, line => line.Contains("No TLS connection", StringComparison.Ordinal));
        Assert.Matches(reason, warning);
    }

    [Fact]
    public async Task P35_without_a_name_the_servers_address_must_be_in_its_certificate()
    {
        IPEndPoint at = TestAddress.Next();
        using TlsFront front = new(_authority.Issue(at.Address.ToString()), _upstream, at);
        using TlsFront named = new(_authority.Issue(ServerName), _upstream);
        using AgentUnderTest agent = Agent(front.EndPoint, serverName: null);
        using AgentUnderTest refusing = Agent(named.EndPoint, serverName: null);

        await AssertAnswered(agent, "www.example.test");
        Assert.Equal((2, 0), Outcome(await refusing.Ask("other.example.test")));
        Assert.Equal(0, _upstream.CountOf("other.example.test"));
    }

    [Fact]
    public async Task P35_a_server_that_speaks_no_TLS_gets_a_ClientHello_and_nothing_else()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        IPEndPoint at = TestAddress.Next();
        listener.Bind(at);
        listener.Listen();
        using AgentUnderTest agent = Agent(at);

        Task<DnsMessage> reply = agent.Ask("very-secret.example.test");
        byte[] seen = [];
        for (int i = 0; i < 3; i++)
        {
            using Socket connection = await listener.AcceptAsync(new CancellationTokenSource(Wait.Long).Token);
            seen = await ReadAll(connection, thenSend: i == 0 ? "HTTP/1.1 400 Bad Request\r\n\r\n" : "");
            Assert.Equal([0x16, 0x03], seen[..2]);
            Assert.Equal(5 + (seen[3] << 8 | seen[4]), seen.Length); // one record: the hello
            Assert.DoesNotContain("secret", Encoding.Latin1.GetString(seen), StringComparison.OrdinalIgnoreCase);
        }

        Assert.Contains(ServerName, Encoding.Latin1.GetString(seen), StringComparison.Ordinal); // SNI: the recording works
        Assert.Equal((2, 0), Outcome(await reply));
    }

    [Fact]
    public async Task P35_a_thousand_queries_share_one_connection_and_are_padded()
    {
        using TlsFront front = new(_authority.Issue(ServerName), _upstream);
        using AgentUnderTest agent = Agent(front.EndPoint);
        using UdpConversation client = new(agent.EndPoint);
        HashSet<string> left = [.. Enumerable.Range(0, 1000).Select(i => $"n{i}{new string('x', i % 60)}.example.test")];

        foreach (string name in left)
            client.Send(DnsMessage.Query(name));
        while (left.Count > 0)
        {
            DnsMessage reply = await client.Receive();
            Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
            left.Remove(reply.Name);
        }

        Assert.Equal((1, 1), (front.Handshakes, _upstream.ConnectionCount));
        Assert.All(_upstream.Exchanges, exchange => Assert.Equal(0, exchange.Bytes.Length % 128));
        Assert.All(_upstream.Exchanges, exchange => Assert.Equal(12, Assert.Single(exchange.Query.Options).Code));
    }

    [Fact]
    public async Task P35_a_server_that_sends_FORMERR_is_asked_without_EDNS_over_TLS_too()
    {
        _upstream.Handler = exchange => exchange.Query.Opt != null ? exchange.Fail(1) : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        using TlsFront front = new(_authority.Issue(ServerName), _upstream);
        using AgentUnderTest agent = Agent(front.EndPoint);

        await AssertAnswered(agent, "plain.example.test");

        Assert.Equal(2, _upstream.Count);
        Assert.False(front.SawDatagram);
    }

    [Fact]
    public async Task P35_a_connection_that_the_server_ends_is_opened_anew_and_nobody_notices()
    {
        using TlsFront front = new(_authority.Issue(ServerName), _upstream);
        using AgentUnderTest agent = Agent(front.EndPoint);
        for (int i = 0; i < 20; i++)
        {
            await AssertAnswered(agent, $"n{i}.example.test");
            _upstream.CloseConnections();
            await Wait.Until(() => _upstream.OpenConnectionCount == 0, "the connection ends");
        }

        Assert.InRange(front.Handshakes, 2, 40);
        // A handshake may take too long on a busy machine, which is not what this is about.
        Assert.DoesNotContain(agent.Log.Lines, line => line.Contains("No TLS connection", StringComparison.Ordinal) && !line.Contains("no answer within", StringComparison.Ordinal));
    }

    private static (int, int) Outcome(DnsMessage reply) => (reply.ResponseCode, reply.Answers.Count);

    private static async Task<DnsMessage> AssertAnswered(AgentUnderTest agent, string name)
    {
        DnsMessage reply = await agent.Ask(name);
        Assert.Equal((0, 1), Outcome(reply));
        Assert.Equal("192.0.2.1", reply.Answers[0].Address.ToString());
        return reply;
    }

    private static async Task<byte[]> ReadAll(Socket connection, string thenSend)
    {
        byte[] buffer = new byte[65536];
        int length = await connection.ReceiveAsync(buffer);
        if (thenSend.Length > 0)
            await connection.SendAsync(Encoding.ASCII.GetBytes(thenSend));
        connection.Shutdown(SocketShutdown.Send);
        using CancellationTokenSource timeout = new(Wait.Long);
        try
        {
            for (int more; (more = await connection.ReceiveAsync(buffer.AsMemory(length), timeout.Token)) > 0;)
                length += more;
        }
        catch (SocketException)
        {
            // The agent reset the connection.
        }

        return buffer[..length];
    }

    private AgentUnderTest Agent(IPEndPoint server, string? serverName = ServerName, string? httpsPath = null) => AgentUnderTest.Start(AgentUnderTest.Configuration(
        new RouteConfiguration { Zone = "", Servers = [server], Protocol = TransportProtocol.Tcp, Tls = new TlsConfiguration(serverName, _authority.RootFile, httpsPath) }));
}

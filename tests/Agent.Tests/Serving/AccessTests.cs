using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>Who may ask: a friend, one who is denied and one who is dropped, each by an address of its own.</summary>
public sealed class AccessTests : IDisposable
{
    private static readonly TimeSpan _silence = TimeSpan.FromMilliseconds(400);

    private readonly IPAddress _friend = TestAddress.NextAddress();
    private readonly IPAddress _denied = TestAddress.NextAddress();
    private readonly IPAddress _dropped = TestAddress.NextAddress();
    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private readonly AgentUnderTest _agent;

    public AccessTests() => _agent = AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _upstream)) with
    {
        Clients = new ClientsConfiguration { Deny = [Host(_denied)], Drop = [Host(_dropped)] },
    });

    public void Dispose()
    {
        _agent.Dispose();
        _upstream.Dispose();
    }

    private static IPNetwork Host(IPAddress address) => new(address, 32);

    private Task<DnsMessage> Ask(DnsMessage query, TransportProtocol protocol, IPAddress from) => Client.Ask(_agent.EndPoint, query.WithEdns(), protocol, from);

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A22_a_denied_client_gets_REFUSED_to_a_cached_name_and_to_any_other_and_no_upstream_hears_of_it(TransportProtocol protocol)
    {
        Assert.Single((await Ask(DnsMessage.Query("cached.example.test"), protocol, _friend)).Answers);
        Assert.Equal(1, _upstream.Count);

        foreach (string name in (string[])["cached.example.test", "other.example.test", "localhost"])
        {
            DnsMessage reply = await Ask(DnsMessage.Query(name), protocol, _denied);
            Assert.Equal((5, 18, 0), (reply.ResponseCode, reply.ExtendedError, reply.Answers.Count));
        }

        DnsMessage malformed = await Client.Ask(_agent.EndPoint, DnsMessage.Query("a.test") with { Questions = [] }, protocol, _denied);
        Assert.Equal(5, malformed.ResponseCode);
        Assert.Equal(1, _upstream.Count);
        Assert.Single((await Ask(DnsMessage.Query("cached.example.test"), protocol, _friend)).Answers);
        Assert.Equal(4, _agent.UdpThread.Counters.Denied + _agent.TcpThread.Counters.Denied);
    }

    [Fact]
    public async Task A22_a_dropped_client_gets_silence_over_UDP_and_no_connection_over_TCP()
    {
        await Ask(DnsMessage.Query("cached.example.test"), TransportProtocol.Udp, _friend);

        Assert.Null(await Client.ExchangeUdp(_agent.EndPoint, DnsMessage.Query("cached.example.test").ToBytes(), _silence, _dropped));
        using TcpConversation connection = await TcpConversation.Open(_agent.EndPoint, from: _dropped);
        Assert.Null(await Wait.Within(2, connection.Receive(), "closing"));

        Assert.Equal((1, 1), (_agent.UdpThread.Counters.Denied, _agent.TcpThread.Counters.Denied));
        Assert.Equal(1, _upstream.Count);
    }

    [Fact]
    public async Task Where_some_are_allowed_the_others_are_denied_and_loopback_is_not_special()
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _upstream));
        using AgentUnderTest agent = AgentUnderTest.Start(configuration with { Clients = new ClientsConfiguration { Allow = [Host(_friend)] } });
        DnsMessage query = DnsMessage.Query("localhost");
        Assert.Equal(0, (await Client.Ask(agent.EndPoint, query, from: _friend)).ResponseCode);
        Assert.Equal(5, (await Client.Ask(agent.EndPoint, query, from: _denied)).ResponseCode);
        Assert.Equal(5, (await agent.Ask(query)).ResponseCode);
        Assert.Equal(5, (await agent.Ask(query, TransportProtocol.Tcp)).ResponseCode);
    }

    [Fact]
    public async Task A18_a_query_to_another_address_of_the_node_meets_silence()
    {
        Assert.Single((await Ask(DnsMessage.Query("here.example.test"), TransportProtocol.Udp, _friend)).Answers);
        IPEndPoint elsewhere = new(TestAddress.NextAddress(), _agent.EndPoint.Port);
        using UdpConversation client = new(elsewhere, _friend);
        client.Send(DnsMessage.Query("here.example.test"));
        // The kernel itself says that nobody is there.
        SocketException error = await Assert.ThrowsAsync<SocketException>(async () => await client.Receive(Wait.Long));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
        await Assert.ThrowsAsync<SocketException>(() => TcpConversation.Open(elsewhere, from: _friend));
        Assert.Equal(1, _upstream.Count);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(1232)]
    [InlineData(4096)]
    [InlineData(65535)]
    public async Task A18_a_reply_over_UDP_is_never_larger_than_1232_bytes_whatever_size_the_client_names(ushort size)
    {
        _upstream.Handler = exchange => exchange.Answer(RR.Text(exchange.Name, 3_000));
        foreach (int attempt in (int[])[1, 2]) // forwarded, then cached
        {
            byte[]? reply = await Client.ExchangeUdp(_agent.EndPoint, DnsMessage.Query("large.example.test", RR.Txt).WithEdns(size).ToBytes(), Wait.Long);
            Assert.NotNull(reply);
            Assert.InRange(reply.Length, 12, Math.Min(size, (ushort)1232));
            Assert.True(DnsMessage.Parse(reply).IsTruncated, $"attempt {attempt}: a reply of {reply.Length} bytes is whole");
        }
    }
}

using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

public sealed class CoalescingTests
{
    private const int Waiters = 1000;

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A3_a_thousand_identical_misses_cost_one_upstream_query(TransportProtocol upstreamProtocol)
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await release.WaitAsync(Wait.Long);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstreamProtocol, upstream);
        using UdpConversation client = new(agent.EndPoint);
        Dictionary<ushort, string> asked = [];

        for (int i = 0; i < Waiters; i++)
        {
            string name = WithCase("coalesced.example.test", i);
            asked.Add((ushort)(i * 65), name);
            client.Send(DnsMessage.Query(name) with { Id = (ushort)(i * 65) });
        }

        await Wait.Until(() => upstream.Count > 0, "the upstream is asked");
        release.Release(5);
        for (int i = 0; i < Waiters; i++)
        {
            DnsMessage reply = await client.Receive();
            Assert.True(asked.Remove(reply.Id, out string? name));
            Assert.Equal(name, reply.Name);
            Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
        }

        upstream.AssertOneFlight("coalesced.example.test");
    }

    [Fact]
    public async Task A3_identical_misses_of_one_TCP_connection_cost_one_upstream_query()
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await release.WaitAsync(Wait.Long);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        DnsMessage[] queries = [.. Enumerable.Range(0, Waiters).Select(i => DnsMessage.Query(WithCase("coalesced.example.test", i)) with { Id = (ushort)i })];

        await client.Send(queries);
        await Wait.Until(() => upstream.Count > 0, "the upstream is asked");
        release.Release(5);
        DnsMessage[] replies = await client.Receive(Waiters);

        Assert.Equal(queries.Select(query => (query.Id, query.Name)), replies.OrderBy(reply => reply.Id).Select(reply => (reply.Id, reply.Name)));
        upstream.AssertOneFlight("coalesced.example.test");
    }

    [Fact]
    public async Task P11_an_answer_with_TTL_0_serves_those_who_wait_and_nobody_later()
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await release.WaitAsync(Wait.Long);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", ttl: 0));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using UdpConversation client = new(agent.EndPoint);

        for (int i = 0; i < 20; i++)
            client.Send(DnsMessage.Query("zero.example.test").WithEdns());
        await Wait.Until(() => upstream.Count > 0, "the upstream is asked");
        release.Release(5);
        for (int i = 0; i < 20; i++)
        {
            DnsMessage reply = await client.Receive();
            Assert.Equal((0u, -1), (Assert.Single(reply.Answers).Ttl, reply.ExtendedError));
        }

        upstream.AssertOneFlight("zero.example.test");
        int before = upstream.Count;
        await agent.Ask("zero.example.test");
        Assert.True(upstream.Count > before);
        Assert.Equal(0, agent.Cache.Count);
    }

    [Fact]
    public async Task Different_types_of_one_name_do_not_share_a_flight()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.AddressRecord(exchange.Name, exchange.Query.Question.Type == RR.A ? "192.0.2.1" : "2001:db8::1")));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage[] replies = await Task.WhenAll(agent.Ask("dual.example.test", RR.A), agent.Ask("dual.example.test", RR.Aaaa));

        Assert.Equal(["192.0.2.1", "2001:db8::1"], replies.Select(reply => Assert.Single(reply.Answers).Address.ToString()));
    }

    /// <summary>The name with each letter's case taken from a bit of the number.</summary>
    private static string WithCase(string name, int bits) =>
        string.Concat(name.Select((letter, i) => (bits >> (i % 16) & 1) == 1 ? char.ToUpperInvariant(letter) : letter));
}

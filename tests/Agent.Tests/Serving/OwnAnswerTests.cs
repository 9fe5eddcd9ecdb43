using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>Questions that the agent answers by itself (CHECKS P10, P18, P31), and the order of addresses.</summary>
public class OwnAnswerTests
{
    [Theory]
    [InlineData("localhost", RR.A, "7F000001")]
    [InlineData("a.LocalHost", RR.A, "7F000001")]
    [InlineData("localhost", RR.Aaaa, "00000000000000000000000000000001")]
    public async Task P10_localhost_is_the_loopback_address_and_no_upstream_hears_of_it(string name, ushort type, string address)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask(DnsMessage.Query(name, type).WithEdns());

        Assert.Equal(0, reply.ResponseCode);
        Assert.Equal(address, Convert.ToHexString(Assert.Single(reply.Answers).Data));
        Assert.Equal(name, reply.Name);
        Assert.NotNull(reply.Opt);
        Assert.Equal(0, upstream.Count);
    }

    [Fact]
    public async Task P10_localhost_has_nothing_else_and_invalid_does_not_exist()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage text = await agent.Ask("localhost", RR.Txt);
        Assert.Equal((0, 0), (text.ResponseCode, text.Answers.Count));
        Assert.Equal(3, (await agent.Ask("x.invalid")).ResponseCode);
        Assert.Equal(0, upstream.Count);
        Assert.Equal(0, (await agent.Ask("notlocalhost.test")).ResponseCode);
        Assert.Equal(1, upstream.Count);
    }

    [Fact]
    public async Task P18_ANY_over_UDP_gets_one_HINFO_and_over_TCP_what_the_upstream_says()
    {
        const ushort any = 255, hinfo = 13;
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        ResourceRecord record = Assert.Single((await agent.Ask("www.example.test", any)).Answers);
        Assert.Equal(hinfo, record.Type);
        Assert.Equal("\x07RFC8482\0"u8.ToArray(), record.Data);
        Assert.Equal(0, upstream.Count);

        Assert.Equal(RR.A, Assert.Single((await agent.Ask("www.example.test", any, TransportProtocol.Tcp)).Answers).Type);
        Assert.Equal(1, upstream.Count);
        Assert.Equal(hinfo, Assert.Single((await agent.Ask("www.example.test", any)).Answers).Type); // and not what TCP left in the cache
    }

    [Fact]
    public async Task P31_keepalive_is_answered_over_TCP_ignored_over_UDP_and_a_value_in_the_query_is_malformed()
    {
        const ushort keepalive = 11;
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        DnsMessage query = DnsMessage.Query("www.example.test").WithEdns(1232, (keepalive, []));

        for (int hit = 0; hit < 2; hit++)
        {
            (ushort code, byte[] value) = Assert.Single((await agent.Ask(query, TransportProtocol.Tcp)).Options);
            Assert.Equal((keepalive, 2), (code, value.Length));
            Assert.True((value[0] << 8 | value[1]) > 0);
            Assert.Empty((await agent.Ask(query)).Options);
        }

        DnsMessage malformed = DnsMessage.Query("www.example.test").WithEdns(1232, (keepalive, [0, 1]));
        Assert.Equal(1, (await agent.Ask(malformed, TransportProtocol.Tcp)).ResponseCode);
    }

    [Theory]
    [InlineData(RR.A, "192.0.2.")]
    [InlineData(RR.Aaaa, "2001:db8::")]
    public async Task Each_of_several_addresses_comes_first_for_somebody(ushort type, string prefix)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
        [
            RR.Alias(exchange.Name, "farm.example.test"),
            .. Enumerable.Range(1, 5).Select(i => RR.AddressRecord("farm.example.test", $"{prefix}{i}")),
        ]));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        HashSet<byte> first = [];
        for (ushort id = 0; id < 20; id++)
        {
            DnsMessage reply = await agent.Ask(DnsMessage.Query("www.example.test", type) with { Id = id });
            Assert.Equal(RR.Cname, reply.Answers[0].Type);
            Assert.Equal([1, 2, 3, 4, 5], reply.Answers.Skip(1).Select(record => (int)record.Data[^1]).Order());
            first.Add(reply.Answers[1].Data[^1]);
        }

        Assert.Equal(5, first.Count);
    }
}

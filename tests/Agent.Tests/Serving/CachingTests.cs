using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

public sealed class CachingTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_second_question_is_answered_without_the_upstream(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 300);
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage miss = await agent.Ask("www.example.test", protocol: protocol);
        DnsMessage hit = await agent.Ask("www.example.test", protocol: protocol);

        Assert.Equal(1, upstream.Count);
        Assert.Equal(300u, Assert.Single(miss.Answers).Ttl);
        ResourceRecord answer = Assert.Single(hit.Answers);
        Assert.Equal("192.0.2.1", answer.Address.ToString());
        Assert.InRange(answer.Ttl, 285u, 300u);
    }

    [Fact]
    public async Task What_was_learned_over_UDP_is_known_over_TCP()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await agent.Ask("www.example.test");
        DnsMessage reply = await agent.Ask("www.example.test", protocol: TransportProtocol.Tcp);

        Assert.Equal(1, upstream.Count);
        Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P2_miss_and_hit_have_the_ID_the_case_and_the_flags_that_their_own_query_asks_for(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, upstream);

        foreach (string name in (string[])["WwW.ExAmPlE.tEsT", "wWw.eXaMpLe.TeSt", "www.example.test"])
        {
            DnsMessage query = DnsMessage.Query(name);
            DnsMessage reply = await agent.Ask(query, protocol);
            Assert.Equal((query.Id, query.Question), (reply.Id, reply.Question));
            Assert.Equal(DnsMessage.Response | DnsMessage.RecursionDesired | DnsMessage.RecursionAvailable, reply.Flags);
        }

        Assert.Equal(1, upstream.Count);
    }

    [Fact]
    public async Task P11_a_set_of_mixed_TTLs_has_the_smallest()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.AddressRecord(exchange.Name, "192.0.2.1", 900), RR.AddressRecord(exchange.Name, "192.0.2.2", 60), RR.AddressRecord(exchange.Name, "192.0.2.3", 600)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask("mixed.example.test");

        Assert.Equal([60u, 60u, 60u], reply.Answers.Select(answer => answer.Ttl));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    public async Task P11_a_TTL_of_zero_or_with_the_top_bit_set_is_answered_as_zero_and_not_reused(uint ttl)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl);
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage first = await agent.Ask("zero.example.test");
        await agent.Ask("zero.example.test");

        Assert.Equal(0u, Assert.Single(first.Answers).Ttl);
        Assert.Equal(2, upstream.Count);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P12_NXDOMAIN_with_an_SOA_is_cached_for_all_types_of_the_name(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = new(exchange =>
            exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", ttl: 600, minimum: 60)] }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, upstream);

        DnsMessage miss = await agent.Ask("no.example.test", RR.A, protocol);
        DnsMessage hit = await agent.Ask("No.example.test", RR.Aaaa, protocol);

        Assert.Equal(1, upstream.Count);
        Assert.Equal((3, 3), (miss.ResponseCode, hit.ResponseCode));
        Assert.Equal(60u, Assert.Single(miss.Authority).Ttl);
        Assert.Equal(RR.Soa, Assert.Single(hit.Authority).Type);
        Assert.Equal(new Question("No.example.test", RR.Aaaa), hit.Question);
    }

    [Fact]
    public async Task P12_NODATA_is_cached_for_its_type_alone()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Question.Type == RR.A
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"))
            : exchange.Send(exchange.Query.Reply() with { Authority = [RR.Authority("example.test", 600, 60)] }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage[] noData = [await agent.Ask("v4.example.test", RR.Aaaa), await agent.Ask("v4.example.test", RR.Aaaa)];
        Assert.Equal(1, upstream.Count);
        DnsMessage data = await agent.Ask("v4.example.test", RR.A);

        Assert.Equal(2, upstream.Count);
        Assert.All(noData, reply => Assert.Equal((0, 0, 1), (reply.ResponseCode, reply.Answers.Count, reply.Authority.Count)));
        Assert.Single(data.Answers);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task P12_a_negative_answer_without_an_SOA_is_not_cached(int code)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Fail(code));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage first = await agent.Ask("bare.example.test");
        await agent.Ask("bare.example.test");

        Assert.Equal(code, first.ResponseCode);
        Assert.Equal(2, upstream.Count);
    }

    [Fact]
    public async Task P12_the_RCODE_belongs_to_the_end_of_an_alias_chain()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply(3) with
        {
            Answers = [RR.Alias(exchange.Name, "gone.example.test")],
            Authority = [RR.Authority("example.test", 600, 60)],
        }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage[] replies = [await agent.Ask("alias.example.test"), await agent.Ask("alias.example.test")];

        Assert.Equal(1, upstream.Count);
        Assert.All(replies, reply => Assert.Equal((3, 1, 1), (reply.ResponseCode, reply.Answers.Count, reply.Authority.Count)));
        await agent.Ask("gone.example.test"); // the alias says nothing about asking for its target
        Assert.Equal(2, upstream.Count);
    }

    [Fact]
    public async Task P13_DO_and_CD_have_answers_of_their_own()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        DnsMessage plain = DnsMessage.Query("flags.example.test");
        ResourceRecord opt = RR.OptRecord(1232);
        DnsMessage dnssec = plain with { Additional = [opt with { Ttl = 0x8000 }] };
        const ushort checkingDisabled = 0x10;

        foreach (DnsMessage query in (DnsMessage[])[plain, dnssec, plain with { Flags = (ushort)(plain.Flags | checkingDisabled) },
            dnssec with { Flags = (ushort)(plain.Flags | checkingDisabled) }, plain.WithEdns()])
        {
            await agent.Ask(query);
            await agent.Ask(query);
        }

        Assert.Equal(4, upstream.Count); // EDNS without DO shares the plain answer
        Assert.Equal([false, true, false, true], upstream.Exchanges.Select(exchange => (exchange.Query.Opt!.Ttl & 0x8000) != 0));
        Assert.Equal([false, false, true, true], upstream.Exchanges.Select(exchange => (exchange.Query.Flags & checkingDisabled) != 0));
    }
}

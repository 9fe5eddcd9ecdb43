using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>What an upstream gets to see.</summary>
public sealed class ForwardedQueryTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P24_P33_the_upstream_sees_an_OPT_of_the_agents_own_and_none_of_the_clients_options(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, upstream);
        DnsMessage query = DnsMessage.Query("Mixed.Example.test").WithEdns(
            4096, (8, [0, 1, 24, 0, 192, 0, 2]), (10, [1, 2, 3, 4, 5, 6, 7, 8]), (100, [9, 9]), (65001, []), (12, new byte[100]));

        DnsMessage reply = await agent.Ask(query, protocol);

        DnsMessage seen = Assert.Single(upstream.Exchanges).Query;
        // P27: over UDP a cookie, which is the agent's own (RFC 7873 section 6: not the client's).
        Assert.Equal(protocol == TransportProtocol.Udp ? [(10, 8)] : [], seen.Options.Select(option => ((int)option.Code, option.Value.Length)));
        Assert.DoesNotContain(seen.Options, option => option.Value.SequenceEqual(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }));
        ResourceRecord opt = Assert.Single(seen.Additional);
        Assert.Equal((RR.Opt, "", (ushort)1232, 0u), (opt.Type, opt.Name, opt.Class, opt.Ttl));
        Assert.Equal(DnsMessage.RecursionDesired, seen.Flags);
        Assert.Equal((0, 0), (seen.Answers.Count, seen.Authority.Count));
        Assert.Equal(new Question("mixed.example.test", RR.A), seen.Question with { Name = seen.Name.ToLowerInvariant() });
        Assert.Empty(reply.Options);
    }

    [Fact]
    public async Task P24_a_clients_subnet_makes_no_query_of_its_own()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        for (byte subnet = 0; subnet < 10; subnet++)
            await agent.Ask(DnsMessage.Query("www.example.test").WithEdns(1232, (8, [0, 1, 24, 0, 192, 0, subnet])));

        Assert.Equal(1, upstream.Count);
    }

    [Fact]
    public async Task P33_a_client_without_EDNS_is_asked_for_with_EDNS_and_answered_without()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask("www.example.test");

        Assert.Equal(1232, Assert.Single(upstream.Exchanges).Query.Opt!.Class);
        Assert.Empty(reply.Additional);
    }

    [Fact]
    public async Task P9_types_that_the_agent_does_not_know_pass_byte_for_byte()
    {
        byte[] data = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
        using ScriptedUpstream upstream = new(exchange =>
            exchange.Answer(new ResourceRecord(exchange.Name, exchange.Query.Question.Type, 1, 300, data)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        foreach (ushort type in (ushort[])[65280, 64, 65, 257])
        {
            DnsMessage query = DnsMessage.Query("opaque.example.test", type).WithEdns();
            Assert.Equal(data, Assert.Single((await agent.Ask(query)).Answers).Data);
            Assert.Equal(data, Assert.Single((await agent.Ask(query)).Answers).Data);
        }
    }

    [Fact]
    public async Task A8_only_records_that_answer_the_question_reach_client_and_cache()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply() with
        {
            Answers = [RR.AddressRecord(exchange.Name, "192.0.2.1"), RR.AddressRecord("victim.example.test", "203.0.113.6")],
            Authority = [new ResourceRecord("test", 2, 1, 300, RR.NameBytes("ns.evil.test"))],
            Additional = [RR.AddressRecord("kubernetes.default.svc.cluster.local", "203.0.113.7")],
        }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask("www.example.test");
        await agent.Ask("victim.example.test");
        await agent.Ask("kubernetes.default.svc.cluster.local");

        Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
        Assert.Equal((0, 0), (reply.Authority.Count, reply.Additional.Count));
        Assert.Equal(3, upstream.Count);
    }
}

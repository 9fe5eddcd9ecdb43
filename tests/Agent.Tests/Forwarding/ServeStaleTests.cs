using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>RFC 8767: an expired answer beats none.</summary>
public sealed class ServeStaleTests
{
    [Fact]
    public async Task P15_an_expired_answer_is_given_with_TTL_30_and_EDE_3_while_no_upstream_answers()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 1);
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        Assert.Equal(1u, Assert.Single((await agent.Ask("www.example.test")).Answers).Ttl);
        upstream.Handler = _ => Task.CompletedTask;
        await Task.Delay(1100);

        DnsMessage stale = await Wait.Within(4.5, agent.Ask(DnsMessage.Query("www.example.test").WithEdns()), "the stale answer");

        ResourceRecord answer = Assert.Single(stale.Answers);
        Assert.Equal((0, 30u, "192.0.2.1", 3), (stale.ResponseCode, answer.Ttl, answer.Address.ToString(), stale.ExtendedError));
        Assert.True(upstream.Count > 1, "the upstream is asked first");
    }

    [Fact]
    public async Task P15_a_stale_answer_comes_after_1800_ms_at_the_latest()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 1);
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        await agent.Ask("www.example.test");
        upstream.Handler = _ => Task.CompletedTask;
        await Task.Delay(1100);

        Assert.Single((await Wait.Within(1.8, agent.Ask("www.example.test"), "the stale answer")).Answers);
    }

    [Fact]
    public async Task P15_an_expired_NXDOMAIN_is_given_with_EDE_19()
    {
        using ScriptedUpstream upstream = new(exchange =>
            exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", 1, 1)] }));
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        await agent.Ask("no.example.test");
        upstream.Handler = exchange => exchange.Fail(2);
        await Task.Delay(1100);

        DnsMessage stale = await agent.Ask(DnsMessage.Query("no.example.test").WithEdns());

        Assert.Equal((3, 19, 30u), (stale.ResponseCode, stale.ExtendedError, Assert.Single(stale.Authority).Ttl));
    }

    [Fact]
    public async Task P15_a_new_answer_takes_the_place_of_an_expired_one_even_a_negative_one()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 1);
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        await agent.Ask("www.example.test");
        await Task.Delay(1100);
        upstream.Handler = exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", 1, 1)] });
        Assert.Equal(3, (await agent.Ask("www.example.test")).ResponseCode);
        await Task.Delay(1100);
        upstream.Handler = exchange => exchange.Fail(2);

        DnsMessage reply = await agent.Ask("www.example.test");

        Assert.Equal((3, 0), (reply.ResponseCode, reply.Answers.Count));
    }

    [Fact]
    public async Task P12_an_NXDOMAIN_that_follows_an_expired_answer_is_cached_like_any_other()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 1);
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        await agent.Ask("www.example.test");
        await Task.Delay(1100);
        upstream.Handler = exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", 600, 600)] });
        Assert.Equal(3, (await agent.Ask("www.example.test")).ResponseCode);
        int before = upstream.Count;

        for (int i = 0; i < 5; i++)
            Assert.Equal(3, (await agent.Ask("www.example.test")).ResponseCode);

        Assert.Equal(before, upstream.Count);
    }

    [Fact]
    public async Task Without_an_expired_answer_a_failing_upstream_gives_SERVFAIL()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Fail(2));
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);

        DnsMessage reply = await agent.Ask(DnsMessage.Query("www.example.test").WithEdns());

        Assert.Equal((2, 22), (reply.ResponseCode, reply.ExtendedError));
    }
}

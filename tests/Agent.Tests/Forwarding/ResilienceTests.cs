using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>What keeps answers true and upstreams unburdened: 0x20, EDNS fallback, kept failures, refresh (CHECKS P16, P25, P34, A20).</summary>
public class ResilienceTests
{
    [Fact]
    public async Task P34_the_letters_of_a_name_vary_over_UDP_and_the_client_sees_its_own()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        for (int i = 0; i < 8; i++)
            Assert.Equal($"WWW{i}.Example.TEST", (await agent.Ask($"WWW{i}.Example.TEST")).Name);

        string[] sent = [.. upstream.Exchanges.Select(exchange => exchange.Query.Name[^13..])];
        Assert.True(sent.Distinct().Count() > 4, string.Join(' ', sent));
    }

    [Fact]
    public async Task P34_an_answer_with_other_letters_is_not_accepted_and_TCP_decides()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(
            exchange.Query.Reply(RR.AddressRecord(exchange.Name, exchange.IsTcp ? "192.0.2.1" : "192.0.2.66"))
                with
            { Questions = [exchange.Query.Question with { Name = exchange.Name }] }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask("a-name-with-many-letters.example.test");

        Assert.Equal(1, Assert.Single(reply.Answers).Data[^1]);
        Assert.Contains(upstream.Exchanges, exchange => exchange.IsTcp);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task P25_a_server_that_does_not_take_EDNS_is_asked_once_without(bool isBare)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Opt == null
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"))
            : isBare
                ? exchange.Send(new DnsMessage { Id = exchange.Query.Id, Flags = DnsMessage.Response | 1 })
                : exchange.Fail(1));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        Assert.Single((await agent.Ask("a.example.test")).Answers);
        Assert.Single((await agent.Ask("b.example.test")).Answers);

        Assert.NotNull(upstream.Exchanges.First(exchange => exchange.Name == "b.example.test").Query.Opt); // nothing was learned
    }

    [Fact]
    public async Task P16_a_silent_server_gets_three_sends_and_then_none_while_the_failure_is_kept()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await Wait.Within(4.5, agent.Ask(DnsMessage.Query("www.example.test").WithEdns()), "SERVFAIL");
        Assert.Equal((2, 22), (reply.ResponseCode, reply.ExtendedError));
        Assert.InRange(upstream.Count, 1, 3);

        int sent = upstream.Count;
        for (int i = 0; i < 100; i++)
        {
            reply = await agent.Ask(DnsMessage.Query("www.example.test").WithEdns());
            Assert.Equal((2, 13), (reply.ResponseCode, reply.ExtendedError));
        }

        Assert.Equal(sent, upstream.Count);
    }

    [Fact]
    public async Task P15_an_answer_that_could_not_be_renewed_is_served_stale_at_once_and_no_upstream_is_asked_for_a_while()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 1);
        using AgentUnderTest agent = AgentUnderTest.ForwardingShortLived(upstream);
        await agent.Ask("www.example.test");
        upstream.Handler = _ => Task.CompletedTask;
        await Task.Delay(1_100);

        await Wait.Within(2, agent.Ask("www.example.test"), "a stale answer");
        int sent = upstream.CountOf("www.example.test");
        for (int i = 0; i < 50; i++)
        {
            DnsMessage reply = await agent.Ask(DnsMessage.Query("www.example.test").WithEdns());
            Assert.Equal((30u, 3), (Assert.Single(reply.Answers).Ttl, reply.ExtendedError));
        }

        Assert.InRange(upstream.CountOf("www.example.test"), sent, 3); // the sends of the one attempt
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_popular_answer_is_renewed_before_it_expires_and_nobody_waits(TransportProtocol client)
    {
        int version = 0;
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(RR.AddressRecord(exchange.Name, $"192.0.2.{++version}", ttl: 5)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await Wait.Until(
            () => agent.Ask("popular.example.test", protocol: client).GetAwaiter().GetResult().Answers.Single().Data[^1] > 1,
            "the second answer");

        Assert.InRange(upstream.Count, 2, 3);
        Assert.InRange((await agent.Ask("popular.example.test", protocol: client)).Answers[0].Ttl, 1u, 5u);
    }

    [Fact]
    public async Task An_answer_that_is_not_popular_is_not_renewed_when_it_is_asked_for_near_its_end()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 5);
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await agent.Ask("seldom.example.test");
        await Task.Delay(4_600); // the last tenth of its life
        Assert.InRange((await agent.Ask("seldom.example.test")).Answers[0].Ttl, 0u, 1u);
        await Task.Delay(200);
        Assert.Equal(1, upstream.CountOf("seldom.example.test"));
    }

    [Fact]
    public async Task A_server_that_answers_everything_twice_costs_no_thread_its_rest()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            if (exchange.Name.StartsWith("slow", StringComparison.Ordinal))
                return; // keeps the thread watching its upstream sockets
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        for (int i = 0; i < 200; i++)
            Assert.Single((await agent.Ask($"n{i}.example.test")).Answers);

        Task<DnsMessage> waiting = agent.Ask("slow.example.test");
        await Task.Delay(300);
        long turns = agent.UdpThread.Turns;
        await Task.Delay(1_000);
        turns = agent.UdpThread.Turns - turns;

        Assert.InRange(turns, 1, 1_000); // 20 turns of 50 ms; a thread that spins makes hundreds of thousands
        await waiting;
    }
}

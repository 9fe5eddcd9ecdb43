using System.Diagnostics;
using System.Net;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>Servers that refuse, fail or go away: another is asked, and what comes out comes soon.</summary>
public sealed class UpstreamTroubleTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_server_whose_port_is_closed_costs_no_time_when_there_is_another(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(protocol, upstream) with { Servers = [TestAddress.Next(), upstream.EndPoint] }));

        for (int i = 0; i < 10; i++)
            Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test"), "an answer")).Answers);

        Assert.Equal(10, upstream.Exchanges.DistinctBy(exchange => exchange.Name).Count());
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_server_whose_port_is_closed_and_no_other_ends_in_SERVFAIL(TransportProtocol protocol)
    {
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(protocol) with { Servers = [TestAddress.Next()] }));

        DnsMessage reply = await Wait.Within(4.5, agent.Ask(DnsMessage.Query("www.example.test").WithEdns()), "SERVFAIL");

        Assert.Equal((2, 22), (reply.ResponseCode, reply.ExtendedError));
    }

    [Theory]
    [InlineData(TransportProtocol.Udp, 2)]
    [InlineData(TransportProtocol.Tcp, 2)]
    [InlineData(TransportProtocol.Udp, 5)]
    public async Task A_server_that_fails_has_the_other_asked(TransportProtocol protocol, int code)
    {
        using ScriptedUpstream failing = new(exchange => exchange.Fail(code));
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, failing, upstream);

        for (int i = 0; i < 20; i++)
            Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test"), "an answer")).Answers);

        Assert.Equal(20, upstream.Exchanges.DistinctBy(exchange => exchange.Name).Count());
        Assert.True(failing.Count > 0, "the servers are asked in turn");
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task All_servers_failing_ends_in_SERVFAIL_at_once_and_each_was_asked_once(TransportProtocol protocol)
    {
        using ScriptedUpstream first = new(exchange => exchange.Fail(2));
        using ScriptedUpstream second = new(exchange => exchange.Fail(2));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, first, second);

        DnsMessage reply = await Wait.Within(2, agent.Ask("www.example.test"), "SERVFAIL");

        Assert.Equal(2, reply.ResponseCode);
        Assert.InRange(first.Count + second.Count, 2, 4);
        await agent.AssertFailureIsKept("www.example.test", first, second);
    }

    [Fact]
    public async Task A_connection_that_the_server_closed_while_idle_costs_the_next_query_nothing()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        double fastest = double.MaxValue;
        for (int i = 0; i < 8; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Assert.Single((await agent.Ask($"n{i}.example.test")).Answers);
            if (i > 0)
                fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            upstream.CloseConnections();
            if (i % 2 == 0) // else the next query finds a connection whose end the agent has not seen yet
                await Wait.Until(() => upstream.OpenConnectionCount == 0, "the agent closes too");
        }

        Assert.InRange(fastest, 0, 350); // a query that is lost with its connection is sent again after 400 ms
        Assert.InRange(upstream.ConnectionCount, 8, 16);
    }

    [Fact]
    public async Task A_server_that_was_restarted_is_asked_again_over_TCP()
    {
        IPEndPoint place = TestAddress.Next();
        ScriptedUpstream before = ScriptedUpstream.Answering("192.0.2.1", at: place);
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, before);
        await agent.Ask("before.example.test");

        before.Dispose();
        using ScriptedUpstream after = ScriptedUpstream.Answering("192.0.2.2", at: place);
        DnsMessage reply = await Wait.Within(2, agent.Ask("after.example.test"), "an answer");

        Assert.Equal("192.0.2.2", Assert.Single(reply.Answers).Address.ToString());
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_query_that_meets_a_server_in_the_middle_of_its_restart_waits_for_it(TransportProtocol protocol)
    {
        IPEndPoint place = TestAddress.Next();
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(protocol) with { Servers = [place] }));

        Task<DnsMessage> asked = agent.Ask("www.example.test");
        await Task.Delay(250);
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", at: place);

        Assert.Single((await Wait.Within(3, asked, "an answer")).Answers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public async Task A_server_that_closes_with_queries_on_their_way_is_asked_anew_for_each(int queries)
    {
        int lost = 0;
        using ScriptedUpstream upstream = new(async exchange =>
        {
            if (exchange.Name.StartsWith('n') && Interlocked.Increment(ref lost) <= queries)
            {
                if (lost == queries)
                    exchange.Close();
                return;
            }

            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);
        await agent.Ask("first.example.test"); // the connection has worked

        DnsMessage[] replies = await Task.WhenAll(Enumerable.Range(0, queries).Select(i =>
            Wait.Within(2, agent.Ask($"n{i}.example.test"), "an answer")));

        Assert.All(replies, reply => Assert.Single(reply.Answers));
        Assert.InRange(upstream.Count, 1 + 2 * queries, 1 + 4 * queries);
    }

    [Fact]
    public async Task A_server_that_closes_each_connection_without_an_answer_gets_four_sends_at_the_most()
    {
        using ScriptedUpstream upstream = new(exchange =>
        {
            exchange.Close();
            return Task.CompletedTask;
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        DnsMessage reply = await Wait.Within(4.5, agent.Ask("www.example.test"), "SERVFAIL");

        Assert.Equal(2, reply.ResponseCode);
        Assert.InRange(upstream.Count, 1, 4);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_at_all_ends_in_SERVFAIL_after_the_last_send_and_not_at_the_deadline()
    {
        // connect() to the broadcast address fails at once; the tries are at 0, 0.4, 1.2 and 2.4 s.
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(TransportProtocol.Udp) with { Servers = [IPEndPoint.Parse("255.255.255.255:53")] }));

        DnsMessage reply = await Wait.Within(3.3, agent.Ask("www.example.test"), "SERVFAIL");

        Assert.Equal(2, reply.ResponseCode);
    }
}

using System.Net;
using Agent.Configuration;
using Agent.Forwarding;
using Agent.Observability;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>P36: a server that forwards questions back to the agent is found out and not asked any more; the process goes on.</summary>
public sealed class LoopTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P36_a_server_that_brings_questions_back_is_disabled_with_a_warning_and_asked_again_when_that_has_ended(TransportProtocol protocol)
    {
        using Relay relay = new();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(relay, AgentUnderTest.RootRoute(protocol, relay.Server, upstream) with { Policy = ServerPolicy.Sequential });
        await agent.Ask("first.example.test");
        LoopCheck check = agent.Routes.Routes[0].Checks[0];
        check.Plan(at: 1);

        await Wait.Until(() => agent.Routes.Routes[0].Servers.Count == 1, "the loop is found");
        Assert.Equal(upstream.EndPoint, agent.Routes.Routes[0].Servers[0].EndPoint);
        Assert.Equal(["loop", "ok"], RouteStatus.Of(agent.Routes.Routes[0]).Servers.Select(server => server.State));
        Assert.Single(agent.Log.Lines, line => line.StartsWith($"Warning: {relay.Server.EndPoint} brings questions of the zone . back to this agent", StringComparison.Ordinal));
        Assert.Equal([5], relay.RepliesToChecks.Distinct());

        for (int i = 0; i < 10; i++)
            Assert.Single((await agent.Ask($"n{i}.example.test")).Answers);
        Assert.DoesNotContain(relay.Server.Exchanges, exchange => exchange.Name.StartsWith('n'));

        relay.Server.Handler = exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.2"));
        check.Plan(at: 1);
        await Wait.Until(() => agent.Routes.Routes[0].Servers.Count == 2, "the server is asked again");
        await Wait.Until(() => !agent.Routes.Routes[0].Servers[0].IsAvoided, "it is probed, should it have left questions unanswered");
        Assert.Equal("192.0.2.2", Assert.Single((await agent.Ask("last.example.test")).Answers).Address.ToString());
        Assert.Single(agent.Log.Lines, line => line.Contains("does not bring questions of the zone . back any more", StringComparison.Ordinal));
    }

    [Fact]
    public async Task P36_the_check_begins_by_itself_soon_after_the_first_use_and_asks_an_unguessable_name_of_the_routes_zone()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.Route("lab.test", TransportProtocol.Udp, upstream)));
        await Task.Delay(300);
        Assert.Empty(upstream.OwnExchanges);
        long entries = agent.Cache.Count;

        await agent.Ask("www.lab.test");
        await Wait.Until(() => upstream.OwnExchanges.Length > 0, "a check");

        Question question = upstream.OwnExchanges[0].Query.Question;
        Assert.Equal(RR.Hinfo, question.Type);
        Assert.Matches("^[0-9a-f]{32}[.]lab[.]test$", upstream.OwnExchanges[0].Name);
        Assert.InRange(agent.Cache.Count, entries, entries + 1);
    }

    [Fact]
    public async Task P36_ordinary_names_that_go_in_a_circle_are_one_flight_and_end_at_its_deadline()
    {
        using Relay relay = new();
        using AgentUnderTest agent = Start(relay, AgentUnderTest.RootRoute(TransportProtocol.Udp, relay.Server));

        DnsMessage reply = await agent.Ask("www.example.test");

        Assert.Equal(2, reply.ResponseCode);
        Assert.InRange(relay.Server.CountOf("www.example.test"), 1, 4);
    }

    [Fact]
    public async Task P36_when_all_servers_are_loops_clients_get_SERVFAIL_at_once_or_what_has_expired()
    {
        using Relay relay = new();
        relay.Server.Handler = exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", ttl: 1));
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, relay.Server));
        using AgentUnderTest agent = AgentUnderTest.Start(configuration with { Cache = configuration.Cache with { MinTtl = 0 } });
        await agent.Ask("known.example.test");
        Task expiry = Task.Delay(1_100); // its TTL, and a little
        relay.To(agent);
        agent.Routes.Routes[0].Checks[0].Plan(at: 1);
        await Wait.Until(() => agent.Routes.Routes[0].Servers.Count == 0, "the loop is found");
        await expiry;

        DnsMessage[] replies = await Task.WhenAll(
            Wait.Within(2, agent.Ask(DnsMessage.Query("www.example.test").WithEdns()), "SERVFAIL"),
            Wait.Within(2, agent.Ask(DnsMessage.Query("known.example.test").WithEdns()), "an expired answer"));

        Assert.Equal((2, 22), (replies[0].ResponseCode, replies[0].ExtendedError));
        Assert.Equal((0, 3), (replies[1].ResponseCode, replies[1].ExtendedError));
        Assert.Equal(0, relay.Server.CountOf("www.example.test"));
    }

    [Fact]
    public async Task P36_a_loop_for_one_zone_leaves_the_server_to_another_zone()
    {
        using Relay relay = new(name => !name.EndsWith("cluster.local", StringComparison.Ordinal));
        using AgentUnderTest agent = Start(
            relay,
            AgentUnderTest.Route("cluster.local", TransportProtocol.Udp, relay.Server),
            AgentUnderTest.RootRoute(TransportProtocol.Udp, relay.Server));
        await agent.Ask("a.cluster.local");
        foreach (LoopCheck check in agent.Routes.Routes.SelectMany(route => route.Checks))
            check.Plan(at: 1);

        await Wait.Until(() => agent.Routes.Routes[1].Servers.Count == 0, "the loop is found");

        Assert.Single((await agent.Ask("b.cluster.local")).Answers);
        Assert.Equal(["ok"], RouteStatus.Of(agent.Routes.Routes[0]).Servers.Select(server => server.State));
    }

    [Fact]
    public async Task P36_a_clients_question_that_only_looks_like_a_check_is_forwarded_like_any_other()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await agent.Ask("www.example.test");
        agent.Routes.Routes[0].Checks[0].Plan(at: 1);
        await Wait.Until(() => upstream.OwnExchanges.Length > 0, "a check");
        string name = upstream.OwnExchanges[0].Name;

        Assert.Equal(0, (await agent.Ask(name[..31] + (name[31] == '0' ? '1' : '0'), RR.Hinfo)).ResponseCode);
        Assert.Equal(0, (await agent.Ask(name, RR.A)).ResponseCode);

        Assert.False(agent.Routes.Routes[0].Checks[0].IsLoop);
    }

    [Fact]
    public void Checks_are_five_minutes_apart_thirty_seconds_while_there_is_a_loop_and_not_in_step_on_many_nodes()
    {
        HashSet<long> firsts = [];
        for (int node = 0; node < 20; node++)
        {
            Server server = new(new IPEndPoint(IPAddress.Loopback, 53));
            LoopCheck check = new(server, [0]);
            Assert.False(check.TryBegin(1_000, out _));
            server.NoteSend();
            (long first, LoopCheck.Attempt attempt) = Next(check, 1_000);
            Assert.InRange(first, 1_000, 6_100);
            firsts.Add(first);
            check.End(attempt);
            Assert.False(check.IsLoop);

            (long second, attempt) = Next(check, first);
            Assert.InRange(second - first, 225_000, 300_100);
            Assert.True(check.CameBack(attempt.Name, second + 5));
            check.End(attempt);
            Assert.True(check.IsLoop);

            (long third, attempt) = Next(check, second);
            Assert.InRange(third - second, 22_500, 30_100);
            Assert.True(check.IsLoop);
            check.End(attempt);
            Assert.False(check.IsLoop);
        }

        Assert.True(firsts.Count > 5);

        static (long, LoopCheck.Attempt) Next(LoopCheck check, long now)
        {
            for (long end = now + 400_000; now < end; now += 50)
            {
                if (check.TryBegin(now, out LoopCheck.Attempt? attempt))
                    return (now, attempt);
            }

            throw new Xunit.Sdk.XunitException("no check is ever due");
        }
    }

    [Fact]
    public void A_zone_that_leaves_no_room_for_a_check_is_not_checked()
    {
        byte[] zone = RR.NameBytes(string.Join('.', Enumerable.Repeat(new string('a', 55), 4)));
        LoopCheck check = new(new Server(new IPEndPoint(IPAddress.Loopback, 53)), zone);
        check.Plan(at: 1);

        Assert.False(check.TryBegin(1_000, out _));
    }

    private static AgentUnderTest Start(Relay relay, params RouteConfiguration[] routes)
    {
        AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(routes));
        relay.To(agent);
        return agent;
    }

    /// <summary>A server that forwards to the agent whatever reaches it, and brings back the reply.</summary>
    private sealed class Relay : IDisposable
    {
        private readonly Func<string, bool> _loops;
        private readonly List<int> _repliesToChecks = [];

        public Relay(Func<string, bool>? loops = null)
        {
            _loops = loops ?? (_ => true);
            Server = ScriptedUpstream.Silent();
        }

        public ScriptedUpstream Server { get; }

        public int[] RepliesToChecks
        {
            get
            {
                lock (_repliesToChecks)
                    return [.. _repliesToChecks];
            }
        }

        public void To(AgentUnderTest agent) => Server.Handler = async exchange =>
        {
            if (!_loops(exchange.Name))
            {
                await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
                return;
            }

            byte[]? bytes = await Client.ExchangeUdp(agent.EndPoint, exchange.Bytes, TimeSpan.FromSeconds(6));
            if (bytes == null)
                return;
            if (exchange.IsLoopCheck)
            {
                lock (_repliesToChecks)
                    _repliesToChecks.Add(DnsMessage.Parse(bytes).ResponseCode);
            }

            await exchange.Send(bytes);
        };

        public void Dispose() => Server.Dispose();
    }
}

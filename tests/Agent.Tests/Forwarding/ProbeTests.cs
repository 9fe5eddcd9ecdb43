using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>An avoided server is tried out with the agent's own question, and with no client's.</summary>
public sealed class ProbeTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task An_avoided_server_gets_probes_over_the_routes_protocol_and_no_client_waits_for_it(TransportProtocol protocol)
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(protocol, silent, upstream);
        await agent.AskUntilAvoided(server: 0);
        int clients = silent.Count;

        int asked = 0;
        await Wait.Until(
            () =>
            {
                Assert.Single(agent.Ask($"n{asked++}.example.test").GetAwaiter().GetResult().Answers);
                return Probes(silent) >= 2;
            },
            "two probes");

        Assert.Equal(clients, silent.Count);
        Assert.All(silent.OwnExchanges.Where(exchange => exchange.IsProbe), probe => Assert.Equal(protocol == TransportProtocol.Tcp, probe.IsTcp));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task A_response_to_the_probe_ends_the_avoidance_whatever_its_RCODE(int code)
    {
        using ScriptedUpstream flaky = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, flaky, upstream);
        await agent.AskUntilAvoided(server: 0);
        long entries = agent.Cache.Count;

        flaky.Handler = exchange => exchange.IsProbe ? exchange.Fail(code) : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.2"));
        await Wait.Until(() => !First(agent).IsAvoided, "the server is asked again");

        Assert.Equal(entries, agent.Cache.Count);
        Assert.Equal("192.0.2.2", Assert.Single((await agent.Ask("after.example.test")).Answers).Address.ToString());
    }

    [Fact]
    public async Task What_is_no_response_does_not_end_the_avoidance()
    {
        using ScriptedUpstream odd = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, odd, upstream);
        await agent.AskUntilAvoided(server: 0);

        odd.Handler = async exchange =>
        {
            await exchange.Send(exchange.Query); // QR is clear
            await exchange.Send(exchange.Query.Reply() with { Id = (ushort)(exchange.Query.Id + 1) });
            await exchange.Send([0, 0, 0]);
        };
        await Wait.Until(() => Probes(odd) >= 2, "two probes");

        Assert.True(First(agent).IsAvoided);
    }

    [Fact]
    public async Task While_all_are_avoided_clients_are_served_by_whoever_answers_and_that_ends_its_avoidance()
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using ScriptedUpstream slow = ScriptedUpstream.Silent();
        using AgentUnderTest agent = Start(TransportProtocol.Udp, silent, slow);
        await agent.Ask("www.example.test");
        Assert.All(agent.Routes.Routes[0].Servers, server => Assert.True(server.IsAvoided));

        slow.Handler = exchange => exchange.IsProbe ? Task.CompletedTask : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));

        Assert.Single((await Wait.Within(2, agent.Ask("again.example.test"), "an answer")).Answers);
        Assert.False(agent.Routes.Routes[0].Servers[1].IsAvoided);
    }

    [Fact]
    public async Task A_client_that_asks_what_probes_ask_has_its_question_answered_by_a_server_that_is_well()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            exchange.IsProbe ? new ResourceRecord("", RR.Ns, 1, 0, RR.NameBytes("a.root.test")) : RR.AddressRecord(exchange.Name, "192.0.2.1")));
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(TransportProtocol.Udp) with { Servers = [TestAddress.Next(), upstream.EndPoint], Policy = ServerPolicy.Sequential }));
        await agent.AskUntilAvoided(server: 0);

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(RR.NameBytes("a.root.test"), Assert.Single((await agent.Ask("", RR.Ns)).Answers).Data);
            await Task.Delay(100); // probes come and go meanwhile
        }

        Assert.True(First(agent).IsAvoided);
    }

    private static int Probes(ScriptedUpstream upstream) => upstream.OwnExchanges.Count(exchange => exchange.IsProbe);

    private static Server First(AgentUnderTest agent) => agent.Routes.Routes[0].Servers[0];

    private static AgentUnderTest Start(TransportProtocol protocol, params ScriptedUpstream[] upstreams) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(protocol, upstreams) with { Policy = ServerPolicy.Sequential }));
}

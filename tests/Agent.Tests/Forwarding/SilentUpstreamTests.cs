using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>Servers that do not answer. P16: at most four sends, SERVFAIL before the client's own patience ends.</summary>
public sealed class SilentUpstreamTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_silent_server_has_another_asked_beside_it_within_a_second(TransportProtocol protocol)
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, silent, upstream);

        for (int i = 0; i < 12; i++)
            Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test"), "an answer")).Answers);

        // After a few time-outs it is avoided, so most of the twelve did not wait for it.
        Assert.InRange(silent.Count, 1, 6);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P16_all_silent_ends_in_SERVFAIL_with_EDE_22_in_time_and_after_four_sends_at_the_most(TransportProtocol protocol)
    {
        using ScriptedUpstream first = ScriptedUpstream.Silent();
        using ScriptedUpstream second = ScriptedUpstream.Silent();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, first, second);

        DnsMessage[] replies = await Task.WhenAll(
            Wait.Within(4.5, agent.Ask(DnsMessage.Query("www.example.test").WithEdns()), "SERVFAIL"),
            Wait.Within(4.5, agent.Ask(DnsMessage.Query("plain.example.test")), "SERVFAIL"));

        Assert.Equal((2, 22, 2, -1), (replies[0].ResponseCode, replies[0].ExtendedError, replies[1].ResponseCode, replies[1].ExtendedError));
        Assert.Empty(replies[1].Additional);
        foreach (string name in (string[])["www.example.test", "plain.example.test"])
            Assert.InRange(first.CountOf(name) + second.CountOf(name), 2, 4);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P16_one_silent_server_gets_four_sends_at_the_most(TransportProtocol protocol)
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, silent);

        DnsMessage reply = await Wait.Within(4.5, agent.Ask("www.example.test"), "SERVFAIL");

        Assert.Equal(2, reply.ResponseCode);
        Assert.InRange(silent.Count, 1, 4);
        Assert.Equal(silent.Count, silent.Exchanges.DistinctBy(exchange => exchange.Query.Id).Count());
    }

    [Fact]
    public async Task A_late_answer_of_the_slow_server_still_wins_when_the_other_is_silent()
    {
        using ScriptedUpstream slow = new(async exchange =>
        {
            await Task.Delay(1800);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(slow, silent);

        Assert.Single((await Wait.Within(3.5, agent.Ask("www.example.test"), "the answer")).Answers);
    }

    [Fact]
    public async Task A_lost_datagram_is_sent_again()
    {
        int seen = 0;
        using ScriptedUpstream lossy = new(exchange =>
            Interlocked.Increment(ref seen) == 1 ? Task.CompletedTask : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1")));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(lossy);

        Assert.Single((await Wait.Within(2, agent.Ask("www.example.test"), "an answer")).Answers);
        Assert.InRange(lossy.Count, 2, 4);
        Assert.NotEqual(lossy.Exchanges[0].Client.Port, lossy.Exchanges[1].Client.Port);
    }

    [Fact]
    public async Task A_server_that_never_accepts_ends_in_SERVFAIL_and_other_zones_are_served_meanwhile()
    {
        // A full backlog: the kernel drops further SYNs, so that connect() neither succeeds nor fails.
        using Socket deaf = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(TestAddress.Next());
        deaf.Listen(1);
        List<Socket> waiting = [];
        for (int i = 0; i < 4; i++)
        {
            waiting.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
            Assert.Throws<SocketException>(() => waiting[^1].Connect(deaf.LocalEndPoint!));
        }

        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(TransportProtocol.Udp, upstream),
            AgentUnderTest.RootRoute(TransportProtocol.Tcp) with { Zone = "deaf.test", Servers = [(IPEndPoint)deaf.LocalEndPoint!] }));

        Task<DnsMessage> hopeless = Wait.Within(4.5, agent.Ask("www.deaf.test"), "SERVFAIL");
        for (int i = 0; i < 20; i++)
            Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test"), "another zone's answer")).Answers);

        Assert.Equal(2, (await hopeless).ResponseCode);
        waiting.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task An_avoided_server_is_asked_again_after_a_while()
    {
        using ScriptedUpstream flaky = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(flaky, upstream);
        int asked = 0;
        while (flaky.Count < 2)
            await agent.Ask($"n{asked++}.example.test");
        flaky.Handler = exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.2"));
        int before = flaky.Count;

        DateTime deadline = DateTime.UtcNow + Wait.Long;
        while (flaky.Count == before)
        {
            Assert.True(DateTime.UtcNow < deadline, "the server is never asked again");
            await agent.Ask($"n{asked++}.example.test");
            await Task.Delay(50);
        }
    }
}

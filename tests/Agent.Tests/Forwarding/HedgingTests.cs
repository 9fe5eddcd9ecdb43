using System.Diagnostics;
using Agent.Configuration;
using Agent.Forwarding;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>A second server is asked as soon as the first is slower than it usually is, for few questions, and without blame.</summary>
public sealed class HedgingTests
{
    private const int Known = 2 * QuantileEstimate.WarmUp;

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task The_second_server_is_asked_long_before_400_ms_once_the_first_ones_times_are_known(TransportProtocol protocol)
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream second = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = Start(protocol, first, second);
        await AskMany(agent, Known);
        first.Handler = Late;

        double earliest = double.MaxValue;
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal("192.0.2.2", Assert.Single((await agent.Ask($"slow{i}.example.test")).Answers).Address.ToString());
            earliest = Math.Min(earliest, Between(first, second, $"slow{i}.example.test"));
        }

        Assert.InRange(earliest, 0, 300); // the first server's p95 is some milliseconds, and 20 is the least
        Assert.False(agent.Routes.Routes[0].Servers[0].IsAvoided);
    }

    [Fact]
    public async Task Before_its_times_are_known_the_second_server_is_asked_after_400_ms()
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream second = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, first, second);
        await AskMany(agent, QuantileEstimate.WarmUp / 2);
        first.Handler = Late;

        await agent.Ask("slow.example.test");

        Assert.InRange(Between(first, second, "slow.example.test"), 380, 5_000);
    }

    [Fact]
    public async Task A_server_that_gets_slow_for_all_questions_has_one_in_ten_asked_elsewhere_early_and_no_more()
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream second = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, first, second);
        await AskMany(agent, Known);
        first.Handler = async exchange =>
        {
            await Task.Delay(200);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        };

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => agent.Ask($"slow{i}.example.test")));

        // 164 sends have earned credit for 16 hedges. On a busy machine some may wait for 400 ms, which is no hedge.
        string[] asked = [.. second.Exchanges.Select(exchange => exchange.Name).Distinct()];
        Assert.InRange(asked.Count(name => Between(first, second, name) < 300), 0, 20);
    }

    [Fact]
    public async Task A_hedge_that_is_silent_too_costs_no_more_sends_than_without_and_silence_counts_against_the_first()
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream second = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, first, second);
        await AskMany(agent, Known);
        first.Handler = second.Handler = _ => Task.CompletedTask;

        DnsMessage reply = await agent.Ask("silent.example.test");

        Assert.Equal(2, reply.ResponseCode);
        Assert.InRange(first.CountOf("silent.example.test"), 1, 3);
        Assert.InRange(first.CountOf("silent.example.test") + second.CountOf("silent.example.test"), 2, 4);
        Assert.True(agent.Routes.Routes[0].Servers[0].IsAvoided);
    }

    [Fact]
    public async Task A_single_server_is_not_asked_twice_because_it_is_slow()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, upstream);
        await AskMany(agent, Known);
        upstream.Handler = async exchange =>
        {
            await Task.Delay(150);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        };

        await agent.Ask("slow.example.test");

        foreach (UpstreamExchange again in upstream.Exchanges.Where(exchange => exchange.Name == "slow.example.test").Skip(1))
            Assert.InRange(Stopwatch.GetElapsedTime(upstream.Exchanges.First(exchange => exchange.Name == "slow.example.test").ReceivedAt, again.ReceivedAt).TotalMilliseconds, 300, 5_000);
    }

    [Fact]
    public async Task A_thread_with_questions_on_their_way_does_not_spin()
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream second = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, first, second);
        await AskMany(agent, Known);
        first.Handler = second.Handler = _ => Task.CompletedTask;

        Task<DnsMessage[]> waiting = Task.WhenAll(Enumerable.Range(0, 50).Select(i => agent.Ask($"n{i}.silent.test")));
        long before = agent.UdpThread.Turns;
        await Task.Delay(1_000);
        long turns = agent.UdpThread.Turns - before;

        Assert.InRange(turns, 1, 1_000); // a tick is 10 ms at the least; a thread that spins makes hundreds of thousands
        await waiting;
    }

    private static async Task Late(UpstreamExchange exchange)
    {
        await Task.Delay(2_000);
        await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
    }

    /// <summary>Milliseconds from the first server's question to the second's.</summary>
    private static double Between(ScriptedUpstream first, ScriptedUpstream second, string name) => Stopwatch.GetElapsedTime(
        first.Exchanges.First(exchange => exchange.Name == name).ReceivedAt,
        second.Exchanges.First(exchange => exchange.Name == name).ReceivedAt).TotalMilliseconds;

    private static async Task AskMany(AgentUnderTest agent, int count)
    {
        for (int i = 0; i < count; i++)
            await agent.Ask($"known{i}.example.test");
    }

    private static AgentUnderTest Start(TransportProtocol protocol, params ScriptedUpstream[] upstreams) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(protocol, upstreams) with { Policy = ServerPolicy.Sequential }));
}

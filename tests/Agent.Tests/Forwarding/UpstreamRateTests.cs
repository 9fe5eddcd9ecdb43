using System.Collections.Concurrent;
using System.Diagnostics;
using Agent.Configuration;
using Agent.Forwarding;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>A26: however many ask, an upstream gets no more than the configured rate.</summary>
public sealed class UpstreamRateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(3_000)]
    [InlineData(1_000_000)]
    public void A26_no_second_has_more_turns_than_the_rate_and_few_are_wasted(int rate)
    {
        SendPace pace = new(rate);
        List<long> turns = [];
        int wanted = Math.Min(5 * rate, 20_000);
        for (long now = 1_000; turns.Count < wanted; now += 4)
        {
            while (turns.Count < wanted && pace.TryReserve(now, now, out long turn))
                turns.Add(turn);
        }

        for (int i = rate; i < turns.Count; i++)
            Assert.True(turns[i] - turns[i - rate] >= 996, $"{rate + 1} turns within {turns[i] - turns[i - rate]} ms"); // the clock's steps are 4 ms
        Assert.InRange(turns[^1] - turns[0], 0, 1_150L * wanted / rate + 100);
    }

    [Fact]
    public void A26_turns_are_reserved_in_order_for_all_threads_and_refused_when_they_come_too_late()
    {
        SendPace pace = new(100);
        List<long> turns = [];
        Parallel.For(0, 1_000, _ =>
        {
            if (!pace.TryReserve(1_000, 4_000, out long turn))
                return;
            lock (turns)
                turns.Add(turn);
        });

        turns.Sort();
        Assert.InRange(turns.Count, 270, 290); // three seconds of 91 each, and a tenth of a second at once
        Assert.InRange(turns[^1], 3_980, 4_000);
        for (int i = 100; i < turns.Count; i++)
            Assert.True(turns[i] - turns[i - 100] >= 999);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A26_agents_that_start_cold_at_once_send_no_more_than_their_rates_and_answer_all_that_fits(TransportProtocol protocol)
    {
        const int rate = 50;
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        long start = Stopwatch.GetTimestamp();
        AgentUnderTest[] agents = [.. Enumerable.Range(0, 3).Select(_ => Start(protocol, rate, upstream))];

        // From the UDP thread and the TCP thread of each.
        DnsMessage[] replies = await Task.WhenAll(agents.SelectMany(agent => Enumerable.Range(0, 100).Select(i =>
            agent.Ask($"n{i}.example.test", protocol: i % 2 == 0 ? TransportProtocol.Udp : TransportProtocol.Tcp))));

        Assert.InRange(replies.Count(reply => reply.Answers.Count == 1), 250, 300); // 100 of each take 2 s of the 3.4 that are there
        UpstreamExchange[] received = upstream.Exchanges;
        for (int i = 0; i < received.Length; i++)
        {
            double seconds = Stopwatch.GetElapsedTime(start, received[i].ReceivedAt).TotalSeconds;
            Assert.True(i + 1 <= agents.Length * (rate * (seconds + 0.1) + 1), $"{i + 1} queries within {seconds:F2} s");
        }

        Array.ForEach(agents, agent => agent.Dispose());
    }

    [Fact]
    public async Task What_does_not_fit_before_the_deadline_fails_at_once_and_is_not_kept_as_a_failure()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(TransportProtocol.Udp, 5, upstream);
        ConcurrentQueue<(int Question, DnsMessage Reply)> replies = [];

        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i => replies.Enqueue((i, await agent.Ask($"n{i}.example.test")))));

        Assert.InRange(replies.Count(reply => reply.Reply.Answers.Count == 1), 10, 25); // 3.4 s of 5 each
        // Those who do not wait for a turn have their reply while the others still wait.
        Assert.All(replies.TakeLast(5), reply => Assert.Single(reply.Reply.Answers));
        int refused = replies.First(reply => reply.Reply.ResponseCode == 2).Question;
        Assert.Single((await agent.Ask($"n{refused}.example.test")).Answers);
    }

    [Fact]
    public async Task A_truncated_answer_that_is_asked_for_over_TCP_takes_a_turn_of_its_own()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.IsTcp
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"))
            : exchange.Send(exchange.Query.Reply() with { Flags = DnsMessage.Response | DnsMessage.Truncated }));
        using AgentUnderTest agent = Start(TransportProtocol.Udp, 10, upstream);
        long start = Stopwatch.GetTimestamp();

        DnsMessage[] replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => agent.Ask($"n{i}.example.test")));

        Assert.All(replies, reply => Assert.Single(reply.Answers));
        Assert.Equal(10, upstream.Exchanges.Count(exchange => exchange.IsTcp));
        for (int i = 0; i < upstream.Count; i++)
            Assert.True(i + 1 <= 10 * (Stopwatch.GetElapsedTime(start, upstream.Exchanges[i].ReceivedAt).TotalSeconds + 0.1) + 1);
    }

    private static AgentUnderTest Start(TransportProtocol protocol, int rate, ScriptedUpstream upstream) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(protocol, upstream) with { QueriesPerSecond = rate }));
}

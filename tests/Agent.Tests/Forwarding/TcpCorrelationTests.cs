using System.Collections.Concurrent;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>A15: over one shared connection every response finds its own question.</summary>
public sealed class TcpCorrelationTests
{
    [Fact]
    public async Task A15_answers_in_any_order_each_reach_who_asked()
    {
        const int count = 300;
        ConcurrentBag<UpstreamExchange> held = [];
        using ScriptedUpstream upstream = new(exchange =>
        {
            held.Add(exchange);
            if (held.Count == count)
            {
                UpstreamExchange[] shuffled = [.. held];
                new Random(15).Shuffle(shuffled);
                foreach (UpstreamExchange one in shuffled)
                    one.Answer(AddressOf(one.Name)).Wait();
            }

            return Task.CompletedTask;
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);
        using UdpConversation client = new(agent.EndPoint);

        for (int i = 0; i < count; i++)
            client.Send(DnsMessage.Query($"n{i}.example.test") with { Id = (ushort)i });
        for (int i = 0; i < count; i++)
        {
            DnsMessage reply = await client.Receive();
            Assert.Equal($"n{reply.Id}.example.test", reply.Name);
            Assert.Equal(AddressOf(reply.Name).Address, Assert.Single(reply.Answers).Address);
        }

        Assert.Equal((count, 1), (upstream.Count, upstream.ConnectionCount));
    }

    [Theory]
    [InlineData("never sent")]
    [InlineData("65535")]
    [InlineData("another question")]
    [InlineData("no response")]
    [InlineData("twice")]
    [InlineData("empty frame")]
    [InlineData("short frame")]
    public async Task A15_a_response_to_nothing_that_was_asked_is_passed_over_and_the_connection_kept(string kind)
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            DnsMessage forged = exchange.Query.Reply(RR.AddressRecord(exchange.Name, "203.0.113.66"));
            await exchange.Send(kind switch
            {
                "never sent" => (forged with { Id = (ushort)(exchange.Query.Id + 77) }).ToBytes(),
                "65535" => (forged with { Id = exchange.Query.Id == 65535 ? (ushort)0 : (ushort)65535 }).ToBytes(),
                "another question" => (forged with { Questions = [new Question("other.example.test", RR.A)] }).ToBytes(),
                "no response" => (forged with { Flags = 0 }).ToBytes(),
                "twice" => exchange.Query.Reply(AddressOf(exchange.Name)).ToBytes(),
                "empty frame" => [],
                _ => [1, 2, 3],
            });
            await Task.Delay(50);
            await exchange.Answer(AddressOf(exchange.Name));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        for (int i = 0; i < 5; i++)
        {
            DnsMessage reply = await agent.Ask($"n{i}.example.test");
            Assert.Equal(AddressOf($"n{i}.example.test").Address, Assert.Single(reply.Answers).Address);
        }

        Assert.Equal((5, 1), (upstream.Count, upstream.ConnectionCount));
    }

    [Fact]
    public async Task A15_responses_split_into_single_bytes_are_put_together()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            byte[] bytes = UpstreamExchange.Framed(exchange.Query.Reply(AddressOf(exchange.Name)).ToBytes());
            for (int i = 0; i < bytes.Length; i++)
            {
                exchange.SendRaw([bytes[i]]);
                if (i < 6 || i > bytes.Length - 4) // where it matters; all bytes would take so long that another try is made
                    await Task.Delay(1);
            }
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        for (int i = 0; i < 3; i++)
            Assert.Single((await agent.Ask($"n{i}.example.test")).Answers);

        Assert.Equal((3, 1), (upstream.Count, upstream.ConnectionCount));
    }

    [Fact]
    public async Task A15_two_responses_in_one_segment_and_one_cut_in_two_are_told_apart()
    {
        ConcurrentQueue<UpstreamExchange> held = [];
        int arrived = 0;
        using ScriptedUpstream upstream = new(async exchange =>
        {
            held.Enqueue(exchange);
            if (Interlocked.Increment(ref arrived) != 3) // exactly one sends: two would mix their halves
                return;
            byte[] all = [.. held.SelectMany(one => UpstreamExchange.Framed(one.Query.Reply(AddressOf(one.Name)).ToBytes()))];
            exchange.SendRaw(all[..^10]);
            await Task.Delay(50);
            exchange.SendRaw(all[^10..]);
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        DnsMessage[] replies = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => agent.Ask($"n{i}.example.test")));

        Assert.All(replies, reply => Assert.Equal(AddressOf(reply.Name).Address, Assert.Single(reply.Answers).Address));
        Assert.Equal(1, upstream.ConnectionCount);
    }

    [Fact]
    public async Task A15_an_answer_that_comes_after_its_flight_ended_is_not_taken_for_another()
    {
        using ScriptedUpstream slow = new(async exchange =>
        {
            await Task.Delay(exchange.Name.StartsWith("slow", StringComparison.Ordinal) ? 4500 : 0);
            await exchange.Answer(AddressOf(exchange.Name));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, slow);

        Task<DnsMessage> late = agent.Ask("slow.example.test");
        for (int i = 0; i < 60; i++)
        {
            DnsMessage reply = await agent.Ask($"n{i}.example.test");
            Assert.Equal(AddressOf(reply.Name).Address, Assert.Single(reply.Answers).Address);
            await Task.Delay(100);
        }

        Assert.Equal(2, (await late).ResponseCode);
        Assert.Equal(61, agent.Cache.Count); // 60 answers, and that one failed (RFC 9520)
        Assert.Equal(2, (await agent.Ask("slow.example.test")).ResponseCode);
    }

    /// <summary>An address that follows from the name.</summary>
    private static ResourceRecord AddressOf(string name)
    {
        int sum = 0;
        foreach (char letter in name)
            sum = (sum * 31 + letter) & 0xFFFF;
        return RR.AddressRecord(name, $"198.51.{sum >> 8}.{sum & 0xFF}");
    }
}

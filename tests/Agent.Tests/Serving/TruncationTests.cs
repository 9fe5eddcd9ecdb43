using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

public sealed class TruncationTests
{
    [Fact]
    public async Task P32_a_truncated_answer_is_asked_for_again_over_TCP_and_the_whole_one_is_cached()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.IsTcp
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.2"))
            : exchange.Send(exchange.Query.Reply(RR.AddressRecord(exchange.Name, "192.0.2.1")) with { Flags = DnsMessage.Response | DnsMessage.Truncated }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage[] replies = [await agent.Ask("big.example.test"), await agent.Ask("big.example.test")];

        Assert.Equal([false, true], upstream.Exchanges.Select(exchange => exchange.IsTcp));
        Assert.All(replies, reply => Assert.False(reply.IsTruncated));
        Assert.All(replies, reply => Assert.Equal("192.0.2.2", Assert.Single(reply.Answers).Address.ToString()));
    }

    [Fact]
    public async Task P32_a_server_that_truncates_over_TCP_too_ends_in_SERVFAIL_with_the_fourth_send()
    {
        using ScriptedUpstream upstream = new(exchange =>
            exchange.Send(exchange.Query.Reply(RR.AddressRecord(exchange.Name, "192.0.2.1")) with { Flags = DnsMessage.Response | DnsMessage.Truncated }));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await Wait.Within(3, agent.Ask("big.example.test"), "SERVFAIL"); // nothing can come any more

        Assert.Equal((2, 0), (reply.ResponseCode, reply.Answers.Count));
        Assert.InRange(upstream.Count, 2, 4);
        await agent.AssertFailureIsKept("big.example.test", upstream);
    }

    [Theory]
    [InlineData(null, 512)]
    [InlineData(0, 512)]
    [InlineData(511, 512)]
    [InlineData(1000, 1000)]
    [InlineData(65535, 1232)]
    public async Task P23_an_answer_too_long_for_the_client_is_truncated_over_UDP_and_whole_over_TCP(int? bufferSize, int limit)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(RR.Text(exchange.Name, 3000)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);
        DnsMessage query = DnsMessage.Query("big.example.test", RR.Txt);
        query = bufferSize is { } size ? query.WithEdns((ushort)size) : query;

        for (int time = 0; time < 2; time++) // as a miss, as a hit
        {
            DnsMessage overUdp = await agent.Ask(query);
            Assert.True(overUdp.IsTruncated);
            Assert.Empty(overUdp.Answers);
            Assert.Equal(bufferSize != null, overUdp.Opt != null);
        }

        byte[]? datagram = await Client.ExchangeUdp(agent.EndPoint, query.ToBytes(), Wait.Long);
        Assert.InRange(datagram!.Length, 12, limit);
        DnsMessage overTcp = await agent.Ask(query, TransportProtocol.Tcp);
        Assert.Equal(3000, Assert.Single(overTcp.Answers).Data.Length);
        Assert.Equal(1, upstream.Count);
    }

    [Theory]
    [InlineData(60_000)]
    [InlineData(65_400)]
    public async Task The_longest_messages_pass_over_TCP(int size)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(RR.Text(exchange.Name, size)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        for (int time = 0; time < 2; time++)
        {
            DnsMessage reply = await agent.Ask("huge.example.test", RR.Txt, TransportProtocol.Tcp);
            Assert.Equal(size, Assert.Single(reply.Answers).Data.Length);
        }

        Assert.Equal(1, upstream.Count);
    }
}

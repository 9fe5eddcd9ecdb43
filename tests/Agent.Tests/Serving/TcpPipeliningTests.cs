using System.Buffers.Binary;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>RFC 7766 from the client's side.</summary>
public sealed class TcpPipeliningTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P28_a_hundred_queries_in_one_write_are_answered_out_of_order_and_each_with_its_own(TransportProtocol upstreamProtocol)
    {
        const int count = 100;
        using ScriptedUpstream upstream = new(async exchange =>
        {
            int number = int.Parse(exchange.Name.Split('.')[0][1..]);
            await Task.Delay(2 * (count - number)); // the last is answered first
            await exchange.Answer(RR.AddressRecord(exchange.Name, $"192.0.2.{number}"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstreamProtocol, upstream);
        using TcpConversation client = await agent.Connect();
        DnsMessage[] queries = [.. Enumerable.Range(0, count).Select(i => DnsMessage.Query($"n{i}.example.test") with { Id = (ushort)(60_000 - i) })];

        await client.Send(queries);
        DnsMessage[] replies = await client.Receive(count);

        foreach (DnsMessage reply in replies)
        {
            int number = 60_000 - reply.Id;
            Assert.Equal($"n{number}.example.test", reply.Name);
            Assert.Equal($"192.0.2.{number}", Assert.Single(reply.Answers).Address.ToString());
        }

        Assert.Equal(count, replies.DistinctBy(reply => reply.Id).Count());
        Assert.NotEqual(queries.Select(query => query.Id), replies.Select(reply => reply.Id));
        Assert.Equal(count, upstream.Count);
    }

    [Fact]
    public async Task P29_a_message_whose_length_comes_byte_by_byte_is_answered()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        DnsMessage query = DnsMessage.Query("split.example.test");
        byte[] framed = UpstreamExchange.Framed(query.ToBytes());

        foreach (byte[] part in (byte[][])[framed[..1], framed[1..2], framed[2..9], framed[9..20], framed[20..]])
        {
            await client.SendRaw(part);
            await Task.Delay(20); // so that each comes in a segment of its own
        }

        Assert.Equal(query.Id, (await client.Receive())!.Id);
    }

    [Fact]
    public async Task P29_two_messages_in_one_segment_and_one_that_spans_two_are_answered()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        DnsMessage[] queries = [.. Enumerable.Range(1, 3).Select(i => DnsMessage.Query($"n{i}.example.test") with { Id = (ushort)i })];
        byte[] all = [.. queries.SelectMany(query => UpstreamExchange.Framed(query.ToBytes()))];

        await client.SendRaw(all[..^15]);
        await Task.Delay(20);
        await client.SendRaw(all[^15..]);
        DnsMessage[] replies = await client.Receive(3);

        Assert.Equal([1, 2, 3], replies.Select(reply => (int)reply.Id).Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    public async Task P29_queries_before_the_clients_end_of_sending_are_all_answered_and_then_the_agent_closes(int delay)
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await Task.Delay(delay);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await agent.Ask("cached.example.test");
        using TcpConversation client = await agent.Connect();

        await client.Send([DnsMessage.Query("cached.example.test"), .. Enumerable.Range(0, 50).Select(i => DnsMessage.Query($"n{i}.example.test"))]);
        client.EndSending();

        Assert.All(await client.Receive(51), reply => Assert.Single(reply.Answers));
        Assert.Null(await client.Receive());
    }

    [Fact]
    public async Task P30_a_connection_serves_many_queries_one_after_the_other()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);
        using TcpConversation client = await agent.Connect();

        for (int i = 0; i < 200; i++)
        {
            DnsMessage query = DnsMessage.Query($"n{i % 20}.example.test");
            await client.Send(query);
            Assert.Equal((query.Id, query.Name), ((await client.Receive())!.Id, query.Name));
        }

        Assert.Equal((20, 1), (upstream.Count, upstream.ConnectionCount));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(65535)]
    public async Task P30_a_length_that_no_query_has_closes_the_connection_after_what_came_before_it(int length)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        byte[] prefix = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)length);

        await client.SendRaw([.. prefix, .. new byte[Math.Min(length, 100)]]);

        await Wait.Within(5, client.Receive(), "closing"); // half of the idle deadline
        Assert.Single((await agent.Ask("after.example.test", protocol: TransportProtocol.Tcp)).Answers);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(4096)]
    public async Task The_shortest_and_the_longest_message_allowed_are_read(int length)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        DnsMessage query = DnsMessage.Query("padded.example.test");
        query = length == 12
            ? query with { Questions = [] }
            : query.WithEdns(1232, (12, new byte[length - query.ToBytes().Length - 11 - 4])); // padding, RFC 7830

        Assert.Equal(length, query.ToBytes().Length);
        await client.Send(query);
        DnsMessage? reply = await client.Receive();

        Assert.Equal((query.Id, length == 12 ? 1 : 0), (reply!.Id, reply.ResponseCode));
    }
}

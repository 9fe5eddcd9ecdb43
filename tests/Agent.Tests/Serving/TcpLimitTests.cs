using System.Diagnostics;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>What one client may take of the TCP server.</summary>
public sealed class TcpLimitTests
{
    [Fact]
    public async Task P30_an_idle_connection_is_closed_after_ten_seconds_and_not_much_earlier()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        await client.Send(DnsMessage.Query("one.example.test"));
        Assert.NotNull(await client.Receive());

        long start = Stopwatch.GetTimestamp();
        Assert.Null(await client.Receive());
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 9, 13);
    }

    [Theory]
    [InlineData(1)] // half a length
    [InlineData(2)]
    [InlineData(20)] // half a message
    public async Task A13_half_a_message_closes_the_connection_after_its_two_seconds(int bytes)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();

        await client.SendRaw(UpstreamExchange.Framed(DnsMessage.Query("half.example.test").ToBytes())[..bytes]);

        Assert.Null(await Wait.Within(4, client.Receive(), "closing"));
    }

    [Fact]
    public async Task A13_a_message_that_trickles_in_does_not_outlive_its_deadline()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using TcpConversation client = await agent.Connect();
        byte[] framed = UpstreamExchange.Framed(DnsMessage.Query("a-name-long-enough-to-last.example.test").ToBytes());
        Task<DnsMessage?> closed = Wait.Within(5, client.Receive(), "closing");

        try
        {
            for (int i = 0; i < framed.Length - 1 && !closed.IsCompleted; i++)
            {
                await client.SendRaw(framed[i..(i + 1)]);
                await Task.Delay(150);
            }
        }
        catch (IOException)
        {
            // The agent closed while this was writing.
        }

        Assert.Null(await closed);
    }

    [Fact]
    public async Task A13_half_messages_of_many_connections_leave_the_others_alone()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        List<TcpConversation> slow = [];
        for (int i = 0; i < 50; i++)
        {
            slow.Add(await agent.Connect());
            await slow[i].SendRaw([0]);
        }

        DnsMessage reply = await Wait.Within(2, agent.Ask("other.example.test", protocol: TransportProtocol.Tcp), "another client's answer");

        Assert.Single(reply.Answers);
        slow.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task A13_a_client_that_never_reads_is_closed_and_does_not_stop_others()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(RR.Text(exchange.Name, 30_000)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);
        await agent.Ask("big.example.test", RR.Txt, TransportProtocol.Tcp);
        TcpConversation deaf = await agent.Connect(receiveBuffer: 4096);
        Task flood = Flood(deaf);

        for (int i = 0; i < 20; i++)
        {
            DnsMessage reply = await Wait.Within(2, agent.Ask("big.example.test", RR.Txt, TransportProtocol.Tcp), "another client's answer");
            Assert.Single(reply.Answers);
            Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test", RR.Txt, TransportProtocol.Tcp), "another client's miss")).Answers);
        }

        await flood; // ends when the agent closes: five seconds after the last byte that the client took
        deaf.Dispose();

        static async Task Flood(TcpConversation deaf)
        {
            byte[] query = UpstreamExchange.Framed(DnsMessage.Query("big.example.test", RR.Txt).ToBytes());
            byte[] many = [.. Enumerable.Repeat(query, 100).SelectMany(bytes => bytes)];
            long start = Stopwatch.GetTimestamp();
            try
            {
                while (Stopwatch.GetElapsedTime(start) < Wait.Long)
                    await deaf.SendRaw(many);
            }
            catch (Exception error) when (error is IOException)
            {
                return;
            }

            Assert.Fail("the agent went on reading from a client that takes no replies");
        }
    }

    [Fact]
    public async Task A13_the_connections_of_one_client_are_capped_and_a_closed_one_makes_room()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await agent.Ask("cached.example.test");
        List<TcpConversation> open = [];
        for (int i = 0; i < 64; i++)
        {
            open.Add(await agent.Connect());
            await open[i].Send(DnsMessage.Query("cached.example.test"));
            Assert.NotNull(await open[i].Receive());
        }

        Assert.False(await IsServed(agent));
        open[7].Dispose();
        DateTime deadline = DateTime.UtcNow + Wait.Long;
        while (!await IsServed(agent))
            Assert.True(DateTime.UtcNow < deadline, "a closed connection made no room");
        open.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task A_client_that_breaks_its_connection_while_an_upstream_is_asked_costs_the_thread_no_time()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        TcpConversation client = await agent.Connect();
        await client.Send(DnsMessage.Query("never.example.test"));
        await Wait.Until(() => upstream.Count > 0, "the upstream is asked");

        client.Reset();
        long before = agent.TcpThread.Turns;
        await Task.Delay(1000);

        // With a query on its way the loop turns once a tick of 50 ms; a thread that spins turns a hundred thousand times.
        Assert.InRange(agent.TcpThread.Turns - before, 1, 500);
    }

    private static async Task<bool> IsServed(AgentUnderTest agent)
    {
        using TcpConversation one = await agent.Connect();
        try
        {
            await one.Send(DnsMessage.Query("cached.example.test"));
            return await one.Receive() != null;
        }
        catch (IOException)
        {
            return false;
        }
    }
}

using System.Net;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>Hostile bytes to the built executable: answer or silence as listed, then everything goes on, without a mark.</summary>
public sealed class HostileInputTests : IAsyncLifetime
{
    // A leak does not fit, and ends the agent: 60 bytes of each of 200,000 datagrams, 600 of each of 20,000 connections. How long the collector
    // waits while there is room says nothing, and neither does how much is compiled; so growth itself is not compared.
    private const int HeapMiB = 16;
    private const int MaxAnonymousKiB = 40 * 1024; // with what is not on the heap; 17 MiB are usual

    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private AgentSetup _setup = null!;
    private AgentProcess _agent = null!;

    private IPEndPoint EndPoint => _setup.EndPoint;

    public async Task InitializeAsync()
    {
        _setup = new AgentSetup(_upstream.EndPoint);
        _agent = await AgentProcess.Serve(_setup, heapMiB: HeapMiB);
    }

    public Task DisposeAsync()
    {
        _agent.Dispose();
        _setup.Dispose();
        _upstream.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task P3_P4_P5_P22_A9_over_UDP_each_gets_what_is_listed_once()
    {
        foreach ((string what, byte[] message, int expected) in HostilePackets.All())
        {
            using UdpConversation client = new(EndPoint);
            DnsMessage marker = DnsMessage.Query("marker.example.test") with { Id = 0xBEEF, Flags = 0 };
            client.Send(message);
            client.Send(marker); // answered after it by the one worker, so that silence is known without waiting
            DnsMessage reply = await client.Receive();
            if (expected != HostilePackets.Silence)
            {
                Assert.True((reply.Id, reply.ResponseCode, reply.IsResponse) == (0x1234, expected, true), $"{what}: {reply}");
                reply = await client.Receive();
            }

            Assert.True(reply.Id == 0xBEEF, $"{what}: {reply} instead of silence");
        }

        await AssertUnmarked();
    }

    [Fact]
    public async Task P3_P4_P5_P22_A9_over_TCP_each_gets_what_is_listed_or_the_connection_is_closed()
    {
        foreach ((string what, byte[] message, int expected) in HostilePackets.All())
        {
            using TcpConversation client = await TcpConversation.Open(EndPoint);
            await client.SendRaw(UpstreamExchange.Framed(message));
            if (message.Length < 12)
            {
                Assert.True(await client.Receive() == null, $"{what}: not closed");
                continue;
            }

            await client.Send(DnsMessage.Query("marker.example.test") with { Id = 0xBEEF, Flags = 0 });
            DnsMessage reply = (await client.Receive())!;
            if (expected != HostilePackets.Silence)
            {
                Assert.True((reply.Id, reply.ResponseCode) == (0x1234, expected), $"{what}: {reply}");
                reply = (await client.Receive())!;
            }

            Assert.True(reply.Id == 0xBEEF, $"{what}: {reply} instead of silence");
        }

        await AssertUnmarked();
    }

    [Fact]
    public async Task A9_two_hundred_thousand_random_datagrams_change_nothing_and_cost_no_memory()
    {
        Random random = new(9);
        byte[] query = DnsMessage.Query("www.example.test").WithEdns(1232, (10, new byte[8])).ToBytes();
        using UdpConversation client = new(EndPoint);
        for (int i = 0; i < 200_000; i++)
        {
            byte[] datagram = new byte[random.Next(0, 1600)];
            random.NextBytes(datagram);
            if (i % 2 == 0)
            {
                // Half of them are a query with a few bytes changed, which gets further into the parser.
                datagram = [.. query];
                for (int change = random.Next(1, 4); change > 0; change--)
                    datagram[random.Next(2, datagram.Length)] = (byte)random.Next(256);
            }

            client.Send(datagram);
            if (i % 100 == 99)
                await Client.Ask(EndPoint, DnsMessage.Query("marker.example.test") with { Flags = 0 }); // bounded: the worker keeps up
        }

        await AssertUnmarked();
    }

    [Fact]
    public async Task A9_random_bytes_over_TCP_change_nothing_and_cost_no_memory()
    {
        Random random = new(10);
        await Flood(50);
        int descriptors = _agent.DescriptorCount;

        await Flood(20_000);

        await Wait.Until(() => _agent.DescriptorCount <= descriptors, $"the connections are closed ({_agent.DescriptorCount}, {descriptors} before)");
        await AssertUnmarked();

        async Task Flood(int connections)
        {
            for (int i = 0; i < connections; i++)
            {
                using TcpConversation client = await TcpConversation.Open(EndPoint);
                byte[] bytes = new byte[random.Next(1, 3000)];
                random.NextBytes(bytes);
                try
                {
                    await client.SendRaw(i % 2 == 0 ? bytes : UpstreamExchange.Framed(bytes));
                    client.Reset();
                }
                catch (IOException)
                {
                    // Closed by the agent first, as it should.
                }
            }
        }
    }

    /// <summary>A normal query is answered over both transports, no thread has met a defect, and memory is within its limits.</summary>
    private async Task AssertUnmarked()
    {
        Assert.Single((await Client.Ask(EndPoint, DnsMessage.Query("normal.example.test"))).Answers);
        Assert.Single((await Client.Ask(EndPoint, DnsMessage.Query("normal.tcp.test"), TransportProtocol.Tcp)).Answers);
        Assert.DoesNotContain("defect", _agent.Output, StringComparison.Ordinal);
        Assert.Equal("", _agent.Error);
        Assert.InRange(_agent.AnonymousKiB, 0, MaxAnonymousKiB);
    }
}

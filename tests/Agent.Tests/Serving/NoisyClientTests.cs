using System.Diagnostics;
using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>One client does what it can to get in the way of another, which has an address of its own.</summary>
public sealed class NoisyClientTests : IDisposable
{
    private const int Questions = 200;

    private readonly IPAddress _noisy = TestAddress.NextAddress();
    private readonly IPAddress _quiet = TestAddress.NextAddress();
    private readonly ScriptedUpstream _upstream = new(exchange => exchange.Name.EndsWith("flood.test", StringComparison.Ordinal)
        ? Task.CompletedTask // never answered
        : exchange.Answer(exchange.Query.Question.Type == RR.Txt ? RR.Text(exchange.Name, 30_000) : RR.AddressRecord(exchange.Name, "192.0.2.1")));

    public void Dispose() => _upstream.Dispose();

    private AgentUnderTest Agent(ClientsConfiguration clients, TransportProtocol protocol = TransportProtocol.Udp) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(protocol, _upstream)) with { Clients = clients });

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    public async Task A11_a_flood_of_random_names_leaves_another_client_s_success_at_99_9_percent(int queriesPerSecond)
    {
        ClientsConfiguration clients = queriesPerSecond == 0 ? new() : new() { QueriesPerSecond = queriesPerSecond, InFlight = 65_535 };
        using AgentUnderTest agent = Agent(clients);
        ServingCounters counters = agent.UdpThread.Counters;
        await agent.Ask("cached.example.test");
        using CancellationTokenSource enough = new();
        Task<int> flood = Task.Run(() => Flood(agent.EndPoint, Read, enough.Token));
        await Wait.Until(() => counters.Limited > 1_000, "the flood is on, and limited");

        int answered = 0;
        for (int i = 0; i < Questions; i++)
            answered += await IsAnswered(agent, i % 2 == 0 ? "cached.example.test" : $"quiet{i}.example.test") ? 1 : 0;
        enough.Cancel();

        Assert.InRange(await flood, 50_000, int.MaxValue);
        Assert.InRange(counters.Limited, 40_000, int.MaxValue);
        Assert.True(answered >= Questions * 0.999, $"{answered} of {Questions} were answered");

        // Those beyond inFlight count as misses too.
        long Read() => counters.Misses + (queriesPerSecond > 0 ? counters.Limited : 0);
    }

    /// <summary>
    /// As fast as the agent reads, at least 50,000 queries, until another has asked its own. There are always some in the agent's socket, and
    /// never more than it holds: of what overflows, the kernel drops anybody's.
    /// </summary>
    private int Flood(IPEndPoint server, Func<long> read, CancellationToken enough)
    {
        using UdpConversation client = new(server, _noisy);
        byte[] query = DnsMessage.Query("xxxxxxxx.flood.test").ToBytes();
        int sent = 0;
        for (; sent < 50_000 || (!enough.IsCancellationRequested && sent < 5_000_000); sent++)
        {
            for (int i = 0; i < 8; i++)
                query[13 + i] = (byte)('a' + (sent >> (4 * i) & 15));
            client.Send(query);
            while (sent - read() > 4_096)
                Thread.Yield();
        }

        return sent;
    }

    private async Task<bool> IsAnswered(AgentUnderTest agent, string name)
    {
        byte[]? reply = await Client.ExchangeUdp(agent.EndPoint, DnsMessage.Query(name).ToBytes(), TimeSpan.FromSeconds(5), _quiet);
        return reply != null && DnsMessage.Parse(reply).Answers.Count == 1;
    }

    [Fact]
    public async Task A13_half_messages_trickling_bytes_and_deaf_clients_of_one_address_leave_the_others_alone()
    {
        using AgentUnderTest agent = Agent(new ClientsConfiguration(), TransportProtocol.Tcp);
        await agent.Ask("big.example.test", RR.Txt, TransportProtocol.Tcp);
        using CancellationTokenSource enough = new();
        Task[] slow = [.. Enumerable.Range(0, 300).Select(number => Task.Run(() => Annoy(agent.EndPoint, number % 3, enough.Token)))];
        await Wait.Until(() => agent.TcpThread.Counters.Limited > 50, "the connections of one client are capped");

        using TcpConversation connection = await TcpConversation.Open(agent.EndPoint, from: _quiet);
        for (int i = 0; i < Questions / 2; i++)
        {
            string name = i % 2 == 0 ? "cached.example.test" : $"quiet{i}.example.test";
            Assert.True(await IsAnswered(agent, name), $"question {i} over UDP");
            await connection.Send(DnsMessage.Query(name));
            Assert.Single((await Wait.Within(5, connection.Receive(), $"question {i} over TCP"))!.Answers);
        }

        enough.Cancel();
        await Task.WhenAll(slow);
    }

    /// <summary>Sends half a message, a byte at a time, or queries whose replies it never takes; opens the next connection when it loses one.</summary>
    private async Task Annoy(IPEndPoint server, int how, CancellationToken enough)
    {
        byte[] query = UpstreamExchange.Framed(DnsMessage.Query("big.example.test", RR.Txt).ToBytes());
        byte[][] pieces = how switch
        {
            0 => [query[..20]],
            1 => [.. query[..^1].Select(octet => (byte[])[octet])],
            _ => [.. Enumerable.Repeat(query, 100)],
        };
        while (!enough.IsCancellationRequested)
        {
            try
            {
                using TcpConversation connection = await TcpConversation.Open(server, receiveBuffer: 4096, from: _noisy);
                foreach (byte[] piece in pieces)
                {
                    await connection.SendRaw(piece);
                    await Task.Delay(how == 1 ? 100 : 1, enough);
                }

                await Task.Delay(3_000, enough);
            }
            catch (Exception error) when (error is IOException or OperationCanceledException)
            {
                // The agent closed it, or the others have asked enough.
            }
        }
    }
}

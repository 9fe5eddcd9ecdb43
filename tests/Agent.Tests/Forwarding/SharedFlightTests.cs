using Agent.Configuration;
using Agent.Dns;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>Identical misses in several threads: four UDP workers and the TCP thread.</summary>
public sealed class SharedFlightTests
{
    private const int Sockets = 200;
    private const int Connections = 40;
    private const string Name = "shared.example.test";

    [Fact]
    public async Task A3_a_thousand_identical_misses_in_all_threads_cost_one_upstream_query()
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = Holding(release, exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1")));
        using AgentUnderTest agent = Start(upstream);

        DnsMessage[] replies = await AskAll(agent, perClient: 1000 / (Sockets + Connections) + 1, () => release.Release());

        Assert.Equal(1, upstream.Count);
        Assert.True(replies.Length >= 1000);
        Assert.All(replies, reply => Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString()));
    }

    [Fact]
    public async Task An_answer_with_TTL_0_is_fetched_by_each_thread_once()
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = Holding(release, exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", ttl: 0)));
        using AgentUnderTest agent = Start(upstream);

        DnsMessage[] replies = await AskAll(agent, perClient: 2, () => release.Release(100));

        Assert.InRange(upstream.Count, 2, agent.Threads.Count);
        Assert.All(replies, reply => Assert.Equal(0u, Assert.Single(reply.Answers).Ttl));
    }

    [Fact]
    public async Task A_slow_answer_with_TTL_0_is_fetched_by_all_threads_at_once()
    {
        // One after the other, the last of five threads would wait beyond the deadline.
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await Task.Delay(1_000);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", ttl: 0));
        });
        using AgentUnderTest agent = Start(upstream);

        DnsMessage[] replies = await AskAll(agent, perClient: 1, () => { });

        Assert.All(replies, reply => Assert.Equal((0, 1), (reply.ResponseCode, reply.Answers.Count)));
    }

    [Fact]
    public async Task A_failure_is_every_thread_s_and_counts_once()
    {
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = Holding(release, exchange => exchange.Fail(2));
        using AgentUnderTest agent = Start(upstream);

        DnsMessage[] replies = await AskAll(agent, perClient: 2, () => release.Release(100));

        Assert.All(replies, reply => Assert.Equal((2, 0), (reply.ResponseCode, reply.Answers.Count)));
        Assert.Equal(1, upstream.Count);
        await agent.AssertFailureIsKept(Name, upstream);
        await Task.Delay(5_100); // the first failure is kept for 5 s; counted by each thread, it would be kept longer
        await agent.Ask(Name);
        Assert.Equal(2, upstream.Count);
    }

    [Fact]
    public async Task Stopping_ends_what_follows_too()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using AgentUnderTest agent = Start(upstream);

        DnsMessage[] replies = await Wait.Within(3, AskAll(agent, perClient: 1, agent.Dispose), "answers from an agent that stops");

        Assert.All(replies, reply => Assert.Equal(2, reply.ResponseCode));
        Assert.Equal(1, upstream.Count);
    }

    [Fact]
    public async Task What_a_hanging_thread_has_claimed_is_asked_by_who_waits_for_it()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(upstream);
        byte[] key = new byte[Query.MaxKeyLength];
        Assert.True(Query.TryParse(DnsMessage.Query(Name).ToBytes(), key, out Query query));
        ulong hash = agent.Flights.Hash.Compute(query.Key);
        Assert.Equal(Agent.Forwarding.FlightShare.Owner, agent.Flights.Claim(hash, agent.Threads.Count, out _));

        Task<DnsMessage> first = agent.Ask(Name);
        Assert.Single((await Wait.Within(3, first, "an answer nobody else brings")).Answers);

        Assert.Equal(1, upstream.Count);
        agent.Flights.Release(hash);
    }

    /// <summary>Over one TCP connection for each thread, so that a slow machine causes no second send.</summary>
    private static AgentUnderTest Start(ScriptedUpstream upstream)
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Tcp, upstream));
        return AgentUnderTest.Start(configuration with
        {
            Listen = configuration.Listen with { Workers = 4 },
            Clients = new ClientsConfiguration { InFlight = 2000 }, // all ask from one address
        });
    }

    private static ScriptedUpstream Holding(SemaphoreSlim release, Func<UpstreamExchange, Task> answer) => new(async exchange =>
    {
        await release.WaitAsync(Wait.Long);
        await answer(exchange);
    });

    /// <summary>Asks from many clients at once, calls <paramref name="release"/> when the last of them waits, and returns all replies.</summary>
    private static async Task<DnsMessage[]> AskAll(AgentUnderTest agent, int perClient, Action release)
    {
        List<Task<DnsMessage[]>> replies = [];
        List<IDisposable> clients = [];
        for (int i = 0; i < Sockets; i++)
        {
            UdpConversation client = new(agent.EndPoint);
            clients.Add(client);
            for (int sent = 0; sent < perClient; sent++)
                client.Send(DnsMessage.Query(Name));
            replies.Add(ReceiveAll(client, perClient));
        }

        for (int i = 0; i < Connections; i++)
        {
            TcpConversation client = await agent.Connect();
            clients.Add(client);
            await client.Send([.. Enumerable.Range(0, perClient).Select(_ => DnsMessage.Query(Name))]);
            replies.Add(client.Receive(perClient));
        }

        await Wait.Until(() => agent.Threads.Sum(thread => thread.Counters.Misses) >= (Sockets + Connections) * perClient, "all wait");
        Assert.True(agent.Threads.Count(thread => thread.Counters.Misses > 0) > 2, "the clients are spread over the threads");
        release();
        DnsMessage[][] received = await Task.WhenAll(replies);
        clients.ForEach(client => client.Dispose());
        return [.. received.SelectMany(reply => reply)];
    }

    private static async Task<DnsMessage[]> ReceiveAll(UdpConversation client, int count)
    {
        List<DnsMessage> replies = [];
        while (replies.Count < count)
            replies.Add(await client.Receive());
        return [.. replies];
    }
}

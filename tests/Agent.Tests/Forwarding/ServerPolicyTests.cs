using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>Which server of a route is asked first.</summary>
public sealed class ServerPolicyTests
{
    [Fact]
    public async Task Random_is_the_default_and_reaches_all()
    {
        using Three servers = new();
        using AgentUnderTest agent = AgentUnderTest.Forwarding(servers.All);

        await AskMany(agent, 60);

        Assert.All(servers.All, server => Assert.InRange(server.Count, 5, 40)); // 20 each; 5 is some four deviations off
    }

    [Fact]
    public async Task Round_robin_asks_each_as_often_as_the_others()
    {
        using Three servers = new();
        using AgentUnderTest agent = Start(ServerPolicy.RoundRobin, servers.All);

        await AskMany(agent, 30);

        int[] order = [.. servers.All
            .SelectMany((server, place) => server.Exchanges.Select(exchange => (exchange.Name, exchange.ReceivedAt, Place: place)))
            .OrderBy(exchange => exchange.ReceivedAt).DistinctBy(exchange => exchange.Name).Select(exchange => exchange.Place)];
        Assert.Equal(30, order.Length);
        // All 29, but for servers that this machine kept from answering in time. At random it would be 10.
        Assert.InRange(order.Zip(order.Skip(1)).Count(pair => pair.Second == (pair.First + 1) % 3), 22, 29);
    }

    [Fact]
    public async Task Sequential_asks_the_first_and_the_next_only_while_that_is_avoided()
    {
        using Three servers = new();
        using AgentUnderTest agent = Start(ServerPolicy.Sequential, servers.All);
        await AskMany(agent, 10);
        Assert.Equal(10, servers.All[0].Exchanges.DistinctBy(exchange => exchange.Name).Count());

        servers.All[0].Handler = _ => Task.CompletedTask;
        await agent.AskUntilAvoided(server: 0);
        await AskMany(agent, 10);
        Assert.Equal(10, servers.All[1].Exchanges.Where(exchange => exchange.Name.StartsWith('n')).DistinctBy(exchange => exchange.Name).Count());
        Assert.InRange(servers.All[2].Count, 0, 3); // none but what the second answered too late

        servers.All[0].Handler = exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        await Wait.Until(() => !agent.Routes.Routes[0].Servers[0].IsAvoided, "the first is probed");
        int before = servers.All[0].Exchanges.DistinctBy(exchange => exchange.Name).Count();
        await AskMany(agent, 10);
        Assert.Equal(before + 10, servers.All[0].Exchanges.DistinctBy(exchange => exchange.Name).Count());
    }

    [Fact]
    public async Task Fastest_asks_the_one_whose_answers_come_soonest_and_now_and_then_another()
    {
        using ScriptedUpstream slow = Delayed(60);
        using ScriptedUpstream slower = Delayed(120);
        using ScriptedUpstream fast = Delayed(0);
        using AgentUnderTest agent = Start(ServerPolicy.Fastest, slow, slower, fast);
        await Wait.Until(() => AskedAll(agent), "each server was asked");
        int before = fast.Count;

        await AskMany(agent, 100);

        Assert.InRange(fast.Count - before, 80, 100); // 98 on the average
    }

    [Fact]
    public async Task Fastest_finds_out_that_a_server_has_become_faster()
    {
        int delay = 60;
        using ScriptedUpstream changing = new(async exchange =>
        {
            await Task.Delay(Volatile.Read(ref delay));
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using ScriptedUpstream steady = Delayed(25);
        using AgentUnderTest agent = Start(ServerPolicy.Fastest, changing, steady);
        await Wait.Until(() => AskedAll(agent), "each server was asked");
        delay = 0;

        await Wait.Until(
            () =>
            {
                int before = changing.Count;
                AskMany(agent, 40).GetAwaiter().GetResult();
                return changing.Count - before > 30;
            },
            "most go to the one that is fast now");
    }

    [Fact]
    public async Task What_one_thread_learned_of_a_server_keeps_the_others_from_asking_it()
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = Start(ServerPolicy.Sequential, silent, upstream);
        await agent.AskUntilAvoided(server: 0);
        int before = silent.Count;

        for (int i = 0; i < 10; i++)
            Assert.Single((await agent.Ask($"t{i}.example.test", protocol: TransportProtocol.Tcp)).Answers);

        Assert.Equal(before, silent.Count);
    }

    private static int _last;

    private static async Task AskMany(AgentUnderTest agent, int count)
    {
        for (int i = 0; i < count; i++)
            Assert.Single((await agent.Ask($"n{Interlocked.Increment(ref _last)}.example.test")).Answers);
    }

    private static bool AskedAll(AgentUnderTest agent)
    {
        AskMany(agent, 20).GetAwaiter().GetResult();
        return !agent.Routes.Routes[0].Servers.Any(server => double.IsInfinity(server.SmoothedTime));
    }

    private static AgentUnderTest Start(ServerPolicy policy, params ScriptedUpstream[] upstreams) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, upstreams) with { Policy = policy }));

    private static ScriptedUpstream Delayed(int milliseconds) => new(async exchange =>
    {
        await Task.Delay(milliseconds);
        await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
    });

    private sealed class Three : IDisposable
    {
        public ScriptedUpstream[] All { get; } = [.. Enumerable.Range(1, 3).Select(i => ScriptedUpstream.Answering($"192.0.2.{i}"))];

        public void Dispose() => Array.ForEach(All, server => server.Dispose());
    }
}

using Agent.Configuration;
using Agent.Serving;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

public sealed class RandomnessTests
{
    private const int Queries = 2000;

    [Fact]
    public async Task A1_A2_each_UDP_query_has_a_fresh_port_and_ID_that_look_random()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using UdpConversation client = new(agent.EndPoint);
        for (int sent = 0; sent < Queries; sent += 100)
        {
            for (int i = sent; i < sent + 100; i++)
                client.Send(DnsMessage.Query($"n{i}.example.test"));
            for (int i = 0; i < 100; i++)
                await client.Receive();
        }

        UpstreamExchange[] seen = [.. upstream.Exchanges.DistinctBy(exchange => exchange.Name)];
        Assert.Equal(Queries, seen.Length);
        ushort[] ids = [.. seen.Select(exchange => exchange.Query.Id)];
        int[] ports = [.. seen.Select(exchange => exchange.Client.Port)];
        (int low, int high) = PortRange();

        // 2,000 of 65,536: 30 collisions are expected, of 28,232 ports 69; three times as many happen never.
        Assert.InRange(ids.Distinct().Count(), seen.Length - 100, seen.Length);
        Assert.InRange(ports.Distinct().Count(), seen.Length - 250, seen.Length);
        AssertUniform(ids.Select(id => id >> 12), 16);
        AssertUniform(ids.Select(id => id & 15), 16);
        AssertUniform(ports.Select(port => (port - low) * 16 / (high - low + 1)), 16);
        Assert.InRange(Following(ids.Select(id => (int)id)), 0, 5);
        Assert.InRange(Following(ports), 0, 20);
    }

    /// <summary>Ports that are shared out among threads would tell the thread, and leave less to guess (CVE-2026-50252).</summary>
    [Fact]
    public async Task A4_each_worker_draws_from_all_ports()
    {
        const int Sockets = 64;
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, upstream));
        using AgentUnderTest agent = AgentUnderTest.Start(configuration with { Listen = configuration.Listen with { Workers = 2 } });
        // The kernel spreads the clients' sockets over the workers.
        for (int i = 0; i < Sockets; i++)
        {
            using UdpConversation client = new(agent.EndPoint);
            for (int query = 0; query < Queries / Sockets; query++)
            {
                client.Send(DnsMessage.Query($"c{i}n{query}.example.test"));
                await client.Receive();
            }
        }

        Assert.All(agent.Threads.OfType<UdpServer>(), worker => Assert.True(worker.Counters.Misses > Queries / 8, "both workers have asked"));
        int[] ports = [.. upstream.Exchanges.Where(exchange => !exchange.IsTcp).Select(exchange => exchange.Client.Port)];
        (int low, int high) = PortRange();
        AssertUniform(ports.Select(port => (port - low) * 16 / (high - low + 1)), 16);
        // Of one client's queries, which one worker asks: both halves.
        int middle = (low + high) / 2;
        foreach (IGrouping<string, UpstreamExchange> client in upstream.Exchanges.GroupBy(exchange => exchange.Name.Split('n')[0]))
            Assert.InRange(client.Count(exchange => exchange.Client.Port < middle), 1, client.Count() - 1);
    }

    private static (int Low, int High) PortRange()
    {
        string[] range = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', StringSplitOptions.TrimEntries);
        return (int.Parse(range[0]), int.Parse(range[1]));
    }

    /// <summary>Chi-square with 15 degrees of freedom: above 60 in one run of three million.</summary>
    private static void AssertUniform(IEnumerable<int> values, int cells)
    {
        int[] counts = new int[cells];
        foreach (int value in values)
            counts[value]++;
        double expected = counts.Sum() / (double)cells;
        double chiSquare = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.True(chiSquare < 60, $"chi-square {chiSquare:F1}: {string.Join(' ', counts)}");
    }

    /// <summary>How many values are the one before plus one or two.</summary>
    private static int Following(IEnumerable<int> values)
    {
        int[] all = [.. values];
        return all.Zip(all.Skip(1)).Count(pair => pair.Second - pair.First is 1 or 2);
    }
}

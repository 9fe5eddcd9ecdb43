using Agent.Benchmarks.Servers;

namespace Agent.Benchmarks.Contest;

/// <summary>One line of the bench: the same load on every server, under the same conditions.</summary>
internal sealed record Line(string Name, string Title, Load Load)
{
    private const int DefaultNames = 100_000; // the agent's default cache
    private const int ManyNames = 1_000_000; // more than a line of misses asks, in the default number of rounds

    public Transport Upstream { get; init; } = Transport.Udp;

    /// <summary>Every server gets a cache for so many names.</summary>
    public int CacheNames { get; init; } = DefaultNames;

    /// <summary>Names asked once before all rounds.</summary>
    public int HotNames { get; init; } = 1000;

    /// <summary>Rounds before the measured ones; in them a managed server compiles its hot code.</summary>
    public int WarmUpRounds { get; init; } = 4;

    /// <summary>The most measured rounds, whatever the command line says.</summary>
    public int MaxRounds { get; init; } = int.MaxValue;

    /// <summary>Every round asks the same new names again, so all but the first round find them in the cache.</summary>
    public bool AsksAgain { get; init; }

    /// <summary>Whether the agent is measured against itself while somebody observes it, and no other server is.</summary>
    public bool IsObserved { get; init; }

    public bool Misses => Load.Names == 0;

    public static IReadOnlyList<Line> All { get; } =
    [
        new("hit-udp", "cached answers over UDP, closed loop of 64", new Load { Queries = 200_000 }),
        new("hit-100k", "100,000 cached names over UDP, closed loop of 64", new Load { Queries = 200_000, Names = DefaultNames })
        {
            HotNames = DefaultNames,
            CacheNames = 2 * DefaultNames, // so that every name is a hit
        },
        new("hit-tcp", "cached answers over TCP, 4 connections, 16 in flight on each", new Load { Queries = 200_000, Connections = 4 }),
        new("miss-udp", "misses forwarded over UDP, closed loop of 64", new Load { Queries = 30_000, Names = 0 }) { CacheNames = ManyNames },
        new("miss-tcp", "misses forwarded over TCP, closed loop of 64", new Load { Queries = 30_000, Names = 0 }) { Upstream = Transport.Tcp, CacheNames = ManyNames },
        Latency(20_000),
        Latency(50_000),
        Latency(100_000),
        new("observe", "cached answers over UDP, open loop of 50,000 queries/s, every flow observed and not", new Load { Queries = 50_000, Rate = 50_000 }) { IsObserved = true },
        new("memory", "100,000 names, asked again once all are cached", new Load { Queries = 100_000, Names = 0 }) { AsksAgain = true, WarmUpRounds = 1, MaxRounds = 1 },
    ];

    private static Line Latency(int rate) =>
        new($"latency-{rate / 1000}k", $"cached answers over UDP, open loop of {rate:N0} queries/s", new Load { Queries = rate / 2, Rate = rate });
}

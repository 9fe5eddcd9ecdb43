using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Agent.Configuration;
using Agent.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Tests.Serving;

/// <summary>Counts what the whole process allocates, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(AllocationBudgetTests), DisableParallelization = true)]
[Collection(nameof(AllocationBudgetTests))]
public sealed class AllocationBudgetTests(ITestOutputHelper output)
{
    private const int Rounds = 12;
    private const int Operations = 200; // in a round
    private static readonly string _budgetFile = Path.Combine(AppContext.BaseDirectory, "allocations.json");
    private static readonly Dictionary<string, int> _budgets = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(_budgetFile))!;

    private int _number;

    public static TheoryData<string> Paths() => [.. _budgets.Keys];

    /// <summary>
    /// From the client's socket to the client's socket, through every part between. What others allocate meanwhile, timers and pools, only adds:
    /// the least of the rounds is the path's own.
    /// </summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void A_query_allocates_what_the_budget_allows_and_not_much_less(string path)
    {
        using QuietUpstream upstream = new();
        using AgentUnderTest agent = AgentUnderTest.Start(ConfigurationOf(upstream, path));
        using Socket client = Connect(agent.EndPoint, isTcp: path is "hit over TCP");
        Prepare(upstream, client, path);

        int budget = _budgets[path];
        double least = double.MaxValue;
        // On a busy machine a round may last so long that each meets a timer: more rounds then.
        for (int round = 0; round < Rounds || (least > budget + 0.5 && round < 5 * Rounds); round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Operations; i++)
                Ask(client, path);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Operations);
        }

        output.WriteLine($"{path}: {least:F1} bytes, budget {budget}");
        Assert.True(least <= budget + 0.5, $"{path}: {least:F1} bytes for each query, above the {budget} of tests/Agent.Benchmarks/allocations.json");
        Assert.True(budget - least <= Math.Max(16, budget / 5), $"{path}: {least:F1} bytes for each query: lower the budget of {budget} in tests/Agent.Benchmarks/allocations.json");
    }

    private static AgentConfiguration ConfigurationOf(QuietUpstream upstream, string path)
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(new RouteConfiguration
        {
            Zone = "",
            Servers = [upstream.EndPoint],
            Protocol = path is "miss over TCP" ? TransportProtocol.Tcp : TransportProtocol.Udp,
        });
        // Small: that misses evict as many entries as they add, and the cache's tables have stopped growing.
        return configuration with { Cache = configuration.Cache with { MinTtl = 1, Memory = 1 << 20 } };
    }

    /// <summary>Brings the agent to where the path begins, and the code to where it is compiled.</summary>
    private void Prepare(QuietUpstream upstream, Socket client, string path)
    {
        upstream.ResponseCode = path is "NXDOMAIN hit" ? 3 : path is "kept failure" ? 2 : 0;
        upstream.Ttl = path is "stale" ? 1u : 3600u;
        Ask(client, path);
        if (path is "stale")
        {
            Thread.Sleep(1_200);
            upstream.IsSilent = true;
        }

        for (int i = 0; i < (path.StartsWith("miss", StringComparison.Ordinal) ? 12_000 : 2_000); i++)
            Ask(client, path);
    }

    /// <summary>One query and its reply, without an allocation of the test's own.</summary>
    private void Ask(Socket client, string path)
    {
        bool isTcp = client.SocketType == SocketType.Stream;
        Span<byte> message = stackalloc byte[2 + 12 + 15 + 4];
        Span<byte> query = message[2..];
        BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)query.Length);
        int number = path.StartsWith("miss", StringComparison.Ordinal) ? ++_number : 0;
        BinaryPrimitives.WriteUInt16BigEndian(query, (ushort)number);
        query[2..12].Clear();
        query[2] = (byte)(path is "refused" ? 0 : 1); // RD
        query[5] = 1;
        "\x08n0000000\x04test\0"u8.CopyTo(query[12..]);
        for (int i = 20; i > 13; i--, number /= 10)
            query[i] = (byte)('0' + number % 10);
        BinaryPrimitives.WriteUInt16BigEndian(query[27..], RR.A);
        BinaryPrimitives.WriteUInt16BigEndian(query[29..], 1);

        client.Send(isTcp ? message : query);
        Span<byte> reply = stackalloc byte[600];
        int received = client.Receive(reply);
        Assert.True(received > 0 && reply.Slice(isTcp ? 2 : 0, 2).SequenceEqual(query[..2]), path);
    }

    private static Socket Connect(IPEndPoint agent, bool isTcp)
    {
        Socket socket = isTcp
            ? new Socket(agent.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(agent.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveTimeout = (int)Wait.Long.TotalMilliseconds;
        socket.Connect(agent);
        return socket;
    }
}

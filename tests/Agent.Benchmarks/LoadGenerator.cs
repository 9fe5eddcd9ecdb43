using System.Net;
using System.Text.Json;

namespace Agent.Benchmarks;

/// <summary>The questions of one round. See native/load.c.</summary>
internal sealed record Load
{
    public required int Queries { get; init; }

    /// <summary>So many names at random; 0: each query asks a name never asked before, so it is a miss.</summary>
    public int Names { get; init; } = 1000;

    public int Outstanding { get; init; } = 64;

    /// <summary>Queries a second of the open loop; 0: closed loop.</summary>
    public int Rate { get; init; }

    /// <summary>TCP connections; 0: UDP.</summary>
    public int Connections { get; init; }

    public bool Edns { get; init; }

    /// <summary>The number of the first name.</summary>
    public long First { get; init; }
}

/// <summary>What one round of load gave: the line that load.c prints.</summary>
internal sealed record LoadReport(
    long Sent, long Answered, long Lost, long Wrong, long Reconnects,
    long WallNs, long ServerCpuNs, long LoadCpuNs, long P50Ns, long P99Ns, long MaxNs)
{
    /// <summary>CPU time of the upstream meanwhile.</summary>
    public long UpstreamCpuNs { get; init; }

    /// <summary>CPU time of the server's serving threads; 0 where they have no names.</summary>
    public long ServingCpuNs { get; init; }

    public double ServingCpuNsPerQuery => (double)ServingCpuNs / Math.Max(1, Answered);

    public double CpuNsPerQuery => (double)ServerCpuNs / Math.Max(1, Answered);

    /// <summary>Tells hits, which cost the upstream nothing, from misses.</summary>
    public double UpstreamCpuNsPerQuery => (double)UpstreamCpuNs / Math.Max(1, Answered);
}

internal sealed class LoadGenerator(string executable)
{
    private const int Core = 1;
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(1);
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    /// <summary>Asks the server, whose CPU time is measured by its process ID.</summary>
    public LoadReport Run(IPEndPoint server, int pid, Load load)
    {
        List<string> command = [executable,
            "-q", $"{load.Queries}", "-n", $"{load.Names}", "-o", $"{load.Outstanding}",
            "-r", $"{load.Rate}", "-f", $"{load.First}", "-p", $"{pid}"];
        if (load.Connections > 0)
            command.AddRange(["-t", $"{load.Connections}"]);
        if (load.Edns)
            command.Add("-e");
        command.AddRange([$"{server.Address}", $"{server.Port}"]);

        using var child = new Child(Core, "/", command);
        if (!child.Wait(_limit))
            throw new BenchException($"no end of the load on {server} after {_limit.TotalSeconds} s");
        if (child.ExitCode != 0)
            throw new BenchException(string.Join("; ", child.Output));
        return JsonSerializer.Deserialize<LoadReport>(child.Output[^1], _json)
            ?? throw new BenchException("the load generator printed null");
    }
}

using Agent.Benchmarks.Servers;

namespace Agent.Benchmarks.Contest;

/// <summary>One server in one line: its process and what was measured of it.</summary>
internal sealed class Entry : IDisposable
{
    private const string ServingThreads = "udp "; // of the agent, as it names them

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(15);

    private readonly Child? _child;
    private readonly Child? _companion;
    private readonly List<LoadReport> _rounds = [];

    /// <summary>Starts the server and waits until it answers. What goes wrong is kept in <see cref="Absence"/>.</summary>
    public Entry(Server server, ServerSetup setup)
    {
        Server = server;
        Absence = server.Executable is null ? "absent: no executable" : server.Declines(setup.Transport);
        if (Absence is not null)
            return;

        long start = Environment.TickCount64;
        _child = server.Start(setup);
        Absence = Probe.Wait(server.Address, _child, _patience) ? null : Failure("does not answer");
        if (Absence is not null)
            return;
        Ready = TimeSpan.FromMilliseconds(Environment.TickCount64 - start);
        IdleMemory = Machine.RssAnon(_child.Id);
        try
        {
            _companion = server.Accompany(setup, _child);
        }
        catch (BenchException error)
        {
            Absence = Failure(error.Message);
        }
    }

    public Server Server { get; }

    /// <summary>Why there are no figures; null when there are.</summary>
    public string? Absence { get; private set; }

    public TimeSpan Ready { get; }

    /// <summary>RssAnon in MiB, once it answered its first question.</summary>
    public double IdleMemory { get; }

    /// <summary>RssAnon in MiB after the last round.</summary>
    public double FinalMemory { get; private set; }

    public IReadOnlyList<LoadReport> Rounds => _rounds;

    /// <summary>CPU time of the server for one answer, in ns.</summary>
    public double Cost => Median(round => round.CpuNsPerQuery);

    /// <summary>Of that, the CPU time of the threads that serve UDP alone; only of the agent, whose threads have names.</summary>
    public double ServingCost => Median(round => round.ServingCpuNsPerQuery);

    /// <summary>In ns.</summary>
    public double P99 => Median(round => round.P99Ns);

    /// <summary>
    /// How many times as much an answer costs as the other server's. The median of the ratios within each
    /// round, which shifts in the machine's speed between rounds do not touch.
    /// </summary>
    public double CostRatio(Entry other) =>
        Median(_rounds.Zip(other._rounds, (mine, its) => mine.CpuNsPerQuery / its.CpuNsPerQuery));

    /// <summary>As <see cref="CostRatio"/>, of <see cref="ServingCost"/>; and between which ratios half of the rounds are.</summary>
    public (double Median, double Low, double High) ServingRatio(Entry other)
    {
        double[] ratios = [.. _rounds.Zip(other._rounds, (mine, its) => mine.ServingCpuNsPerQuery / its.ServingCpuNsPerQuery).Order()];
        return (Median(ratios), ratios[ratios.Length / 4], ratios[^(1 + (ratios.Length / 4))]);
    }

    public double Median(Func<LoadReport, double> figure) => Median(_rounds.Select(figure));

    private static double Median(IEnumerable<double> figures)
    {
        double[] ordered = [.. figures.Order()];
        return (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }

    /// <summary>Runs one round; null if the server has failed, now or before.</summary>
    public LoadReport? Run(LoadGenerator generator, Load load)
    {
        if (Absence is not null)
            return null;
        try
        {
            if (_companion?.HasExited == true)
                throw new BenchException("what ran beside it has ended");
            long serving = Machine.CpuTimeNs(_child!.Id, ServingThreads);
            LoadReport report = generator.Run(Server.Address, _child.Id, load);
            FinalMemory = Machine.RssAnon(_child.Id);
            return report with { ServingCpuNs = Machine.CpuTimeNs(_child.Id, ServingThreads) - serving };
        }
        catch (Exception e) when (e is BenchException or IOException)
        {
            Absence = Failure(e.Message);
            return null;
        }
    }

    /// <summary>Lets a round count.</summary>
    public void Count(LoadReport round) => _rounds.Add(round);

    public void Dispose()
    {
        _companion?.Dispose();
        _child?.Dispose();
    }

    private string Failure(string what)
    {
        string[] log = _child!.Output;
        string end = _child.HasExited ? $", ended with status {_child.ExitCode}" : "";
        string last = log.Length > 0 ? $"; its last words: {log[^1]}" : "";
        return $"failed: {what}{end}{last}";
    }
}

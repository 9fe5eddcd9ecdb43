namespace Agent.Benchmarks.Contest;

/// <summary>
/// The rounds of one line. In each round every server has its turn (ABCDE ABCDE ...), so that a
/// machine that gets slower or busier does so for all of them.
/// </summary>
internal sealed class Rounds(Line line, IReadOnlyList<Entry> entries, Child upstream, Options options)
{
    private readonly LoadGenerator _generator = new(NativePrograms.Load);
    private readonly List<double> _foreign = [];

    /// <summary>Returns the share of the machine that other work had: the median of the measured turns.</summary>
    public double Run()
    {
        // Each of the names once, so that every later question for them is a hit.
        RunAll(new Load { Queries = line.HotNames, Names = 0, Outstanding = 16 }, measured: false);

        long next = line.HotNames;
        int measured = Math.Min(options.Rounds, line.MaxRounds);
        for (int round = -line.WarmUpRounds; round < measured; round++)
        {
            RunAll(line.Load with { First = line.Misses ? next : 0, Edns = options.Edns }, measured: round >= 0);
            if (!line.AsksAgain)
                next += line.Load.Queries;
        }
        return _foreign.Count > 0 ? _foreign.Order().ElementAt(_foreign.Count / 2) : 0;
    }

    private void RunAll(Load load, bool measured)
    {
        foreach (Entry entry in entries)
        {
            TimeSpan busy = Machine.BusyTime();
            long upstreamCpu = Machine.CpuTimeNs(upstream.Id);
            LoadReport? report = entry.Run(_generator, load);
            if (report is null || !measured)
                continue;

            report = report with { UpstreamCpuNs = Machine.CpuTimeNs(upstream.Id) - upstreamCpu };
            entry.Count(report);
            double ours = report.ServerCpuNs + report.LoadCpuNs + report.UpstreamCpuNs;
            double all = (Machine.BusyTime() - busy).TotalNanoseconds;
            _foreign.Add(Math.Max(0, all - ours) / (report.WallNs * Environment.ProcessorCount));
        }
    }
}

/// <param name="ForeignShare">The share of the machine that other work had meanwhile, from 0 to 1.</param>
internal sealed record LineResult(Line Line, IReadOnlyList<Entry> Entries, double ForeignShare);

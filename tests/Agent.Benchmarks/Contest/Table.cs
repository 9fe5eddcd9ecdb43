using System.Globalization;

namespace Agent.Benchmarks.Contest;

/// <summary>Prints the result of a line. Every server has its row, those without figures too.</summary>
internal static class Table
{
    private const string Columns = "{0,-12}{1,9}{2,8}{3,8}{4,10}{5,8}{6,8}{7,7}{8,6}{9,6}{10,9}{11,7}{12,7}";

    public static void Write(TextWriter output, LineResult result)
    {
        output.WriteLine();
        output.WriteLine($"{result.Line.Name}: {result.Line.Title}");
        Row(output, "", "ns/query", "spread", "ratio", "upstream", "p50 us", "p99 us", "core", "lost", "wrong", "ready", "idle", "after");

        Entry constant = result.Entries[0];
        foreach (Entry entry in result.Entries)
        {
            if (entry.Absence is null)
                Row(output, entry, constant);
            else
                output.WriteLine($"{entry.Server.Name,-12}{entry.Absence}");
        }
        output.WriteLine($"Other work had {result.ForeignShare * 100:F0} % of the machine meanwhile.");
    }

    private static void Row(TextWriter output, Entry entry, Entry constant)
    {
        IReadOnlyList<LoadReport> rounds = entry.Rounds;
        double spread = (rounds.Max(round => round.CpuNsPerQuery) - rounds.Min(round => round.CpuNsPerQuery)) / entry.Cost;
        Row(output, entry.Server.Name,
            Number(entry.Cost, "F0"), Percent(spread), constant.Absence is null ? Number(entry.CostRatio(constant), "F2") : "-",
            Number(entry.Median(round => round.UpstreamCpuNsPerQuery), "F0"),
            Number(entry.Median(round => round.P50Ns) / 1000, "F0"), Number(entry.P99 / 1000, "F0"),
            Percent(entry.Median(round => (double)round.ServerCpuNs / round.WallNs)),
            $"{rounds.Sum(round => round.Lost)}", $"{rounds.Sum(round => round.Wrong)}",
            $"{entry.Ready.TotalMilliseconds:F0} ms", Number(entry.IdleMemory, "F1"), Number(entry.FinalMemory, "F1"));
    }

    private static void Row(TextWriter output, params string[] cells) =>
        output.WriteLine(string.Format(CultureInfo.InvariantCulture, Columns, cells).TrimEnd());

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Percent(double share) => Number(share * 100, "F0") + " %";
}

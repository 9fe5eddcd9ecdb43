using System.Globalization;

namespace Agent.Benchmarks.Contest;

/// <summary>What the agent is to reach, judged on the lines that ran and on servers of the same run.</summary>
internal sealed class Goals(IReadOnlyList<LineResult> results)
{
    private const string Agent = "lra";
    private const string Watched = "lra-watched";
    private const string Limit = "constant";
    private const string NodeLocal = "node-cache";
    private static readonly string[] _resolvers = ["unbound", "dnsdist", "kresd"];

    public void Write(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine("Goals");
        foreach (LineResult result in results)
        {
            string line = result.Line.Name;
            double? agent = Cost(line, Agent);
            if (agent is null)
            {
                output.WriteLine($"  {"open",-8}{line}: no figures of {Agent}");
                continue;
            }

            switch (line)
            {
                case "hit-udp":
                    AtMost(output, line, $"times {Limit}", Ratio(line, Limit), 1.05);
                    AtMost(output, line, "ns/query, the best resolver", agent, Best(line, r => r.Cost));
                    break;
                case "hit-100k":
                    // Both against the constant responder of their own rounds, so that a machine that got slower between the lines does not count.
                    AtMost(output, line, "times a hit of hit-udp", Ratio(line, Limit) / Ratio("hit-udp", Limit), 1.1);
                    break;
                case "hit-tcp":
                    AtMost(output, line, "ns/query, the best resolver", agent, Best(line, r => r.Cost));
                    break;
                case "miss-udp":
                    AtMost(output, line, "times unbound", Ratio(line, "unbound"), 0.6);
                    break;
                case "miss-tcp":
                    AtMost(output, line, "ns/query, dnsdist over UDP", agent, Cost("miss-udp", "dnsdist"));
                    AtMost(output, line, $"times {NodeLocal}", Ratio(line, NodeLocal), 0.2);
                    break;
                case "observe":
                    Observe(output, line, Find(line, Agent)!, Find(line, Watched));
                    break;
                case "memory":
                    Entry entry = Find(line, Agent)!;
                    AtMost(output, line, "MiB, idle", entry.IdleMemory, 16);
                    AtMost(output, line, "MiB, 100,000 names", entry.FinalMemory, 48);
                    AtMost(output, line, "ms until the first answer", entry.Ready.TotalMilliseconds, 1000);
                    break;
                default:
                    AtMost(output, line, "p99 us, the best resolver", Find(line, Agent)!.P99 / 1000, Best(line, r => r.P99) / 1000);
                    break;
            }
        }
    }

    private void Observe(TextWriter output, string line, Entry agent, Entry? watched)
    {
        var ratio = watched?.ServingRatio(agent);
        AtMost(output, line, "times the serving thread's CPU time when nobody observes", ratio?.Median, 1.05);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"          in half of the rounds {ratio?.Low:0.00} to {ratio?.High:0.00}; {agent.ServingCost:0} ns/query when nobody observes, {watched?.ServingCost:0} when somebody does"));
        // A build that cannot be observed there is not: what nobody observes is held against the constant responder, here and where no observer ever was.
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"          when nobody observes {Ratio(line, Limit):0.00} times {Limit}; in hit-udp {Ratio("hit-udp", Limit):0.00}"));
    }

    private static void AtMost(TextWriter output, string line, string what, double? value, double? bound)
    {
        string verdict = value is null || bound is null ? "open" : value <= bound ? "met" : "missed";
        string numbers = string.Create(CultureInfo.InvariantCulture, $"{value:0.0#} against {bound:0.0#}");
        output.WriteLine($"  {verdict,-8}{line}: {numbers} ({what})");
    }

    private double? Best(string line, Func<Entry, double> figure)
    {
        Entry[] present = [.. _resolvers.Select(name => Find(line, name)).OfType<Entry>()];
        return present.Length > 0 ? present.Min(figure) : null;
    }

    private double? Ratio(string line, string server) =>
        Find(line, Agent) is { } agent && Find(line, server) is { } other ? agent.CostRatio(other) : null;

    private double? Cost(string line, string server) => Find(line, server)?.Cost;

    /// <summary>Null if it has no figures.</summary>
    private Entry? Find(string line, string server) => results
        .Where(result => result.Line.Name == line)
        .SelectMany(result => result.Entries)
        .FirstOrDefault(entry => entry.Server.Name == server && entry.Absence is null);
}

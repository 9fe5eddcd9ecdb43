using Agent.Dns;
using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>What clients asked and what they got.</summary>
internal static class QueryMetrics
{
    // Those that a query has in the end.
    private static readonly Verdict[] _final = [.. QueryTotals.Verdicts.Where(verdict => verdict != Verdict.Forwarded)];

    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Counter, "lra_queries_total", "Queries whose fate is decided, those that got no reply too", WriteQueries)
        {
            Labels = ["protocol", "family", "type", "verdict"],
        },
        new(MetricKind.Counter, "lra_responses_total", "Replies by response code", WriteResponses)
        {
            Labels = ["verdict", "rcode"],
        },
        new(MetricKind.Histogram, "lra_answer_duration_seconds", "From when the agent read a query until its reply went out; from node: nobody else had to be asked", WriteDurations)
        {
            Labels = ["from"],
        },
        new(MetricKind.Counter, "lra_namespace_queries_total", "Queries by the namespace of the pod that asked; unknown: no pod of this node; other: of namespaces past the first hundred", WriteNamespaces)
        {
            Labels = ["namespace"],
        },
        new(MetricKind.Counter, "lra_thread_defects_total", "Defects that a serving thread met and survived", (scrape, samples) =>
            samples.Add(scrape.Agent.Threads.Sum(thread => thread.Defects))),
    ];

    /// <summary>An RCODE's name as DNS tools write it.</summary>
    public static string NameOf(ResponseCode code) => Enum.IsDefined(code) ? code.ToString().ToUpperInvariant() : $"RCODE{(int)code}";

    private static void WriteQueries(Scrape scrape, SampleWriter samples)
    {
        foreach (string protocol in QueryTotals.Protocols)
        {
            foreach (bool isIpv6 in (bool[])[false, true])
            {
                for (int group = 0; group < TypeGroup.Count; group++)
                {
                    foreach (Verdict verdict in _final)
                        samples.AddIfAny(scrape.Queries.Queries(protocol, isIpv6, group, verdict), protocol, isIpv6 ? "ipv6" : "ipv4", TypeGroup.Names[group], NameOf(verdict));
                }
            }
        }
    }

    private static void WriteResponses(Scrape scrape, SampleWriter samples)
    {
        foreach (Verdict verdict in _final)
        {
            for (ResponseCode code = 0; code <= ResponseCode.BadVers; code++)
                samples.AddIfAny(scrape.Queries.Responses(verdict, code), NameOf(verdict), NameOf(code));
        }
    }

    private static void WriteDurations(Scrape scrape, SampleWriter samples)
    {
        samples.Add(scrape.FromNode, 0, "node");
        samples.Add(scrape.FromUpstream, 0, "upstream");
    }

    private static void WriteNamespaces(Scrape scrape, SampleWriter samples)
    {
        IReadOnlyList<string> names = scrape.Agent.Namespaces.Names;
        for (int slot = 0; slot < names.Count; slot++)
            samples.AddIfAny(scrape.Queries.OfNamespace(slot), names[slot]);
    }

    private static string NameOf(Verdict verdict) => verdict.ToString().ToLowerInvariant();
}

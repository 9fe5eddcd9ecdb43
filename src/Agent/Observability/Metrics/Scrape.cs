using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>What one scrape reads of an agent: once, whatever the number of families that show it.</summary>
internal sealed class Scrape(NodeAgent agent)
{
    public NodeAgent Agent => agent;

    public QueryTotals Queries => field ??= new QueryTotals(agent.Threads);

    public LatencyTotals FromNode => field ??= LatencyTotals.Of(agent.Threads.Select(thread => thread.Recorder.FromNode));

    public LatencyTotals FromUpstream => field ??= LatencyTotals.Of(agent.Threads.Select(thread => thread.Recorder.FromUpstream));

    public ProcessReading Process => field ??= ProcessReading.Now();

    public IReadOnlyList<FrontendReading> Frontends => field ??= FrontendReading.Of(agent);
}

/// <summary>What the serving threads have counted, summed.</summary>
internal sealed class QueryTotals
{
    private readonly Dictionary<string, AnswerRecorder[]> _byProtocol;
    private readonly IReadOnlyList<ServingThread> _threads;

    public QueryTotals(IReadOnlyList<ServingThread> threads)
    {
        _threads = threads;
        _byProtocol = threads.GroupBy(thread => thread is TcpServer ? "tcp" : "udp").ToDictionary(group => group.Key, group => group.Select(thread => thread.Recorder).ToArray());
    }

    public static IReadOnlyList<Dns.Verdict> Verdicts { get; } = Enum.GetValues<Dns.Verdict>();

    public static IReadOnlyList<Dns.ResponseCode> Codes { get; } = Enum.GetValues<Dns.ResponseCode>();

    public IEnumerable<string> Protocols => _byProtocol.Keys;

    /// <summary>Including those that have no final verdict yet.</summary>
    public long Count(Dns.Verdict verdict) => _threads.Sum(thread => thread.Counters[verdict]);

    public long Queries(string protocol, bool isIpv6, int group, Dns.Verdict verdict) =>
        _byProtocol[protocol].Sum(recorder => recorder.Queries(isIpv6, group, verdict));

    public long Responses(Dns.Verdict verdict, Dns.ResponseCode code) => _threads.Sum(thread => thread.Recorder.Responses(verdict, code));

    public long OfNamespace(int slot) => _threads.Sum(thread => thread.Recorder.Namespaces[slot]);
}

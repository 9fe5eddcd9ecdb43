using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>What one scrape reads of an agent: once, whatever the number of families that show it.</summary>
internal sealed class Scrape(NodeAgent agent)
{
    public NodeAgent Agent => agent;

    public QueryTotals Queries => field ??= new QueryTotals(agent.Threads);

    public HistogramTotals FromNode => field ??= HistogramTotals.Of(agent.Threads.Select(thread => thread.Recorder.FromNode));

    public HistogramTotals FromUpstream => field ??= HistogramTotals.Of(agent.Threads.Select(thread => thread.Recorder.FromUpstream));

    public ProcessReading Process => field ??= ProcessReading.Now();

    public IReadOnlyList<UpstreamReading> Upstreams => field ??= UpstreamReading.Of(agent.Routes);

    public IReadOnlyList<FrontendReading> Frontends => field ??= FrontendReading.Of(agent);
}

/// <summary>What the serving threads have counted, summed.</summary>
internal sealed class QueryTotals(IReadOnlyList<ServingThread> threads)
{
    private readonly ServingThread[] _udp = [.. threads.Where(thread => thread is not TcpServer)];
    private readonly ServingThread[] _tcp = [.. threads.Where(thread => thread is TcpServer)];

    public static IReadOnlyList<string> Protocols { get; } = ["udp", "tcp"];

    public static IReadOnlyList<Dns.Verdict> Verdicts { get; } = Enum.GetValues<Dns.Verdict>();

    public long DnssecOk => threads.Sum(thread => thread.Recorder.DnssecOk);

    /// <summary>Including those that have no final verdict yet.</summary>
    public long Count(Dns.Verdict verdict) => threads.Sum(thread => thread.Counters[verdict]);

    // Hundreds of sums a scrape: without garbage for each.
    public long Queries(string protocol, bool isIpv6, int group, Dns.Verdict verdict)
    {
        long sum = 0;
        foreach (ServingThread thread in ThreadsOf(protocol))
            sum += thread.Recorder.Queries(isIpv6, group, verdict);
        return sum;
    }

    public long Responses(Dns.Verdict verdict, Dns.ResponseCode code)
    {
        long sum = 0;
        foreach (ServingThread thread in threads)
            sum += thread.Recorder.Responses(verdict, code);
        return sum;
    }

    public HistogramTotals QuerySizes(string protocol) => HistogramTotals.Of(ThreadsOf(protocol).Select(thread => thread.Recorder.QuerySizes));

    public HistogramTotals ReplySizes(string protocol) => HistogramTotals.Of(ThreadsOf(protocol).Select(thread => thread.Recorder.ReplySizes));

    public long OfNamespace(int slot) => threads.Sum(thread => thread.Recorder.Namespaces[slot]);

    private ServingThread[] ThreadsOf(string protocol) => protocol == "tcp" ? _tcp : _udp;
}

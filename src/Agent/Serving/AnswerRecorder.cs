using System.Diagnostics;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;
using Agent.Observability.Flows;

namespace Agent.Serving;

/// <summary>Notes what one serving thread answered. Written by that thread alone, read by others, so that a hit costs no shared write.</summary>
internal sealed class AnswerRecorder
{
    private const int Verdicts = (int)Verdict.Dropped + 1;
    private const int ResponseCodes = (int)ResponseCode.BadVers + 1;

    private readonly long[] _queries = new long[2 * TypeGroup.Count * Verdicts];
    private readonly long[] _responses = new long[Verdicts * ResponseCodes];
    private long _dnssecOk;
    private long _refreshes;
    private int _atOnce; // of the batch that is being answered
    private FlowRing? _watched;
    private FlowRing? _flows; // the same, as of the batch that is being answered
    private long _batchSince;

    /// <summary>Where each answer is described from the next batch on; null: nowhere, and then it costs one read a batch. Set by any thread.</summary>
    public FlowRing? Flows
    {
        set => Volatile.Write(ref _watched, value);
    }

    /// <summary>Queries whose fate is decided, those that got no reply too.</summary>
    /// <param name="group">See <see cref="TypeGroup"/>.</param>
    public long Queries(bool isIpv6, int group, Verdict verdict) => Volatile.Read(ref _queries[Index(isIpv6, group, verdict)]);

    /// <summary>Replies that carried this code.</summary>
    public long Responses(Verdict verdict, ResponseCode code) => Volatile.Read(ref _responses[((int)verdict * ResponseCodes) + (int)code]);

    /// <summary>From when a batch of queries was read until what could be answered at once was: the same time for each of them.</summary>
    public LatencyHistogram FromNode { get; } = new();

    /// <summary>Of queries that had to wait for an upstream.</summary>
    public LatencyHistogram FromUpstream { get; } = new();

    /// <summary>Of queries, those that got no reply too.</summary>
    public SizeHistogram QuerySizes { get; } = new();

    public SizeHistogram ReplySizes { get; } = new();

    /// <summary>Queries with the DO bit (RFC 3225).</summary>
    public long DnssecOk => Volatile.Read(ref _dnssecOk);

    /// <summary>Answers that were asked for anew before they expired.</summary>
    public long Refreshes => Volatile.Read(ref _refreshes);

    /// <summary>Queries by the namespace of who asked.</summary>
    public NamespaceCounter Namespaces { get; } = new();

    /// <summary>To be called when queries have come, before the first is answered.</summary>
    public void BeginBatch()
    {
        _flows = Volatile.Read(ref _watched);
        _batchSince = Stopwatch.GetTimestamp();
    }

    /// <summary>Notes an answer that was there at once.</summary>
    /// <param name="reply">The reply; empty: silence.</param>
    public void Record(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, in SockAddr client)
    {
        _atOnce++;
        Count(query, verdict, reply, client);
        _flows?.Write(query, verdict, reply, client, _batchSince);
    }

    /// <summary>Notes that all is answered that could be of a batch.</summary>
    public void EndBatch()
    {
        if (_atOnce > 0)
            FromNode.Add(Stopwatch.GetTimestamp() - _batchSince, _atOnce);
        _atOnce = 0;
    }

    /// <summary>Notes an answer that had to wait for an upstream.</summary>
    /// <inheritdoc cref="Record" path="/param"/>
    public void RecordLate(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, Waiter waiter)
    {
        FromUpstream.Add(Stopwatch.GetTimestamp() - waiter.Since);
        Count(query, verdict, reply, waiter.Client);
        _flows?.Write(query, verdict, reply, waiter.Client, waiter.Since);
    }

    public void RecordRefresh() => _refreshes++;

    private void Count(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, in SockAddr client)
    {
        _queries[Index(!client.IsV4, TypeGroup.Of(query), verdict)]++;
        Namespaces.Count(client);
        QuerySizes.Add(query.Size);
        _dnssecOk += query.IsDnssecOk ? 1 : 0;
        if (reply.IsEmpty)
            return;
        ReplySizes.Add(reply.Length);
        // The one code that does not fit into the header.
        ResponseCode code = query.Error == ResponseCode.BadVers ? ResponseCode.BadVers : new Header(reply).ResponseCode;
        _responses[((int)verdict * ResponseCodes) + (int)code]++;
    }

    private static int Index(bool isIpv6, int group, Verdict verdict) => (((isIpv6 ? TypeGroup.Count : 0) + group) * Verdicts) + (int)verdict;
}

using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;

namespace Agent.Serving;

/// <summary>Notes what one serving thread answered. Written by that thread alone, read by others, so that a hit costs no shared write.</summary>
internal sealed class AnswerRecorder
{
    private const int Verdicts = (int)Verdict.Dropped + 1;
    private const int ResponseCodes = (int)ResponseCode.BadVers + 1;

    private readonly long[] _queries = new long[2 * TypeGroup.Count * Verdicts];
    private readonly long[] _responses = new long[ResponseCodes];

    /// <summary>Queries whose fate is decided, those that got no reply too.</summary>
    /// <param name="group">See <see cref="TypeGroup"/>.</param>
    public long Queries(bool isIpv6, int group, Verdict verdict) => Volatile.Read(ref _queries[Index(isIpv6, group, verdict)]);

    /// <summary>Replies that carried this code.</summary>
    public long Responses(ResponseCode code) => Volatile.Read(ref _responses[(int)code]);

    /// <summary>Notes an answer that was there at once.</summary>
    /// <param name="reply">The reply; empty: silence.</param>
    public void Record(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, in SockAddr client)
    {
        _queries[Index(!client.IsV4, TypeGroup.Of(query), verdict)]++;
        if (reply.IsEmpty)
            return;
        // The one code that does not fit into the header.
        ResponseCode code = query.Error == ResponseCode.BadVers ? ResponseCode.BadVers : new Header(reply).ResponseCode;
        _responses[(int)code]++;
    }

    /// <summary>Notes an answer that had to wait for an upstream.</summary>
    /// <inheritdoc cref="Record" path="/param"/>
    public void RecordLate(in Query query, Verdict verdict, ReadOnlySpan<byte> reply, Waiter waiter) => Record(query, verdict, reply, waiter.Client);

    private static int Index(bool isIpv6, int group, Verdict verdict) => (((isIpv6 ? TypeGroup.Count : 0) + group) * Verdicts) + (int)verdict;
}

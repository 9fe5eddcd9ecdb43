using System.Runtime.CompilerServices;
using Agent.Dns;
using Agent.Native;

namespace Agent.Observability.Flows;

/// <summary>One answer as the serving thread leaves it: copied bytes, to be read elsewhere.</summary>
internal struct FlowSlot
{
    /// <summary>Bytes of the message that are kept: a header, the longest question, and the first addresses of most answers.</summary>
    public const int MessageSize = 432;

    public long Since; // both by Stopwatch.GetTimestamp
    public long At;
    public SockAddr Client;
    public ushort QuerySize;
    public ushort ReplySize; // 0: silence
    public ushort UdpSize;
    public ushort Kept; // bytes of Message
    public Verdict Verdict;
    public bool IsTcp;
    public bool IsDnssecOk;
    public bool IsBadVersion; // what a reply's header cannot say
    public MessageBytes Message; // the reply; of a query without one, the query's head

    [InlineArray(MessageSize)]
    public struct MessageBytes
    {
        private byte _first;
    }
}

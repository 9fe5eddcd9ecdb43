using Agent.Serving;

namespace Agent.Forwarding;

/// <summary>
/// What one serving thread counted of one server since it first asked it. Written by that thread alone, read by any. The agent's own probes and
/// checks count only where they need a connection or fail.
/// </summary>
internal sealed class UpstreamCounters
{
    /// <summary>Questions sent over UDP.</summary>
    public long SentUdp;

    /// <summary>Questions sent over TCP, in plain text.</summary>
    public long SentTcp;

    /// <summary>Questions sent over TLS.</summary>
    public long SentTls;

    /// <summary>Of those sent, the ones that another send went before, to this server or another.</summary>
    public long Retries;

    /// <summary>Answers, positive and negative, the truncated ones too.</summary>
    public long Answers;

    /// <summary>Questions without an answer after <see cref="Server.Silence"/>; it may still come, and counts then too.</summary>
    public long Timeouts;

    /// <summary>SERVFAIL, REFUSED and the like, closed ports, and connections that broke or could not be made.</summary>
    public long Failures;

    /// <summary>TCP and TLS connections begun.</summary>
    public long ConnectionsOpened;

    /// <summary>Questions that went over a connection that was there already.</summary>
    public long ConnectionsReused;

    /// <summary>Questions on their way now.</summary>
    public long InFlight;

    /// <summary>From a question to its answer, to the millisecond.</summary>
    public LatencyHistogram Latency { get; } = new();

    public long Sent => SentUdp + SentTcp + SentTls;

    public static UpstreamCounters Sum(IEnumerable<UpstreamCounters> all)
    {
        UpstreamCounters sum = new();
        foreach (UpstreamCounters one in all)
            sum.AddNumbers(one);
        return sum;
    }

    /// <summary>Adds what another counted that counts no more.</summary>
    public void Add(UpstreamCounters other)
    {
        AddNumbers(other);
        Latency.Add(other.Latency);
    }

    private void AddNumbers(UpstreamCounters one)
    {
        SentUdp += one.SentUdp;
        SentTcp += one.SentTcp;
        SentTls += one.SentTls;
        Retries += one.Retries;
        Answers += one.Answers;
        Timeouts += one.Timeouts;
        Failures += one.Failures;
        ConnectionsOpened += one.ConnectionsOpened;
        ConnectionsReused += one.ConnectionsReused;
        InFlight += one.InFlight;
    }
}

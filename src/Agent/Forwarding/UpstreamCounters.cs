using Agent.Dns;
using Agent.Serving;

namespace Agent.Forwarding;

/// <summary>
/// What one serving thread counted of one server since it first asked it. Written by that thread alone, read by any. The agent's own probes and
/// checks count only where they need a connection or fail.
/// </summary>
internal sealed class UpstreamCounters
{
    private const int ResponseCodes = 16; // four bits

    // Made when the first answer with a code comes: most servers give two or three.
    private readonly LatencyHistogram?[] _latencies = new LatencyHistogram?[ResponseCodes];

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

    /// <summary>From a question to its answer, error answers too, to the millisecond; of the codes that came so far.</summary>
    public IEnumerable<(ResponseCode Code, LatencyHistogram Latency)> Latencies
    {
        get
        {
            for (int code = 0; code < _latencies.Length; code++)
            {
                if (Volatile.Read(ref _latencies[code]) is { } latency)
                    yield return ((ResponseCode)code, latency);
            }
        }
    }

    public long Sent => SentUdp + SentTcp + SentTls;

    /// <param name="code">Without what an OPT record adds to it.</param>
    public LatencyHistogram LatencyOf(ResponseCode code)
    {
        if (_latencies[(int)code] is { } latency)
            return latency;
        LatencyHistogram first = new();
        Volatile.Write(ref _latencies[(int)code], first);
        return first;
    }

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
        foreach ((ResponseCode code, LatencyHistogram latency) in other.Latencies)
            LatencyOf(code).Add(latency);
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

using System.Net;
using Agent.Dns;
using Agent.Native;
using Agent.Serving;

namespace Agent.Forwarding;

/// <summary>
/// An upstream's address, in the form people read and in the kernel's, and what all threads have learned of it. One object for each address,
/// compared by reference. Threads that learn at once lose at most a sample.
/// </summary>
internal sealed class Server(IPEndPoint endPoint, TlsTunnel? tls = null)
{
    /// <summary>Milliseconds without an answer that count as a failure, and after which the next server is asked.</summary>
    public const long Silence = 400;

    private const int FailuresToAvoid = 2;
    private const long FirstAvoidance = 1_000; // milliseconds, doubled with each failed probe
    private const long LongestAvoidance = 30_000;
    private const long ProbeLease = 5_000; // a probe ends long before; if not, another thread may try
    private const long ShortestPatience = 20;
    private const int HedgePrice = 10; // sends that pay for one hedge
    private const int MaxHedgeCredit = 10 * HedgePrice;

    private readonly SockAddr _address = SockAddr.From(endPoint);
    private readonly QuantileEstimate _slow = new(0.95);
    private readonly QuantileEstimate _median = new(0.5);
    private readonly List<UpstreamCounters> _counters = [new UpstreamCounters()]; // the first: of threads that have let go of it
    private double _smoothed = double.PositiveInfinity;
    private int _hedgeCredit;
    private int _failures;
    private long _avoidance;
    private long _avoidUntil;
    private long _probesFailed;
    private bool _isUsed;

    public IPEndPoint EndPoint => endPoint;

    /// <summary>The only way to it; null when it is asked in plain text.</summary>
    public TlsTunnel? Tls => tls;

    public ref readonly SockAddr Address => ref _address;

    /// <summary>Whether others should be asked first, until a probe is answered.</summary>
    public bool IsAvoided => Volatile.Read(ref _avoidUntil) != 0;

    /// <summary>Whether it was ever sent a question.</summary>
    public bool IsUsed => Volatile.Read(ref _isUsed);

    /// <summary>Milliseconds from a question to its answer, smoothed; infinite before the first.</summary>
    public double SmoothedTime => Volatile.Read(ref _smoothed);

    /// <summary>Milliseconds after which this server is slow by its own measure: nineteen of twenty answers come earlier.</summary>
    public long Patience => _slow.IsWarm ? (long)Math.Clamp(_slow.Value, ShortestPatience, Silence) : Silence;

    /// <summary>Milliseconds that half of the answers take at the most, an estimate, at least 1; 0 before the first answer.</summary>
    public double MedianTime => _median.Value;

    /// <summary>Milliseconds that nineteen of twenty answers take at the most, likewise.</summary>
    public double SlowTime => _slow.Value;

    /// <summary>What all threads together counted of it.</summary>
    public UpstreamCounters Counters
    {
        get
        {
            lock (_counters)
                return UpstreamCounters.Sum(_counters);
        }
    }

    /// <summary>How long its answers took by their code, for each thread that asks it, and for those together that did.</summary>
    public IReadOnlyList<(ResponseCode Code, LatencyHistogram Latency)> Latencies
    {
        get
        {
            lock (_counters)
                return [.. _counters.SelectMany(counters => counters.Latencies)];
        }
    }

    /// <summary>The agent's own probes that it did not answer.</summary>
    public long ProbesFailed => Volatile.Read(ref _probesFailed);

    /// <summary>Counters for a thread that begins to ask it.</summary>
    public UpstreamCounters CountersForThread()
    {
        UpstreamCounters counters = new();
        lock (_counters)
            _counters.Add(counters);
        return counters;
    }

    /// <summary>Takes over what a thread counted that lets go of it, and counts no more.</summary>
    public void Fold(UpstreamCounters counters)
    {
        lock (_counters)
        {
            if (_counters.Remove(counters))
                _counters[0].Add(counters);
        }
    }

    /// <summary>A client's question was sent to it.</summary>
    public void NoteSend()
    {
        if (!_isUsed)
            Volatile.Write(ref _isUsed, true);
        if (_hedgeCredit < MaxHedgeCredit)
            _hedgeCredit++;
    }

    /// <summary>Whether another server may be asked although this one is only slow; at most one in ten sends is such a hedge.</summary>
    public bool TryTakeHedge()
    {
        if (_hedgeCredit < HedgePrice)
            return false;
        _hedgeCredit -= HedgePrice;
        return true;
    }

    /// <summary>It answered, after this many milliseconds.</summary>
    public void Observe(long time)
    {
        _slow.Add(time);
        _median.Add(time);
        Smooth(time);
    }

    /// <summary>It has not answered for this many milliseconds: a sample too, or the slow ones would never be counted when another server wins.</summary>
    /// <returns>Whether it was counted, so that its answer must not be.</returns>
    public bool TryObserveAtLeast(long time)
    {
        if (time <= _slow.Value)
            return false;
        Observe(time);
        return true;
    }

    public void Succeeded()
    {
        if (_failures == 0 && !IsAvoided)
            return; // the common case writes nothing that other threads read
        _failures = 0;
        Volatile.Write(ref _avoidUntil, 0);
    }

    /// <summary>It did not answer in time, refused, or broke the connection. While it is avoided, only its probes count.</summary>
    public void Failed(long now)
    {
        if (IsAvoided || ++_failures < FailuresToAvoid)
            return;
        _avoidance = FirstAvoidance;
        Volatile.Write(ref _avoidUntil, now + Jitter.Shorten(_avoidance));
    }

    /// <summary>Whether the caller shall probe it now: for one thread each time that its avoidance has run out.</summary>
    public bool TryBeginProbe(long now)
    {
        long until = Volatile.Read(ref _avoidUntil);
        return until != 0 && now >= until && Interlocked.CompareExchange(ref _avoidUntil, now + ProbeLease, until) == until;
    }

    public void ProbeFailed(long now)
    {
        Interlocked.Increment(ref _probesFailed);
        if (!IsAvoided)
            return; // it answered a client meanwhile
        _avoidance = Math.Min(LongestAvoidance, 2 * _avoidance);
        Volatile.Write(ref _avoidUntil, now + Jitter.Shorten(_avoidance));
    }

    private void Smooth(double time)
    {
        double smoothed = SmoothedTime;
        Volatile.Write(ref _smoothed, double.IsInfinity(smoothed) ? time : smoothed + (time - smoothed) / 8); // the weight of RFC 6298
    }
}

using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>One question on its way to the upstreams, and all who wait for its answer. Pooled.</summary>
internal sealed class Flight
{
    /// <summary>Sends that one question may cost at the most (RFC 9520 section 3.1; BIND CVE-2026-5950).</summary>
    public const int MaxExchanges = 4;

    private readonly byte[] _key = new byte[Query.MaxKeyLength];
    private readonly Exchange[] _exchanges = new Exchange[MaxExchanges];
    private int _keyLength;
    private Waiter? _lastWaiter;

    /// <summary>The flight's place in the table, for the life of this object.</summary>
    public required int Slot { get; init; }

    /// <summary>Grows with each use of this object, so that an event meant for an earlier use is told apart.</summary>
    public ushort Generation { get; private set; }

    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    public Route Route { get; private set; } = null!;

    public int ExchangeCount { get; private set; }

    /// <summary>The servers asked so far, in their order.</summary>
    public Span<Exchange> Exchanges => _exchanges.AsSpan(0, ExchangeCount);

    /// <summary>Where in the route's servers the next exchange starts to look.</summary>
    public int NextServer { get; set; }

    /// <summary>Monotonic milliseconds: when the next server is asked.</summary>
    public long RetryAt { get; set; }

    /// <summary>Monotonic milliseconds: when those who wait are told that nobody answered.</summary>
    public long Deadline { get; private set; }

    public Waiter? FirstWaiter { get; private set; }

    public bool MayTryAgain => ExchangeCount < MaxExchanges;

    public bool HasOpenExchange
    {
        get
        {
            foreach (ref Exchange exchange in Exchanges)
            {
                if (exchange.IsOpen)
                    return true;
            }

            return false;
        }
    }

    public void Begin(ReadOnlySpan<byte> key, Route route, long deadline)
    {
        key.CopyTo(_key);
        _keyLength = key.Length;
        Route = route;
        Deadline = deadline;
        ExchangeCount = 0;
        Generation++;
    }

    public ref Exchange AddExchange(Upstream upstream, ushort id)
    {
        _exchanges[ExchangeCount] = new Exchange { Upstream = upstream, Id = id };
        return ref _exchanges[ExchangeCount++];
    }

    public void AddWaiter(Waiter waiter)
    {
        waiter.Next = null;
        if (_lastWaiter == null)
            FirstWaiter = waiter;
        else
            _lastWaiter.Next = waiter;
        _lastWaiter = waiter;
    }

    public void End()
    {
        Generation++;
        FirstWaiter = _lastWaiter = null;
        _exchanges.AsSpan().Clear();
        ExchangeCount = 0;
    }
}

/// <summary>One send of a flight's question to one server.</summary>
internal struct Exchange
{
    public Upstream Upstream;
    public ushort Id;

    /// <summary>The connection it went over; null for UDP.</summary>
    public TcpUpstream? Connection;

    /// <summary>The exchange's own socket, over UDP.</summary>
    public NativeSocket? Socket;

    public readonly bool IsOpen => Connection != null || Socket != null;

    public void Close()
    {
        Connection?.Forget(Id);
        Socket?.Close();
        Connection = null;
        Socket = null;
    }
}

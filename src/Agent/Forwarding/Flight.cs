using Agent.Configuration;
using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>One question on its way to the upstreams, and all who wait for its answer. Pooled.</summary>
internal sealed class Flight
{
    /// <summary>Sends that one question may cost at the most (BIND CVE-2026-5950).</summary>
    public const int MaxExchanges = 4;

    private const int MaxSendsToServer = 3; // RFC 9520 section 3.1

    private readonly byte[] _key = new byte[Query.MaxKeyLength];
    private readonly Exchange[] _exchanges = new Exchange[MaxExchanges];
    private int _keyLength;
    private Waiter? _firstWaiter;
    private Waiter? _lastWaiter;

    /// <summary>What the answer is cached and coalesced under.</summary>
    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    /// <summary>What upstreams are asked in place of the key; null when that is the key itself.</summary>
    public Detour? Detour { get; private set; }

    /// <summary>The client's question, and what upstreams are asked.</summary>
    public Question Question => new(Key, Detour);

    /// <summary>The key of what upstreams are asked.</summary>
    public ReadOnlySpan<byte> Asked => Question.Asked;

    /// <summary>The key's hash, the same in all threads.</summary>
    public ulong Hash { get; set; }

    public FlightShare Share { get; set; }

    /// <summary>The claim of another thread that this flight waits for, when it is a follower.</summary>
    public ulong Followed { get; set; }

    public Route Route { get; private set; } = null!;

    /// <summary>Reads responses by the rules that the flight began with, whatever the configuration says meanwhile; null for the agent's own questions.</summary>
    public UpstreamResponse? Reader { get; set; }

    public int ExchangeCount { get; private set; }

    /// <summary>The servers asked so far, in their order.</summary>
    public Span<Exchange> Exchanges => _exchanges.AsSpan(0, ExchangeCount);

    /// <summary>Where in the route's servers the next exchange starts to look.</summary>
    public int NextServer { get; set; }

    /// <summary>Monotonic milliseconds: when the next server is asked.</summary>
    public long RetryAt { get; set; }

    /// <summary>Monotonic milliseconds: when those who wait are told that nobody answered.</summary>
    public long Deadline { get; private set; }

    public bool HasWaiters => _firstWaiter != null;

    /// <summary>Whether somebody still cares; false once it has ended and waits for another question.</summary>
    public bool IsActive { get; private set; }

    public bool MayTryAgain => ExchangeCount < (IsOwn ? 1 : Math.Min(MaxExchanges, MaxSendsToServer * Route.Servers.Count));

    /// <summary>Monotonic milliseconds: when those who wait get an expired answer, if there is one, instead of waiting on.</summary>
    public long StaleAt { get; set; }

    /// <summary>Monotonic milliseconds: the turn that is reserved for the next send (<see cref="SendPace"/>); 0: none is.</summary>
    public long Turn { get; set; }

    /// <summary>What is sent at <see cref="Turn"/>.</summary>
    public NextSend Next { get; set; }

    /// <summary>The server that this flight probes; null when it has another purpose.</summary>
    public Server? Probed { get; set; }

    /// <summary>The check for a loop that this flight is; null when it has another purpose.</summary>
    public (LoopCheck Check, LoopCheck.Attempt Attempt)? LoopCheck { get; set; }

    /// <summary>Whether it is the agent's own question, sent once to one server, whose answer is for no client and not for the cache.</summary>
    public bool IsOwn => Probed != null || LoopCheck != null;

    /// <summary>Whether the question was sent once without EDNS already.</summary>
    public bool TriedPlain { get; set; }

    /// <summary>Exchanges that did leave this machine.</summary>
    public int SendCount
    {
        get
        {
            int count = 0;
            foreach (ref Exchange exchange in Exchanges)
                count += exchange.SentAt != 0 ? 1 : 0;
            return count;
        }
    }

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
        Detour = null;
        Route = route;
        Deadline = deadline;
        TriedPlain = false;
        Turn = 0;
        Probed = null;
        LoopCheck = null;
        Share = FlightShare.Alone;
        IsActive = true;
        ExchangeCount = 0;
    }

    /// <summary>From here on asks another question for those who wait; what was sent before is forgotten.</summary>
    public void AskInstead(Detour detour)
    {
        foreach (ref Exchange exchange in Exchanges)
            exchange.Close();
        Detour = detour;
        TriedPlain = false;
        Turn = 0;
        ExchangeCount = 0;
    }

    /// <summary>Whether this server was sent the question as often as it may be.</summary>
    public bool HasExhausted(Upstream upstream) => SendsTo(upstream) >= MaxSendsToServer;

    /// <summary>How often this server was asked, or is about to be.</summary>
    public int SendsTo(Upstream upstream)
    {
        int sends = 0;
        foreach (ref Exchange exchange in Exchanges)
            sends += exchange.Upstream == upstream ? 1 : 0;
        return sends;
    }

    public ref Exchange AddExchange(Upstream upstream, ushort id, bool hasEdns)
    {
        _exchanges[ExchangeCount] = new Exchange { Upstream = upstream, Id = id, HasEdns = hasEdns };
        return ref _exchanges[ExchangeCount++];
    }

    /// <summary>Takes back the last exchange, which could not be sent for a reason that is not its server's.</summary>
    public void Withdraw() => _exchanges[--ExchangeCount] = default;

    public void AddWaiter(Waiter waiter)
    {
        waiter.Next = null;
        if (_lastWaiter == null)
            _firstWaiter = waiter;
        else
            _lastWaiter.Next = waiter;
        _lastWaiter = waiter;
    }

    /// <summary>Takes the one who waits longest; null when nobody waits. The flight goes on without those taken.</summary>
    public Waiter? TakeWaiter()
    {
        Waiter? first = _firstWaiter;
        _firstWaiter = first?.Next;
        if (_firstWaiter == null)
            _lastWaiter = null;
        return first;
    }

    public void End()
    {
        IsActive = false;
        _exchanges.AsSpan().Clear();
        ExchangeCount = 0;
    }
}

/// <summary>How a flight's question is sent when its turn has come.</summary>
/// <param name="Same">The server to send to; null: the next.</param>
internal readonly record struct NextSend(TransportProtocol Protocol, Upstream? Same, bool HasEdns);

/// <summary>One send of a flight's question to one server.</summary>
internal struct Exchange
{
    public Upstream Upstream;
    public ushort Id;

    /// <summary>Monotonic milliseconds; 0: it could not be sent.</summary>
    public long SentAt;

    /// <summary>Whether its server's time is counted already, because it was slow.</summary>
    public bool IsObserved;

    /// <summary>Whether its server was silent for so long that it counts as a timeout.</summary>
    public bool IsLate;

    /// <summary>Whether it is one of its server's questions on their way.</summary>
    public bool IsInFlight;

    public bool HasEdns;

    /// <summary>Over UDP.</summary>
    public bool HasCookie;

    /// <summary>Over UDP: which letters of the name were sent in upper case.</summary>
    public ulong CaseBits;

    /// <summary>Over UDP: datagrams from the server's address that were no response to this query.</summary>
    public int Mismatches;

    /// <summary>The connection it went over; null for UDP.</summary>
    public TcpUpstream? Connection;

    /// <summary>The exchange's own socket, over UDP.</summary>
    public UdpSocket? Socket;

    /// <summary>Over UDP: whether the response came, so that no other is to be expected.</summary>
    public bool IsAnswered;

    public readonly bool IsOpen => Connection != null || Socket != null;

    public void Close()
    {
        Connection?.Forget(Id);
        Socket?.Return(IsAnswered);
        Connection = null;
        Socket = null;
        if (IsInFlight)
            Upstream.Counters.InFlight--;
        IsInFlight = false;
    }
}

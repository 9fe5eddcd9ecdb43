using System.Diagnostics.CodeAnalysis;
using Agent.Configuration;
using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>
/// The misses of one serving thread, in that thread's own loop: identical questions share a flight; each flight is sent to a server of its
/// route, to the next when that one is slow or fails, and ends with an answer for all who wait or, at its deadline, without.
/// </summary>
internal sealed partial class Forwarder
{
    /// <summary>Kinds of poll tokens that <see cref="Handle"/> takes.</summary>
    public const byte UdpKind = 1;
    public const byte TcpKind = 2;
    public const byte WakeKind = 4;

    private const int MaxFlights = 8192;
    private const int MaxWaiters = 32768;
    private const int MaxPooled = 1024;

    // Milliseconds.
    private const long Deadline = 3_800; // inside glibc's 5 s and below RFC 9520's 4 s of this project
    private const long StaleAfter = 500; // RFC 8767 section 5 suggests 1.8 s; a pod should not wait that long for what is at hand
    private const long PauseAfterFailure = 200; // lets a server that is being restarted come back

    private readonly ForwardingContext _context;
    private readonly IReplySink _sink;
    private readonly UpstreamPool _pool;
    private readonly SecureRandom _random = new();
    private readonly UdpSockets _sockets;
    private readonly Flights _flights;
    private readonly HashSet<Flight> _following = []; // of _flights, those that wait for another thread's
    private readonly int _thread;
    private readonly Stack<Waiter> _freeWaiters = new();
    private readonly byte[] _datagram = new byte[4096];
    private ServingRules _rules;
    private UpstreamResponse _response;
    private RouteTable _routes;
    private int _waiterCount;

    public Forwarder(Poller poller, ForwardingContext context, IReplySink sink)
    {
        _context = context;
        _sink = sink;
        _rules = context.Rules.Current;
        _response = new UpstreamResponse(_rules.Limits, _rules.Own?.Dns64);
        _sockets = new UdpSockets(poller, context.Sockets);
        _pool = new UpstreamPool(poller, _random);
        _routes = context.Routes.Current;
        _flights = new Flights(context.Flights.Hash);
        _thread = context.Flights.Register(poller, new PollToken(WakeKind, 0, 0).Value);
    }

    /// <summary>Whether nothing is on its way, so that the thread may wait for its clients alone.</summary>
    public bool IsIdle => _flights.Active.Count == 0;

    /// <summary>Sends a question on its way, or joins the flight that is there already.</summary>
    public ForwardOutcome Forward(in Query query, in SockAddr client, object? connection, long now)
    {
        if (_context.Routes.Current.IsLoop(query, now))
        {
            Refuse(query, client, connection, now);
            return ForwardOutcome.OnItsWay;
        }

        if (_waiterCount >= MaxWaiters)
            return ForwardOutcome.NoUpstream;
        if (!_context.InFlight.TryEnter(ClientAddress.From(client.AddressBytes), out int place))
            return ForwardOutcome.ClientHasItsFill;
        bool isNew = !_flights.TryFind(query.Key, out Flight? flight);
        if (flight == null && !TryBegin(query, now, out flight))
        {
            _context.InFlight.Leave(place);
            return ForwardOutcome.NoUpstream;
        }

        Waiter waiter = _freeWaiters.TryPop(out Waiter? free) ? free : new Waiter();
        waiter.Begin(query, client, connection, place);
        flight.AddWaiter(waiter);
        _waiterCount++;
        if (isNew)
            Begin(flight, now);
        return ForwardOutcome.OnItsWay;
    }

    /// <summary>Asks anew for an answer that is about to expire; nobody waits for it.</summary>
    /// <returns>False when it cannot be asked for, or is being asked for already.</returns>
    public bool Refresh(in Query query, long now) =>
        !_flights.TryFind(query.Key, out _) && TryBegin(query, now, out Flight? flight) && BeginRefresh(flight, now);

    /// <summary>Handles one event whose token's kind is <see cref="UdpKind"/>, <see cref="TcpKind"/> or <see cref="WakeKind"/>.</summary>
    public void Handle(ulong token, PollEvents events, long now)
    {
        PollToken parts = new(token);
        if (parts.Kind == UdpKind && _sockets.Find(parts.Slot) is { } socket)
            HandleUdp(socket, now);
        else if (parts.Kind == TcpKind && _pool.Find(token) is { } connection)
            HandleTcp(connection, events, now);
        else if (parts.Kind == WakeKind)
            HandleWake(now);
    }

    /// <summary>At intervals looks for what is late; writes what was queued since the last call.</summary>
    public void Flush(long now)
    {
        if (now >= _nextTick)
            Tick(now);
        List<TcpUpstream> unflushed = _pool.Unflushed;
        while (unflushed.Count > 0)
        {
            TcpUpstream connection = unflushed[^1];
            unflushed.RemoveAt(unflushed.Count - 1);
            FlushTcp(connection, now);
        }
    }

    /// <summary>Ends every flight without an answer and closes what is open.</summary>
    public void Stop(long now)
    {
        foreach (Flight flight in _flights.Active.ToArray())
            Complete(flight, default, now);
        foreach (TcpUpstream connection in _pool.Connections.ToArray())
            _pool.Close(connection);
        _sockets.CloseFree();
    }

    private bool TryBegin(in Query query, long now, [NotNullWhen(true)] out Flight? flight)
    {
        flight = null;
        Detour? detour = _context.Rules.Current.Own?.FindDetour(query) ?? _context.Cluster.Current?.FindDetour(query);
        Route? route = _context.Routes.Current.Find(detour == null ? query.Name : detour.Name);
        if (route == null || route.Servers.Count == 0 || _flights.Active.Count >= MaxFlights || !HasTurn(route, now))
            return false;
        flight = _flights.Add(query.Key, route, now + Deadline);
        if (detour != null)
            flight.AskInstead(detour);
        flight.Reader = _response;
        flight.StaleAt = now + StaleAfter;
        flight.NextServer = _pool.First(route);
        return true;
    }

    /// <summary>Sends the question to the next server that takes it, or to the same one once more; ends the flight when none is left to try.</summary>
    private void Send(Flight flight, TransportProtocol protocol, long now, Upstream? same = null, bool hasEdns = true)
    {
        if (!TakesTurn(flight, now))
        {
            flight.Next = new NextSend(protocol, same, hasEdns);
            return;
        }

        for (int left = flight.Route.Servers.Count; left > 0 && flight.MayTryAgain; left--)
        {
            Upstream upstream = same == null || flight.HasExhausted(same) ? _pool.Choose(flight) : same;
            ref Exchange exchange = ref flight.AddExchange(upstream, _random.NextId(), hasEdns);
            if (protocol == TransportProtocol.Udp ? SendUdp(flight, ref exchange, now) : SendTcp(flight, ref exchange, now))
            {
                NoteSent(flight, ref exchange, now);
                return;
            }
        }

        if (flight.MayTryAgain)
            flight.RetryAt = now + PauseAfterFailure;
        else
            CompleteUnlessOpen(flight, now);
    }

    private void HandleResponse(Flight flight, ref Exchange exchange, ReadOnlySpan<byte> response, long now)
    {
        if (flight.IsOwn)
        {
            HandleOwnResponse(flight, ref exchange, response, now);
            return;
        }

        TransportProtocol protocol = exchange.Connection == null ? TransportProtocol.Udp : TransportProtocol.Tcp;
        if (UpstreamResponse.IsBareFormErr(response))
        {
            // Over UDP anybody can send so little, so the query without EDNS goes beside the one that is out (TuDoor; RFC 6891 section 6.2.2).
            if (protocol == TransportProtocol.Tcp)
                exchange.Close();
            AskPlain(flight, ref exchange, protocol, now);
            return;
        }

        ResponseVerdict verdict = flight.Reader!.Read(response, flight.Question, now, out CacheEntry entry);
        exchange.IsAnswered = verdict != ResponseVerdict.Ignored;
        if (verdict is ResponseVerdict.Answered or ResponseVerdict.WithoutAaaa or ResponseVerdict.Failed)
            NoteLatency(exchange, response, now);
        switch (verdict)
        {
            case ResponseVerdict.Answered:
                NoteAnswered(ref exchange, now);
                _context.Cache.Store(flight.Key, entry);
                Complete(flight, entry, now);
                break;
            case ResponseVerdict.WithoutAaaa:
                NoteAnswered(ref exchange, now);
                AskForIpv4(flight, entry, now);
                break;
            case ResponseVerdict.Truncated:
                exchange.Upstream.Counters.Answers++;
                exchange.Close();
                Send(flight, TransportProtocol.Tcp, now, exchange.Upstream, exchange.HasEdns);
                break;
            case ResponseVerdict.FormErr when !flight.TriedPlain:
                exchange.Close();
                AskPlain(flight, ref exchange, protocol, now);
                break;
            case ResponseVerdict.Failed or ResponseVerdict.FormErr:
                // The server works, only this question is beyond it: another server may do better, waiting will not help.
                exchange.Upstream.Counters.Failures++;
                exchange.Close();
                if (flight.ExchangeCount < flight.Route.Servers.Count)
                    Send(flight, flight.Route.Protocol, now);
                else
                    FailUnlessOpen(flight, now);
                break;
        }
    }

    /// <summary>Asks a server once without EDNS. That it has none is not learned from it: one datagram proves nothing (CVE-2026-52690).</summary>
    private void AskPlain(Flight flight, ref Exchange exchange, TransportProtocol protocol, long now)
    {
        if (exchange.HasCookie)
            exchange.Upstream.Cookie.NoteRefusal();
        bool isFirst = !flight.TriedPlain;
        flight.TriedPlain = true;
        if (isFirst)
            Send(flight, protocol, now, exchange.Upstream, hasEdns: false);
        else
            CompleteUnlessOpen(flight, now);
    }

    /// <summary>An exchange failed: asks a server that was not asked yet at once, else again after a pause.</summary>
    private void AskNext(Flight flight, long now)
    {
        if (flight.ExchangeCount < Math.Min(flight.Route.Servers.Count, Flight.MaxExchanges))
            Send(flight, flight.Route.Protocol, now);
        else if (flight.MayTryAgain)
            flight.RetryAt = Math.Min(flight.RetryAt, now + PauseAfterFailure);
        else
            CompleteUnlessOpen(flight, now);
    }

    /// <summary>Gives those who wait an expired answer, if there is one; the flight goes on to renew it (RFC 8767 section 5).</summary>
    private void AnswerStale(Flight flight, long now)
    {
        flight.StaleAt = flight.Deadline;
        if (_context.Cache.HasStale(flight.Key, now))
        {
            _context.Cache.StoreFailure(flight.Key, now);
            AnswerWaiters(flight, default, now);
        }
    }

    private void CompleteUnlessOpen(Flight flight, long now)
    {
        if (!flight.HasOpenExchange)
            Complete(flight, default, now);
    }

    private void Complete(Flight flight, CacheEntry entry, long now)
    {
        if (flight.IsOwn)
            EndOwn(flight, now);
        else if (entry.IsNone)
            _context.Cache.StoreFailure(flight.Key, now);
        End(flight, entry, now);
    }

    private void AnswerWaiters(Flight flight, CacheEntry entry, long now)
    {
        // One at a time, so that a defect met in one reply loses none of the others.
        while (flight.TakeWaiter() is { } waiter)
        {
            ReadOnlySpan<byte> next = _sink.Reply(waiter, flight.Key, entry, now);
            if (!next.IsEmpty && TryMoveOn(waiter, next, now))
                continue;
            if (!next.IsEmpty)
                _sink.Reply(waiter, next, default, now);
            _context.InFlight.Leave(waiter.Place);
            _waiterCount--;
            waiter.End();
            if (_freeWaiters.Count < MaxPooled)
                _freeWaiters.Push(waiter);
        }
    }
}

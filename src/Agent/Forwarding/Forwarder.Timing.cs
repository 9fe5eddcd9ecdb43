using Agent.Configuration;
using Agent.Dns;

namespace Agent.Forwarding;

// What is due: further sends of questions that are not answered, their deadlines, and what is looked after at intervals.
internal sealed partial class Forwarder
{
    // Milliseconds.
    private const int SweepInterval = 50;
    private const int ShortestTick = 10; // all flights are looked at, so not more often
    private const long LeastForAnswer = 400; // a turn that leaves less before the deadline is of no use
    private static readonly long[] _slowAfter = [Server.Silence, 800, 1_200, Deadline];

    private readonly List<Flight> _due = [];
    private long _lastTick;
    private long _nextTick;
    private long _nextSweep;

    /// <summary>Milliseconds that the thread may wait for its sockets before it calls <see cref="Flush"/> again.</summary>
    public int Patience => (int)Math.Clamp(_nextTick - Environment.TickCount64, 1, SweepInterval);

    private static bool HasTurn(Route route, long now) => route.Pace?.HasTurn(now, now + Deadline - LeastForAnswer) ?? true;

    private void Tick(long now)
    {
        _lastTick = now;
        _nextTick = now + SweepInterval;
        _due.Clear();
        foreach (Flight flight in _flights.Active)
        {
            long dueAt = Math.Min(flight.RetryAt, flight.HasWaiters ? Math.Min(flight.StaleAt, flight.Deadline) : flight.Deadline);
            if (now >= dueAt)
                _due.Add(flight);
            else
                TickAt(dueAt);
        }

        foreach (Flight flight in _due.Where(flight => flight.IsActive))
        {
            if (now >= flight.StaleAt && flight.HasWaiters)
                AnswerStale(flight, now);
            if (now >= flight.Deadline)
                Complete(flight, default, now);
            else if (now >= flight.RetryAt && !GoesOnFollowing(flight, now))
                AskBeside(flight, now);
        }

        if (now >= _nextSweep)
            Sweep(now);
    }

    private void Sweep(long now)
    {
        _nextSweep = now + SweepInterval;
        _context.Flights.Beat(_thread, now);
        foreach (TcpUpstream connection in _pool.Connections.Where(connection => connection.IsIdle(now) || connection.IsSilent(now)).ToArray())
            Lose(connection, now);
        BeginOwn(now);
        TakeRules();
        if (_routes == _context.Routes.Current)
            return;
        _routes = _context.Routes.Current;
        _pool.Keep(_routes);
    }

    private void TakeRules()
    {
        if (_rules == _context.Rules.Current)
            return;
        _rules = _context.Rules.Current;
        _response = new UpstreamResponse(_rules.Limits, _rules.Own?.Dns64);
    }

    private void TickAt(long time) => _nextTick = Math.Min(_nextTick, Math.Max(time, _lastTick + ShortestTick));

    /// <summary>The time for an answer has run out: the next server is asked beside those that were, and whoever answers first wins.</summary>
    private void AskBeside(Flight flight, long now)
    {
        if (flight.Turn != 0)
        {
            NextSend next = flight.Next;
            Send(flight, next.Protocol, now, next.Same, next.HasEdns);
            return;
        }

        foreach (ref Exchange exchange in flight.Exchanges)
        {
            if (!exchange.IsOpen)
                continue;
            long silence = now - exchange.SentAt;
            if (!exchange.IsObserved)
                exchange.IsObserved = exchange.Upstream.Server.TryObserveAtLeast(silence);
            if (silence < Server.Silence)
                continue;
            exchange.Upstream.Server.Failed(now);
            if (!exchange.IsLate && exchange.IsInFlight)
                exchange.Upstream.Counters.Timeouts++;
            exchange.IsLate = true;
        }

        if (flight.ExchangeCount == 1 && flight.Exchanges[0].IsOpen && now < flight.Exchanges[0].SentAt + Server.Silence)
        {
            Hedge(flight, now);
            return;
        }

        // The same server again makes sense only over UDP, which may have lost the query.
        bool hasAnother = flight.Route.Protocol == TransportProtocol.Udp || flight.ExchangeCount < flight.Route.Servers.Count || !flight.HasOpenExchange;
        if (hasAnother && flight.MayTryAgain)
            Send(flight, flight.Route.Protocol, now);
        else if (flight.HasOpenExchange)
            flight.RetryAt = flight.Deadline;
        else
            Complete(flight, default, now);
    }

    /// <summary>The first server is slow, not silent: another may be asked beside it, if few questions cost that, and the first is not to blame.</summary>
    private void Hedge(Flight flight, long now)
    {
        Server first = flight.Exchanges[0].Upstream.Server;
        long silentAt = flight.Exchanges[0].SentAt + Server.Silence;
        bool hasTurn = flight.Route.Pace?.HasTurn(now, now) ?? true;
        if (hasTurn && flight.Route.Servers.Any(server => server != first && !server.IsAvoided) && first.TryTakeHedge())
            Send(flight, flight.Route.Protocol, now);
        flight.RetryAt = silentAt;
        TickAt(silentAt);
    }

    /// <summary>Reserves a turn for what the flight sends next, where the route has a pace.</summary>
    /// <returns>False when it must wait; <see cref="Tick"/> then sends. When there is no turn for it at all, it ends unless an answer may still come.</returns>
    private bool TakesTurn(Flight flight, long now)
    {
        if (flight.Route.Pace is not { } pace)
            return true;
        if (flight.IsOwn)
        {
            // Counted, but few; and that a server is well again must be found out even when all turns are taken.
            pace.TryReserve(now, long.MaxValue, out _);
            return true;
        }

        if (flight.Turn == 0)
        {
            if (!pace.TryReserve(now, flight.Deadline - LeastForAnswer, out long turn))
            {
                flight.RetryAt = flight.Deadline;
                CompleteUnlessOpen(flight, now);
                return false;
            }

            flight.Turn = turn;
        }

        if (flight.Turn > now)
        {
            flight.RetryAt = flight.Turn;
            TickAt(flight.Turn);
            return false;
        }

        flight.Turn = 0;
        return true;
    }

    private void NoteSent(Flight flight, ref Exchange exchange, long now)
    {
        exchange.SentAt = now;
        if (!flight.IsOwn)
            Count(flight, ref exchange);
        long patience = flight.ExchangeCount == 1 ? exchange.Upstream.Server.Patience : _slowAfter[Math.Min(flight.SendCount, _slowAfter.Length) - 1];
        flight.RetryAt = flight.IsOwn ? flight.Deadline : now + patience;
        TickAt(flight.RetryAt);
    }

    private static void Count(Flight flight, ref Exchange exchange)
    {
        UpstreamCounters counters = exchange.Upstream.Counters;
        exchange.Upstream.Server.NoteSend();
        if (exchange.Connection == null)
            counters.SentUdp++;
        else if (exchange.Upstream.Server.Tls == null)
            counters.SentTcp++;
        else
            counters.SentTls++;
        counters.Retries += flight.SendCount > 1 ? 1 : 0;
        counters.InFlight++;
        exchange.IsInFlight = true;
    }

    private static void NoteLatency(in Exchange exchange, ReadOnlySpan<byte> response, long now) =>
        exchange.Upstream.Counters.LatencyOf(new Header(response).ResponseCode).Add((now - exchange.SentAt) * 1_000_000);

    private static void NoteAnswered(ref Exchange exchange, long now)
    {
        exchange.Upstream.Counters.Answers++;
        exchange.Upstream.Server.Succeeded();
        if (!exchange.IsObserved)
            exchange.Upstream.Server.Observe(now - exchange.SentAt);
    }
}

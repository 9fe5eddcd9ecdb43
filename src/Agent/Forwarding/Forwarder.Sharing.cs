using Agent.Dns;

namespace Agent.Forwarding;

// The flights of other threads: how a flight begins when the same question may be on its way already, and how it ends.
internal sealed partial class Forwarder
{
    private const long FollowFor = 400; // milliseconds between looks at whether the thread that asks still lives

    /// <summary>Sends a new flight's question, unless another thread has sent the same: then it waits for what that one hears.</summary>
    private void Begin(Flight flight, long now)
    {
        flight.Share = _context.Flights.Claim(flight.Hash, _thread, out ulong seen);
        if (flight.Share == FlightShare.Follower)
        {
            flight.Followed = seen;
            flight.RetryAt = now + FollowFor;
            _following.Add(flight);
        }
        else if (!SharedFlights.WasLast(flight.Hash, seen) || !TryEndFromCache(flight, now))
        {
            Send(flight, flight.Route.Protocol, now);
        }
    }

    /// <summary>Renews what nobody waits for, unless another thread does.</summary>
    private bool BeginRefresh(Flight flight, long now)
    {
        flight.Share = _context.Flights.Claim(flight.Hash, _thread, out _);
        bool isOurs = flight.Share != FlightShare.Follower;
        if (isOurs)
            Send(flight, flight.Route.Protocol, now);
        else
            _flights.Remove(flight);
        return isOurs;
    }

    /// <summary>Another thread's flight has ended that this thread may have waited for.</summary>
    private void HandleWake(long now)
    {
        _context.Flights.Clear(_thread);
        _due.Clear();
        _due.AddRange(_following);
        foreach (Flight flight in _due)
        {
            if (_context.Flights.IsHeld(flight.Hash, flight.Followed))
                continue;
            _following.Remove(flight);
            flight.Share = FlightShare.Alone;
            // Nothing is kept of an answer with a TTL of 0: each thread asks for its own clients, and not one after the other.
            if (!TryEndFromCache(flight, now) && flight.ExchangeCount == 0)
                Send(flight, flight.Route.Protocol, now);
        }
    }

    /// <summary>Whether the flight goes on waiting for another thread's, which is being looked after.</summary>
    private bool GoesOnFollowing(Flight flight, long now)
    {
        bool hasAsked = flight.ExchangeCount > 0 || flight.Turn != 0;
        bool goesOn = flight.Share == FlightShare.Follower && !hasAsked && _context.Flights.IsOwnerAlive(flight.Hash, flight.Followed, now);
        if (goesOn)
            flight.RetryAt = now + FollowFor;
        return goesOn;
    }

    /// <summary>Ends a flight with what another thread has stored, be it that no upstream answered.</summary>
    private bool TryEndFromCache(Flight flight, long now)
    {
        if (!_context.Cache.TryFindOutcome(flight.Key, now, out CacheEntry entry))
            return false;
        End(flight, entry, now);
        return true;
    }

    /// <summary>Answers all who wait, here and, from the cache, in other threads.</summary>
    private void End(Flight flight, CacheEntry entry, long now)
    {
        foreach (ref Exchange exchange in flight.Exchanges)
            exchange.Close();
        AnswerWaiters(flight, entry, now);
        if (flight.Share == FlightShare.Owner)
            _context.Flights.Release(flight.Hash);
        else if (flight.Share == FlightShare.Follower)
            _following.Remove(flight);
        _flights.Remove(flight);
    }
}

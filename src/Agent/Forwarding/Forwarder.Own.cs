using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

// What the agent asks for itself: whether an avoided server is well again, and whether a server brings questions back here.
internal sealed partial class Forwarder
{
    private const long ProbePatience = 2_500; // milliseconds: a connection that is silent for 2 s is closed, so that the next probe gets a new one

    // ". NS": every server has an answer to it at hand, or says why not.
    private static readonly byte[] _probeKey = [0, 0, 1, (byte)KeyFlags.Own, 0, (byte)RecordType.Ns];

    /// <summary>Sends the probes and checks that are due. They are the servers', shared by all threads, and each is done by the thread that sees it first.</summary>
    private void BeginOwn(long now)
    {
        foreach (Route route in _routes.Routes)
        {
            foreach (LoopCheck check in route.Checks)
            {
                if (check.Server.TryBeginProbe(now))
                {
                    Flight flight = AddOwn(_probeKey, route, check.Server, now + ProbePatience);
                    flight.Probed = check.Server;
                    Send(flight, route.Protocol, now);
                }

                if (check.TryBegin(now, out LoopCheck.Attempt? attempt))
                {
                    Flight flight = AddOwn(attempt.Key, route, check.Server, now + LoopCheck.Patience);
                    flight.LoopCheck = (check, attempt);
                    Send(flight, route.Protocol, now);
                }
            }
        }
    }

    /// <summary>A flight without waiters on a route of its own, which has no server but the one.</summary>
    private Flight AddOwn(ReadOnlySpan<byte> key, Route route, Server server, long deadline)
    {
        Flight flight = _flights.Add(key, route with { Servers = [server] }, deadline);
        flight.StaleAt = deadline;
        flight.NextServer = 0;
        return flight;
    }

    private void HandleOwnResponse(Flight flight, ref Exchange exchange, ReadOnlySpan<byte> response, long now)
    {
        bool isResponse = UpstreamResponse.IsBareFormErr(response) || _response.Read(response, flight.Key, now, out _) != ResponseVerdict.Ignored;
        if (!isResponse)
            return;
        exchange.IsAnswered = true; // whatever the RCODE: a server that says something is alive
        Complete(flight, default, now);
    }

    private static void EndOwn(Flight flight, long now)
    {
        bool isAnswered = false;
        foreach (ref Exchange exchange in flight.Exchanges)
            isAnswered |= exchange.IsAnswered;
        if (isAnswered)
            flight.Probed?.Succeeded();
        else if (flight.ExchangeCount > 0) // else this process had no descriptor for it
            flight.Probed?.ProbeFailed(now);
        if (flight.LoopCheck is { } loop && flight.SendCount > 0)
            loop.Check.End(loop.Attempt);
    }

    /// <summary>Answers one of this agent's own checks that came back as a client's question.</summary>
    private void Refuse(in Query query, in SockAddr client, object? connection, long now)
    {
        Waiter waiter = new();
        waiter.Begin(query, client, connection, ClientsInFlight.NoPlace);
        _sink.Reply(waiter, query.Key, CacheEntry.CreateError(query.Key, ResponseCode.Refused, lifetime: 0, now), now);
    }
}

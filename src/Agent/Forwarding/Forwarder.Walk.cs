using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Agent.Dns;

namespace Agent.Forwarding;

// Clients whose search walk goes on: from one flight to the next.
internal sealed partial class Forwarder
{
    // No shorter: who is told in one family to walk on, and is answered in the other, takes that for all there is. glibc asks twice for 5 s each.
    private static readonly TimeSpan _walksFor = TimeSpan.FromSeconds(10);

    /// <summary>Has a client wait for the answer to another question.</summary>
    /// <returns>False when nobody waits any more, or there is no room for it.</returns>
    private bool TryMoveOn(Waiter waiter, ReadOnlySpan<byte> key, long now)
    {
        if (Stopwatch.GetElapsedTime(waiter.Since) > _walksFor)
            return false;
        bool isNew = !_flights.TryFind(key, out Flight? flight);
        if (flight == null && !TryBegin(waiter.Query(key), now, out flight))
            return false;
        flight.AddWaiter(waiter);
        if (isNew)
            Begin(flight, now);
        return true;
    }
}

using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Agent.Dns;

namespace Agent.Forwarding;

// Clients whose search walk goes on: from one flight to the next.
internal sealed partial class Forwarder
{
    // A flight may take 3.8 s, and the client waits 5: who has waited this long walks on by itself.
    private static readonly TimeSpan _walksFor = TimeSpan.FromSeconds(1);

    /// <summary>Has a client wait for the answer to another question.</summary>
    /// <returns>False when there is no time or no room for it.</returns>
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

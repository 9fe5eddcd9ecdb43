namespace Agent.Forwarding;

/// <summary>
/// Spaces what is sent to a route's servers, for all threads together: each send reserves its turn, so that those who wait go in the order in
/// which they came. In no second more turns than the rate, of which a tenth may come at once.
/// </summary>
/// <param name="perSecond">From 1 to 1,000,000.</param>
internal sealed class SendPace(int perSecond)
{
    private const long Burst = 100_000; // microseconds' worth

    private readonly long _interval = (1_000_000 + Burst + perSecond - 1) / perSecond; // microseconds
    private long _next; // microseconds: the turn after the last reserved one, were there no bursts (GCRA)

    /// <summary>Reserves a turn.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="latest">Monotonic milliseconds after which a turn is of no use.</param>
    /// <param name="turn">Monotonic milliseconds: when to send.</param>
    /// <returns>False when all turns until then are reserved.</returns>
    public bool TryReserve(long now, long latest, out long turn)
    {
        while (true)
        {
            long next = Volatile.Read(ref _next);
            turn = TurnAt(next, now);
            if (turn > latest)
                return false;
            if (Interlocked.CompareExchange(ref _next, Math.Max(next, 1000 * now) + _interval, next) == next)
                return true;
        }
    }

    /// <summary>Whether there is a turn until then.</summary>
    public bool HasTurn(long now, long latest) => TurnAt(Volatile.Read(ref _next), now) <= latest;

    private static long TurnAt(long next, long now) => Math.Max(now, (next - Burst + 999) / 1000);
}

namespace Agent.Dns;

/// <summary>
/// How much each client has had lately: a rate with a burst of one second's worth. Bounded and shared by all threads, without a lock: a fixed
/// table, searched under a keyed hash, in which a new client takes the place of the one that has had the least. So a flood of forged
/// addresses pushes out clients that are far from their limit, and hardly one that is at it; and nobody is refused for a full table.
/// </summary>
/// <remarks>
/// A client's state is one number: when all that it has had will be earned back. It is changed by compare-and-swap, so threads lose nothing of
/// each other's. Where several add the same new client at once, it may have a place for each of them until those fade.
/// </remarks>
/// <param name="perSecond">Units for each client and second, at least 1.</param>
public sealed class ClientRates(int perSecond)
{
    private const int Sets = 4096;
    private const int Ways = 4;
    private const long Second = 1_000_000_000; // nanoseconds, so that a byte's share of a second is not lost in rounding

    private readonly SipHash _hash = SipHash.CreateRandom();
    private readonly Place[] _places = new Place[Sets * Ways];

    /// <summary>Takes what a client is about to get; what goes beyond its credit it owes.</summary>
    /// <param name="amount">Units, 1 to 65535.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>False, with nothing taken, when the client's second's worth is used up.</returns>
    public bool TryTake(ClientAddress client, int amount, long now)
    {
        ulong tag = client.Hash(_hash);
        long time = now * (Second / 1000);
        long cost = (amount * Second + perSecond - 1) / perSecond;
        Span<Place> set = _places.AsSpan((int)(tag % Sets) * Ways, Ways);
        while (true)
        {
            ref Place place = ref Choose(set, tag, out bool isClients);
            long seen = Volatile.Read(ref place.EarnedAt);
            long earnedAt = isClients ? Math.Max(seen, time) : time;
            if (earnedAt - time >= Second)
                return false;
            if (Interlocked.CompareExchange(ref place.EarnedAt, earnedAt + cost, seen) != seen)
                continue;
            if (!isClients)
                Volatile.Write(ref place.Tag, tag);
            return true;
        }
    }

    /// <summary>The client's place or, to be taken over, that of the client that has had the least.</summary>
    private static ref Place Choose(Span<Place> set, ulong tag, out bool isClients)
    {
        int least = 0;
        for (int i = 0; i < set.Length; i++)
        {
            isClients = Volatile.Read(ref set[i].Tag) == tag;
            if (isClients)
                return ref set[i];
            if (set[i].EarnedAt < set[least].EarnedAt)
                least = i;
        }

        isClients = false;
        return ref set[least];
    }

    private struct Place
    {
        /// <summary>The client's whole hash, which no two clients of one node share.</summary>
        public ulong Tag;

        /// <summary>Monotonic nanoseconds.</summary>
        public long EarnedAt;
    }
}

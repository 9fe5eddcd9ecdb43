namespace Agent.Dns;

/// <summary>
/// How many questions of each client wait for upstreams, over all threads and both transports. Bounded and without a lock: a fixed table of
/// words, searched under a keyed hash, each a client's tag and its count. A word is free when its count is 0, so who waits keeps it. When all
/// words that a client could have are taken, its question is let through uncounted: other limits bound them all together.
/// </summary>
/// <remarks>
/// This bounds DNSBomb (CVE-2024-33655), where answers are held back to be released together on one client: there are never more than
/// <paramref name="most"/>. Answers that are late are given nevertheless: glibc waits 5 s, so to drop those above 1.9 s, as resolvers on the
/// Internet do, would hurt the clients of slow upstreams.
/// </remarks>
/// <param name="most">Questions of one client, 1 to 65535.</param>
public sealed class ClientsInFlight(int most)
{
    /// <summary>The place of a question that is not counted.</summary>
    public const int NoPlace = -1;

    private const int Sets = 2048;
    private const int Ways = 8;
    private const ulong CountMask = 0xFFFF;

    private readonly SipHash _hash = SipHash.CreateRandom();
    private readonly ulong[] _words = new ulong[Sets * Ways];
    private volatile int _most = most;

    /// <summary>Sets another bound; who has more on its way already keeps it.</summary>
    /// <inheritdoc cref="ClientsInFlight" path="/param"/>
    public void Limit(int most) => _most = most;

    /// <summary>Counts one more question of a client.</summary>
    /// <param name="place">What <see cref="Leave"/> is to be given, once, when the question no longer waits.</param>
    /// <returns>False, with nothing counted, when the client has its fill.</returns>
    public bool TryEnter(ClientAddress client, out int place)
    {
        ulong hash = client.Hash(_hash);
        int set = (int)(hash % Sets) * Ways;
        ulong tag = hash & ~CountMask;
        while (true)
        {
            place = Choose(set, tag, out ulong seen);
            if (place == NoPlace)
                return true;
            ulong count = (seen & ~CountMask) == tag ? seen & CountMask : 0;
            if (count >= (ulong)_most)
                return false;
            if (Interlocked.CompareExchange(ref _words[place], tag | (count + 1), seen) == seen)
                return true;
        }
    }

    public void Leave(int place)
    {
        if (place != NoPlace)
            Interlocked.Decrement(ref _words[place]);
    }

    /// <summary>The client's word, or else a free one, or <see cref="NoPlace"/>.</summary>
    private int Choose(int set, ulong tag, out ulong seen)
    {
        int place = NoPlace;
        seen = 0;
        for (int i = set; i < set + Ways; i++)
        {
            ulong word = Volatile.Read(ref _words[i]);
            bool isClients = (word & ~CountMask) == tag;
            if (!isClients && (place != NoPlace || (word & CountMask) != 0))
                continue;
            (place, seen) = (i, word);
            if (isClients)
                break;
        }

        return place;
    }
}

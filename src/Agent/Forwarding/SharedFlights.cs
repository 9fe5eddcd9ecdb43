using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>What a thread's flight is to the other threads.</summary>
internal enum FlightShare : byte
{
    /// <summary>They do not know of it.</summary>
    Alone,

    /// <summary>It is the one that asks; theirs may wait for it.</summary>
    Owner,

    /// <summary>It waits for another thread's.</summary>
    Follower,
}

/// <summary>
/// Which questions are on their way in any thread, so that identical misses of all threads cost one upstream query (A3): a table of keyed hashes, claimed
/// and freed without a lock. A question whose place another one has is simply not shared. For all threads.
/// </summary>
internal sealed class SharedFlights : IDisposable
{
    private const int SlotCount = 1 << 14;
    private const int OwnerCount = 128;
    private const ulong Claimed = 1;
    private const ulong TagMask = ~(SlotCount - 1ul); // below, where a slot's hashes are alike: a count of its claims, the owner's number, whether it is claimed
    private const ulong CountMask = TagMask ^ ~0xFFul;
    private const ulong OneClaim = 0x100;
    private const long Silence = 400; // milliseconds, eight ticks

    private readonly Slot[] _slots = new Slot[SlotCount];
    private readonly long[] _seen = new long[OwnerCount];
    private readonly List<WakeEvent> _threads = [];

    /// <summary>Hashes the key of a flight. One for all threads, and secret, so that nobody can make questions share a place.</summary>
    public SipHash Hash { get; } = SipHash.CreateRandom();

    /// <summary>Makes a thread known that is to be woken when what it follows has ended. Before the first of them starts.</summary>
    /// <returns>The thread's number.</returns>
    /// <exception cref="System.ComponentModel.Win32Exception">No descriptor is left.</exception>
    public int Register(Poller poller, ulong token)
    {
        WakeEvent wake = WakeEvent.Open();
        _threads.Add(wake);
        poller.Add(wake, token);
        return _threads.Count - 1;
    }

    /// <summary>Takes a question for a thread, or notes that the thread waits for the one that has it.</summary>
    /// <param name="seen">What stood here before: of a follower, the claim that it follows.</param>
    public FlightShare Claim(ulong hash, int thread, out ulong seen)
    {
        ref Slot slot = ref SlotOf(hash);
        ulong tag = hash & TagMask;
        while (true)
        {
            seen = Volatile.Read(ref slot.State);
            if ((seen & Claimed) == 0)
            {
                ulong count = (seen + OneClaim) & CountMask;
                if (Interlocked.CompareExchange(ref slot.State, tag | count | OwnerOf(thread) | Claimed, seen) == seen)
                    return FlightShare.Owner;
                continue;
            }

            if (!WasLast(hash, seen))
                return FlightShare.Alone;
            Interlocked.Or(ref slot.Waiting, BitOf(thread));
            // Freed in between, its owner may not have seen the bit. One that is left over wakes in vain, once.
            if (Volatile.Read(ref slot.State) == seen)
                return FlightShare.Follower;
        }
    }

    /// <summary>Whether the same question was the last in its place: then its answer may have come since the thread looked.</summary>
    /// <param name="seen">From <see cref="Claim"/>.</param>
    public static bool WasLast(ulong hash, ulong seen) => (seen & TagMask) == (hash & TagMask);

    /// <summary>Whether a claim that a thread follows is still held, and not ended, or ended and taken anew.</summary>
    public bool IsHeld(ulong hash, ulong followed) => Volatile.Read(ref SlotOf(hash).State) == followed;

    /// <summary>Frees what <see cref="Claim"/> took, after its outcome is in the cache, and wakes those who wait.</summary>
    public void Release(ulong hash)
    {
        ref Slot slot = ref SlotOf(hash);
        // A full fence between freeing and looking for those who wait, as Claim has one between noting and looking again.
        Interlocked.Exchange(ref slot.State, (hash & TagMask) | (Volatile.Read(ref slot.State) & CountMask));
        if (Volatile.Read(ref slot.Waiting) != 0)
            Wake(Interlocked.Exchange(ref slot.Waiting, 0));
    }

    /// <summary>Forgets the calls to a thread so far; before it looks at what it follows.</summary>
    public void Clear(int thread) => _threads[thread].Clear();

    /// <summary>Notes that a thread makes progress.</summary>
    public void Beat(int thread, long now) => Volatile.Write(ref _seen[thread % OwnerCount], now);

    /// <summary>Whether the thread whose claim is followed made progress lately: then it will say how that ends.</summary>
    public bool IsOwnerAlive(ulong hash, ulong followed, long now) =>
        IsHeld(hash, followed) && now - Volatile.Read(ref _seen[(int)(followed >> 1 & (OwnerCount - 1))]) < Silence;

    /// <summary>Only after the last thread has ended: a wake must not reach what has the descriptor next.</summary>
    public void Dispose()
    {
        foreach (WakeEvent wake in _threads)
            wake.Close();
        _threads.Clear();
    }

    private static ulong OwnerOf(int thread) => (ulong)(thread % OwnerCount) << 1;

    // More than 64 threads share bits: the wrong one wakes too, and finds nothing.
    private static ulong BitOf(int thread) => 1ul << (thread & 63);

    private ref Slot SlotOf(ulong hash) => ref _slots[hash & (SlotCount - 1)];

    private void Wake(ulong waiting)
    {
        for (int thread = 0; thread < _threads.Count; thread++)
        {
            if ((waiting & BitOf(thread)) != 0)
                _threads[thread].Set();
        }
    }

    private struct Slot
    {
        public ulong State; // the hash that has it, or had it last
        public ulong Waiting; // a bit for each thread that follows
    }
}

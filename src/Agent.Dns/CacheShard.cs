namespace Agent.Dns;

/// <summary>
/// One part of the cache: a table with open addressing, so that a look-up touches one slot and the entry. Eviction is S3-FIFO (Yang et al., SOSP
/// 2023): a new entry waits in a small queue, a tenth of the budget, and reaches the main queue only when it is asked for again, there or soon
/// after it was dropped. A flood of names asked once passes through the small queue and never touches the main one.
/// </summary>
internal sealed partial class CacheShard(long budget)
{
    private const int FirstCapacity = 64;
    private const int SlotSize = 96; // bytes: a slot, the free ones beside it after a doubling, its ghost and its place in a queue
    private const byte MaxFrequency = 3;
    private const byte PromoteFrequency = 1;

    private readonly Lock _writes = new();
    private readonly Queue<ulong> _small = new(); // hashes, oldest first
    private readonly Queue<ulong> _main = new();
    private long _smallBytes;
    private long _mainBytes;
    private uint[] _ghosts = new uint[FirstCapacity]; // fingerprints of what the small queue dropped lately
    private Slot[] _slots = new Slot[FirstCapacity];

    public int Count { get; private set; }

    public long Bytes => Volatile.Read(ref _smallBytes) + Volatile.Read(ref _mainBytes);

    /// <summary>How many of the entries are denials.</summary>
    public int DenialCount { get; private set; }

    /// <summary>Dropped for want of room: by a small queue, as nobody asked for it a second time.</summary>
    public long EvictedOnce { get; private set; }

    /// <summary>Dropped for want of room: by the main queue, as nobody asked for it lately.</summary>
    public long EvictedCold { get; private set; }

    /// <summary>Dropped because somebody said so.</summary>
    public long Invalidated { get; private set; }

    /// <summary>
    /// Finds the entry, fresh or not. Takes no lock: while another thread moves slots it may see an entry twice or, rarely, not at all, and never a
    /// wrong one, because the question is compared.
    /// </summary>
    /// <param name="isPopular">Whether it has been asked for again and again.</param>
    public bool TryFind(ulong hash, in Query query, out CacheEntry entry, out bool isPopular)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        for (int i = 0, at = (int)hash; i < slots.Length; i++, at++)
        {
            ref Slot slot = ref slots[at & (slots.Length - 1)];
            byte[]? bytes = Volatile.Read(ref slot.Bytes);
            if (bytes == null)
                break;
            if (slot.Hash != hash)
                continue;
            entry = new CacheEntry(bytes);
            if (!entry.Answers(query))
                continue;
            // Threads may lose each other's counts, which does no harm; a hot slot is not written at all.
            isPopular = slot.Frequency >= MaxFrequency;
            if (!isPopular)
                slot.Frequency++;
            return true;
        }

        entry = default;
        isPopular = false;
        return false;
    }

    /// <summary>The entry that a hash has, without counting that somebody looked; none when there is none.</summary>
    public CacheEntry Peek(ulong hash)
    {
        lock (_writes)
        {
            int at = IndexOf(hash);
            return at < 0 ? default : new CacheEntry(_slots[at].Bytes!);
        }
    }

    /// <summary>Reads the slot that a hash would stand in.</summary>
    public int FetchSlot(ulong hash)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        return (int)slots[(int)hash & (slots.Length - 1)].Hash;
    }

    /// <summary>Reads the first and the last byte of the entry that a hash has; those between come along.</summary>
    public int FetchEntry(ulong hash)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        for (int i = 0, at = (int)hash; i < slots.Length; i++, at++)
        {
            ref Slot slot = ref slots[at & (slots.Length - 1)];
            byte[]? bytes = Volatile.Read(ref slot.Bytes);
            if (bytes == null)
                break;
            if (slot.Hash == hash)
                return bytes[0] + bytes[^1];
        }

        return 0;
    }

    public void Store(ulong hash, CacheEntry entry)
    {
        lock (_writes)
        {
            int at = IndexOf(hash);
            bool isTooLarge = entry.Size + SlotSize > budget / 2;
            if (at >= 0 && isTooLarge)
                Forget(at);
            else if (at >= 0)
                Replace(ref _slots[at], entry);
            else if (!isTooLarge)
                Add(hash, entry);
            // What is removed leaves its hash in a queue; those must not pile up either.
            while (Bytes > budget || _small.Count + _main.Count > 2 * Count + FirstCapacity)
                Evict();
        }
    }

    /// <summary>Drops an entry, if there is one.</summary>
    public void Remove(ulong hash)
    {
        lock (_writes)
        {
            int at = IndexOf(hash);
            if (at >= 0)
                Forget(at);
        }
    }

    /// <summary>The entries whose names are in a zone.</summary>
    public List<(CacheEntry Entry, bool IsPopular)> Find(byte[] zone)
    {
        List<(CacheEntry, bool)> found = [];
        lock (_writes)
        {
            foreach (ref Slot slot in _slots.AsSpan())
            {
                if (slot.Bytes != null && DnsName.IsInZone(new CacheEntry(slot.Bytes).Name, zone))
                    found.Add((new CacheEntry(slot.Bytes), slot.Frequency >= MaxFrequency));
            }
        }

        return found;
    }

    /// <summary>Drops the entries whose names are in a zone.</summary>
    /// <returns>Their number.</returns>
    public int Flush(byte[] zone)
    {
        lock (_writes)
        {
            // Hashes first: dropping one moves others.
            List<ulong> hashes = [];
            foreach (ref Slot slot in _slots.AsSpan())
            {
                if (slot.Bytes != null && DnsName.IsInZone(new CacheEntry(slot.Bytes).Name, zone))
                    hashes.Add(slot.Hash);
            }

            foreach (ulong hash in hashes)
                Forget(IndexOf(hash));
            return hashes.Count;
        }
    }

    private ref uint Ghost(ulong hash) => ref _ghosts[(int)hash & (_ghosts.Length - 1)];

    private ref long BytesOf(bool inMain) => ref inMain ? ref _mainBytes : ref _smallBytes;

    /// <summary>The slot of a hash, -1 when it has none. Two questions with one keyed 64-bit hash replace each other.</summary>
    private int IndexOf(ulong hash)
    {
        for (int at = (int)hash; ; at++)
        {
            ref Slot slot = ref _slots[at & (_slots.Length - 1)];
            if (slot.Bytes == null)
                return -1;
            if (slot.Hash == hash)
                return at & (_slots.Length - 1);
        }
    }

    private void Forget(int at)
    {
        BytesOf(_slots[at].InMain) -= new CacheEntry(_slots[at].Bytes!).Size + SlotSize;
        RemoveAt(at);
        Invalidated++;
    }

    private void Replace(ref Slot slot, CacheEntry entry)
    {
        CacheEntry before = new(slot.Bytes!);
        BytesOf(slot.InMain) += entry.Size - before.Size;
        DenialCount += (entry.IsDenial ? 1 : 0) - (before.IsDenial ? 1 : 0);
        Volatile.Write(ref slot.Bytes, entry.Array);
    }

    private void Add(ulong hash, CacheEntry entry)
    {
        ref uint ghost = ref Ghost(hash);
        bool wasDropped = ghost == Fingerprint(hash);
        if (wasDropped)
            ghost = 0;
        Add(hash, entry, inMain: wasDropped);
    }

    private void Add(ulong hash, CacheEntry entry, bool inMain)
    {
        if (4 * (Count + 1) > 3 * _slots.Length)
            Grow();
        Insert(_slots, new Slot { Hash = hash, Bytes = entry.Array, InMain = inMain });
        Enqueue(hash, inMain, entry.Size);
        Count++;
        DenialCount += entry.IsDenial ? 1 : 0;
    }

    private void Grow()
    {
        Slot[] grown = new Slot[2 * _slots.Length];
        foreach (Slot slot in _slots)
        {
            if (slot.Bytes != null)
                Insert(grown, slot);
        }

        Volatile.Write(ref _slots, grown);
        _ghosts = new uint[grown.Length];
    }

    private static void Insert(Slot[] slots, Slot added)
    {
        int at = (int)added.Hash;
        while (slots[at & (slots.Length - 1)].Bytes != null)
            at++;
        ref Slot slot = ref slots[at & (slots.Length - 1)];
        slot.Hash = added.Hash;
        slot.Frequency = added.Frequency;
        slot.InMain = added.InMain;
        Volatile.Write(ref slot.Bytes, added.Bytes); // last: it makes the slot visible
    }

    private void Enqueue(ulong hash, bool inMain, int size)
    {
        (inMain ? _main : _small).Enqueue(hash);
        BytesOf(inMain) += size + SlotSize;
    }

    private void Evict()
    {
        bool fromSmall = _main.Count == 0 || (_small.Count > 0 && _smallBytes > budget / 10);
        ulong hash = (fromSmall ? _small : _main).Dequeue();
        int at = IndexOf(hash);
        if (at < 0 || _slots[at].InMain == fromSmall)
            return; // removed since, or removed and stored anew: then it stands in its queue once more
        ref Slot slot = ref _slots[at];
        int size = new CacheEntry(slot.Bytes!).Size;
        BytesOf(inMain: !fromSmall) -= size + SlotSize;
        if (slot.Frequency >= PromoteFrequency)
        {
            slot.Frequency = fromSmall ? (byte)0 : (byte)(slot.Frequency - 1);
            slot.InMain = true;
            Enqueue(hash, inMain: true, size);
            return;
        }

        if (fromSmall)
            Ghost(hash) = Fingerprint(hash);
        RemoveAt(at);
        EvictedOnce += fromSmall ? 1 : 0;
        EvictedCold += fromSmall ? 0 : 1;
    }

    /// <summary>Empties a slot and moves back those behind it that stood there only because it was taken (Knuth 6.4, algorithm R).</summary>
    private void RemoveAt(int at)
    {
        int mask = _slots.Length - 1;
        DenialCount -= new CacheEntry(_slots[at].Bytes!).IsDenial ? 1 : 0;
        for (int next = (at + 1) & mask; _slots[next].Bytes != null; next = (next + 1) & mask)
        {
            int home = (int)_slots[next].Hash & mask;
            if (((next - home) & mask) < ((next - at) & mask))
                continue;
            _slots[at].Hash = _slots[next].Hash;
            _slots[at].Frequency = _slots[next].Frequency;
            _slots[at].InMain = _slots[next].InMain;
            Volatile.Write(ref _slots[at].Bytes, _slots[next].Bytes);
            at = next;
        }

        Volatile.Write(ref _slots[at].Bytes, null);
        Count--;
    }

    private static uint Fingerprint(ulong hash) => (uint)(hash >> 24) | 1;

    private struct Slot
    {
        public ulong Hash;
        public byte[]? Bytes; // null: free
        public byte Frequency; // how often it was asked for, up to three
        public bool InMain;
    }
}

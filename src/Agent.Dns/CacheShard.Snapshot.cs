namespace Agent.Dns;

// Over a restart: what is worth keeping, and taking it back.
internal sealed partial class CacheShard
{
    /// <summary>Ranks of <see cref="Ranked"/>.</summary>
    public const int RankCount = 2 * (MaxFrequency + 1);

    /// <summary>The entries of one rank: 0 for those asked for most; of those asked for as often, the main queue before the small one.</summary>
    public List<CacheEntry> Ranked(int rank)
    {
        bool inMain = rank % 2 == 0;
        int frequency = MaxFrequency - rank / 2;
        List<CacheEntry> found = [];
        lock (_writes)
        {
            foreach (ref Slot slot in _slots.AsSpan())
            {
                if (slot.Bytes != null && slot.InMain == inMain && Math.Min(slot.Frequency, MaxFrequency) == frequency)
                    found.Add(new CacheEntry(slot.Bytes));
            }
        }

        return found;
    }

    /// <summary>Takes back an entry that was asked for before a restart, so that it need not prove itself again. What is known already stays.</summary>
    /// <returns>False when there is no room, or something newer.</returns>
    public bool TryRestore(ulong hash, CacheEntry entry)
    {
        lock (_writes)
        {
            if (IndexOf(hash) >= 0 || Bytes + entry.Size + SlotSize > budget)
                return false;
            Add(hash, entry, inMain: true);
            return true;
        }
    }
}

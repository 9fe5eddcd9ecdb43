namespace Agent.Dns;

// Over a restart: what is worth keeping, and taking it back.
public sealed partial class ResponseCache
{
    /// <summary>All answers that may still be given, those asked for most first; kept failures are none.</summary>
    internal IEnumerable<CacheEntry> MostAsked(long now) =>
        Enumerable.Range(0, CacheShard.RankCount).SelectMany(rank => _shards.SelectMany(shard => shard.Ranked(rank)))
            .Where(entry => entry.Failures == 0 && entry.ExpiredFor(now) < _staleMilliseconds);

    /// <summary>Takes back an answer of before, unless it is of no use any more or something newer is known.</summary>
    /// <param name="entry">Stored at the time that its age gives it, which may be before the clock began.</param>
    internal bool TryRestore(ReadOnlySpan<byte> key, CacheEntry entry, long now)
    {
        if (entry.Lifetime == 0 || entry.ExpiredFor(now) >= _staleMilliseconds)
            return false;
        ushort type = entry.CoversAllTypes ? NoType : (ushort)((key[^2] << 8) | key[^1]);
        ulong hash = WithType(_hash.Compute(key[..^2]), type);
        return Shard(hash).TryRestore(hash, entry);
    }
}

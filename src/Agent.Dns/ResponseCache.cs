using System.Numerics;

namespace Agent.Dns;

/// <summary>
/// The answers of all zones under one budget of memory. Look-ups take no lock and write nothing but, for a name that is getting hot, a small
/// counter; stores lock one shard. For all threads.
/// </summary>
public sealed class ResponseCache
{
    private const int ShardCount = 16;
    private const int MeanEntrySize = 256;

    private readonly CacheShard[] _shards = new CacheShard[ShardCount];
    private readonly SipHash _hash = SipHash.CreateRandom();
    private readonly int _shardShift = 64 - BitOperations.Log2(ShardCount);
    private readonly long _staleMilliseconds;

    /// <param name="memory">The budget in bytes for entries and their bookkeeping.</param>
    /// <param name="serveStale">How long an expired answer is still given when no upstream answers (RFC 8767).</param>
    public ResponseCache(long memory, TimeSpan serveStale)
    {
        _staleMilliseconds = (long)serveStale.TotalMilliseconds;
        int buckets = (int)BitOperations.RoundUpToPowerOf2((ulong)(memory / ShardCount / MeanEntrySize));
        for (int i = 0; i < ShardCount; i++)
            _shards[i] = new CacheShard(memory / ShardCount, Math.Min(buckets, 1 << 24));
    }

    public long Count => _shards.Sum(shard => (long)shard.Count);

    public long Bytes => _shards.Sum(shard => shard.Bytes);

    public long Evictions => _shards.Sum(shard => shard.Evictions);

    /// <summary>Writes the reply from a fresh entry.</summary>
    /// <param name="reply">As long as the reply may be.</param>
    /// <param name="length">The reply's length in bytes.</param>
    /// <returns>False on a miss.</returns>
    public bool TryAnswer(in Query query, long now, Span<byte> reply, out int length)
    {
        if (TryFind(query, out CacheEntry entry) && entry.ExpiredFor(now) < 0)
        {
            length = entry.WriteTo(query, now, reply);
            return true;
        }

        length = 0;
        return false;
    }

    /// <summary>Finds what may be served although it expired, because no upstream answers.</summary>
    public bool TryFindStale(in Query query, long now, out CacheEntry entry) =>
        TryFind(query, out entry) && entry.ExpiredFor(now) < _staleMilliseconds;

    /// <summary>Stores an answer, in place of an older one to the same question.</summary>
    public void Store(ReadOnlySpan<byte> key, CacheEntry entry)
    {
        if (entry.Lifetime == 0)
            return;
        ulong nameHash = _hash.Compute(key[..^2]);
        ulong hash = WithType(nameHash, entry.CoversAllTypes ? (ushort)0 : (ushort)((key[^2] << 8) | key[^1]));
        Shard(hash).Store(hash, entry, key.Length - 5);
    }

    private bool TryFind(in Query query, out CacheEntry entry)
    {
        ulong nameHash = _hash.Compute(query.Key[..^2]);
        ulong hash = WithType(nameHash, query.Type);
        if (Shard(hash).TryFind(hash, query, out entry))
            return true;
        hash = WithType(nameHash, 0); // where an NXDOMAIN, which covers every type, is kept
        return Shard(hash).TryFind(hash, query, out entry);
    }

    // The multiplier is odd, so distinct types of one name never meet; between names the keyed hash decides.
    private static ulong WithType(ulong nameHash, ushort type) => nameHash + type * 0x9E3779B97F4A7C15;

    private CacheShard Shard(ulong hash) => _shards[hash >> _shardShift];
}

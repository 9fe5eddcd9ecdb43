using System.Numerics;

namespace Agent.Dns;

/// <summary>
/// The answers of all zones under one budget of memory. Look-ups take no lock and write nothing but, for a name that is getting hot, a small
/// counter; stores lock one shard. For all threads.
/// </summary>
public sealed partial class ResponseCache
{
    private const int ShardCount = 16;
    private const ushort NoType = 0; // under which an NXDOMAIN, which covers every type, is kept
    private const long StaleRecheck = 30_000; // milliseconds

    private readonly CacheShard[] _shards = new CacheShard[ShardCount];
    private readonly SipHash _hash = SipHash.CreateRandom();
    private readonly int _shardShift = 64 - BitOperations.Log2(ShardCount);
    private readonly long _staleMilliseconds;

    /// <param name="memory">The budget in bytes for entries and their bookkeeping.</param>
    /// <param name="serveStale">How long an expired answer is still given when no upstream answers (RFC 8767).</param>
    public ResponseCache(long memory, TimeSpan serveStale)
    {
        _staleMilliseconds = (long)serveStale.TotalMilliseconds;
        for (int i = 0; i < ShardCount; i++)
            _shards[i] = new CacheShard(memory / ShardCount);
    }

    private static ReadOnlySpan<ushort> AskedTypes =>
    [
        NoType, RecordType.A, RecordType.Ns, RecordType.Cname, RecordType.Soa, RecordType.Ptr, RecordType.Mx, RecordType.Txt, RecordType.Aaaa,
        RecordType.Srv, RecordType.Naptr, RecordType.Svcb, RecordType.Https, RecordType.Any,
    ];

    public long Count => _shards.Sum(shard => (long)shard.Count);

    public long Bytes => _shards.Sum(shard => shard.Bytes);

    /// <summary>Entries that say that there is no such name or data.</summary>
    public long DenialCount => _shards.Sum(shard => (long)shard.DenialCount);

    /// <summary>Entries dropped for want of memory.</summary>
    public long Evictions => EvictedOnce + EvictedCold;

    /// <summary>Those of them that nobody asked for a second time.</summary>
    public long EvictedOnce => _shards.Sum(shard => shard.EvictedOnce);

    /// <summary>Those that were popular once.</summary>
    public long EvictedCold => _shards.Sum(shard => shard.EvictedCold);

    /// <summary>Entries dropped because they were not true any more, or flushed.</summary>
    public long Invalidated => _shards.Sum(shard => shard.Invalidated);

    /// <summary>The hash of a question's name, class and flags, under which its answers of all types are found.</summary>
    public ulong NameHash(in Query query) => _hash.Compute(query.Key[..^2]);

    /// <summary>
    /// Reads what the answers to a batch of questions stand in, all slots first and then all entries: the CPU waits for memory once for many of
    /// them, where answering one after the other would wait two times for each.
    /// </summary>
    /// <param name="hashes">Of the questions with their types, <see cref="WithType"/>.</param>
    /// <returns>A number without meaning: who keeps it keeps the compiler from leaving the reads out.</returns>
    public int Fetch(ReadOnlySpan<ulong> hashes)
    {
        int read = 0;
        foreach (ulong hash in hashes)
            read += Shard(hash).FetchSlot(hash);
        foreach (ulong hash in hashes)
            read += Shard(hash).FetchEntry(hash);
        return read;
    }

    /// <summary>Writes the reply from an entry that is fresh, or that no upstream could renew a short while ago.</summary>
    /// <param name="nameHash"><see cref="NameHash"/> of the query.</param>
    /// <param name="reply">As long as the reply may be.</param>
    /// <param name="length">The reply's length in bytes.</param>
    /// <param name="isRefreshDue">Whether the entry is about to expire and has been asked for more than once.</param>
    /// <returns>False on a miss.</returns>
    public bool TryAnswer(in Query query, ulong nameHash, long now, Span<byte> reply, out int length, out bool isRefreshDue)
    {
        isRefreshDue = false;
        length = 0;
        if (!TryFind(query, nameHash, now, out CacheEntry entry, out bool isPopular) || (entry.ExpiredFor(now) >= 0 && now >= entry.RetryAt))
            return false;
        isRefreshDue = isPopular && entry.IsRefreshDue(now);
        length = entry.WriteTo(query, now, reply);
        return true;
    }

    /// <summary>Finds what may be served although it expired, because no upstream answers.</summary>
    public bool TryFindStale(in Query query, long now, out CacheEntry entry) =>
        TryFind(query, NameHash(query), now, out entry, out _) && entry.Failures == 0 && entry.ExpiredFor(now) < _staleMilliseconds;

    /// <summary>Whether there is something that <see cref="TryFindStale"/> finds.</summary>
    public bool HasStale(ReadOnlySpan<byte> key, long now) => TryFindStale(Query.OfKey(key), now, out _);

    /// <summary>Finds what another thread learned of a question since this one had none: a fresh answer, or that no upstream gave one.</summary>
    /// <param name="entry">None in the latter case.</param>
    public bool TryFindOutcome(ReadOnlySpan<byte> key, long now, out CacheEntry entry)
    {
        Query query = Query.OfKey(key);
        if (!TryFind(query, NameHash(query), now, out entry, out _))
            return false;
        bool isFresh = entry.ExpiredFor(now) < 0;
        bool isAnswer = isFresh && entry.Failures == 0;
        bool isKept = isFresh || now < entry.RetryAt;
        if (!isAnswer)
            entry = default;
        return isKept;
    }

    /// <summary>
    /// Notes that no upstream answered. An answer that is still usable stays, and is served without asking for a while (RFC 8767 section 5: 30 s);
    /// else the failure itself is kept, longer each time (RFC 9520).
    /// </summary>
    public void StoreFailure(ReadOnlySpan<byte> key, long now)
    {
        Query query = Query.OfKey(key);
        bool isKnown = TryFind(query, NameHash(query), now, out CacheEntry known, out _);
        if (isKnown && known.Failures == 0 && known.ExpiredFor(now) < _staleMilliseconds)
            Store(key, known.WithRetryAt(now + StaleRecheck));
        else if (!isKnown || known.Failures == 0 || known.ExpiredFor(now) >= 0) // else two threads' flights failed as one, and count once
            Store(key, CacheEntry.CreateFailure(key, isKnown && IsRecent(known, now) ? known.Failures + 1 : 1, now));
    }

    /// <summary>Stores an answer, in place of an older one to the same question; with a lifetime of 0 only removes that.</summary>
    public void Store(ReadOnlySpan<byte> key, CacheEntry entry)
    {
        ulong nameHash = _hash.Compute(key[..^2]);
        ulong absence = WithType(nameHash, NoType);
        ulong hash = WithType(nameHash, (ushort)((key[^2] << 8) | key[^1]));
        // An answer that may not be kept still ends the life of an older one, and a name that has an answer of any type exists.
        if (entry.Lifetime == 0)
            Shard(hash).Remove(hash);
        if (entry.Lifetime == 0 || (!entry.CoversAllTypes && entry.Failures == 0))
            Shard(absence).Remove(absence);
        if (entry.Lifetime == 0)
            return;
        if (entry.CoversAllTypes)
        {
            // Else a refresh that finds the name gone would leave the old answer in place, due for the next refresh with every query.
            Shard(hash).Remove(hash);
            if (!HasAddress(nameHash, entry.StoredAt))
                hash = absence;
        }

        Shard(hash).Store(hash, entry);
    }

    /// <summary>What is kept at this moment for the names in a zone (the zone's own name too), expired answers included, in no order.</summary>
    /// <param name="zone">Expanded, lower case; the root is all.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public IEnumerable<CachedAnswer> List(byte[] zone, long now) =>
        _shards.SelectMany(shard => shard.Find(zone)).Select(found => CachedAnswer.Of(found.Entry, found.IsPopular, now));

    /// <summary>Drops what is kept for the names in a zone, the zone's own name too.</summary>
    /// <param name="zone">Expanded, lower case; the root is all.</param>
    /// <returns>The number of answers dropped.</returns>
    public int Flush(byte[] zone) => _shards.Sum(shard => shard.Flush(zone));

    /// <summary>
    /// Drops what is kept for one name, its absence too, without a scan: the answers to questions for the types that clients ask for. What is kept
    /// for other types (a CAA record, say) stays until it expires.
    /// </summary>
    /// <param name="name">Expanded, lower case.</param>
    public void Remove(ReadOnlySpan<byte> name)
    {
        Span<byte> key = stackalloc byte[DnsName.MaxLength + 3];
        name.CopyTo(key);
        key = key[..(name.Length + 3)];
        key[^3] = 0;
        key[^2] = 1; // class IN; no other is kept
        for (KeyFlags flags = KeyFlags.None; flags <= (KeyFlags.DnssecOk | KeyFlags.CheckingDisabled); flags++)
        {
            key[^1] = (byte)flags;
            ulong nameHash = _hash.Compute(key);
            foreach (ushort type in AskedTypes)
            {
                ulong hash = WithType(nameHash, type);
                Shard(hash).Remove(hash);
            }
        }
    }

    /// <summary>What <see cref="TryAnswer"/> answers with, without a trace; none on a miss.</summary>
    internal CacheEntry Peek(in Query query, long now)
    {
        ulong nameHash = NameHash(query);
        CacheEntry best = default;
        foreach (ushort type in (ReadOnlySpan<ushort>)[query.Type, NoType])
        {
            ulong hash = WithType(nameHash, type);
            CacheEntry entry = Shard(hash).Peek(hash);
            if (!entry.IsNone && entry.Answers(query) && (best.IsNone || (best.ExpiredFor(now) >= 0 && entry.StoredAt >= best.StoredAt)))
                best = entry;
        }

        return !best.IsNone && (best.ExpiredFor(now) < 0 || now < best.RetryAt) ? best : default;
    }

    /// <summary>Finds the fresh answer of the question; else the younger of an expired one and the knowledge that the name does not exist.</summary>
    private bool TryFind(in Query query, ulong nameHash, long now, out CacheEntry entry, out bool isPopular)
    {
        ulong hash = WithType(nameHash, query.Type);
        bool isFound = Shard(hash).TryFind(hash, query, out entry, out isPopular);
        if (isFound && entry.ExpiredFor(now) < 0)
            return true;
        hash = WithType(nameHash, NoType);
        if (!Shard(hash).TryFind(hash, query, out CacheEntry absence, out bool isAbsencePopular) || (isFound && entry.StoredAt > absence.StoredAt))
            return isFound;
        entry = absence;
        isPopular = isAbsencePopular;
        return true;
    }

    /// <summary>
    /// Whether a name has a fresh address: then an NXDOMAIN is of one type alone. Servers that say both at once are wrong (RFC 8020 section 2), and common: CoreDNS
    /// with a <c>template IN A</c>. For pods, which ask for A and AAAA together, such a name must not come and go.
    /// </summary>
    private bool HasAddress(ulong nameHash, long now)
    {
        foreach (ushort type in (ReadOnlySpan<ushort>)[RecordType.A, RecordType.Aaaa])
        {
            ulong hash = WithType(nameHash, type);
            CacheEntry known = Shard(hash).Peek(hash);
            if (!known.IsNone && !known.IsDenial && known.Failures == 0 && known.ExpiredFor(now) < 0)
                return true;
        }

        return false;
    }

    /// <summary>Whether a kept failure is the last of a row, and not the memory of one that ended long ago.</summary>
    private static bool IsRecent(CacheEntry failure, long now) => failure.Failures > 0 && failure.ExpiredFor(now) < 1000L * failure.Lifetime;

    /// <summary>The hash of one question about a name.</summary>
    // The multiplier is odd, so distinct types of one name never meet; between names the keyed hash decides.
    public static ulong WithType(ulong nameHash, ushort type) => nameHash + type * 0x9E3779B97F4A7C15;

    private CacheShard Shard(ulong hash) => _shards[hash >> _shardShift];
}

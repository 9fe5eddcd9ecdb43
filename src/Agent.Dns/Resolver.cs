namespace Agent.Dns;

/// <summary>Decides what one client's query gets. One for each serving thread.</summary>
/// <param name="isUdp">Whether the client's UDP size and the datagram limit bound the reply.</param>
/// <param name="own">What the configuration says of names; null when nothing.</param>
public sealed class Resolver(ResponseCache cache, ServingCounters counters, bool isUdp, OwnNames? own = null)
{
    /// <summary>What <see cref="Answer"/> returns when an upstream must be asked.</summary>
    public const int Forward = -1;

    /// <summary>Queries that can be read before the first is answered.</summary>
    public const int MaxBatch = 64;

    private readonly byte[] _keys = new byte[MaxBatch * Query.MaxKeyLength];
    private readonly Lane[] _lanes = new Lane[MaxBatch];
    private readonly ulong[] _hashes = new ulong[MaxBatch];
    private bool _isRefreshDue;
    private int _fetched;

    /// <summary>Whether the last answer should be renewed before it expires: somebody will ask for it again.</summary>
    public bool IsRefreshDue => _isRefreshDue;

    /// <summary>Reads one query of a batch, to be answered by <see cref="Answer(int, ReadOnlySpan{byte}, long, Span{byte}, out Query)"/>.</summary>
    /// <param name="lane">Its place in the batch, below <see cref="MaxBatch"/>.</param>
    /// <param name="message">The query as it came.</param>
    public void Read(int lane, ReadOnlySpan<byte> message)
    {
        ref Lane read = ref _lanes[lane];
        read.IsQuery = Query.TryParse(message, KeyOf(lane), out Query query);
        read.Fields = query.Fields;
        read.NameHash = query.Key.IsEmpty ? 0 : cache.NameHash(query);
        _hashes[lane] = query.Key.IsEmpty ? 0 : ResponseCache.WithType(read.NameHash, query.Type);
    }

    /// <summary>Has the CPU fetch what the first <paramref name="count"/> queries that were read will be answered from.</summary>
    public void Fetch(int count) => _fetched += cache.Fetch(_hashes.AsSpan(0, count));

    /// <summary>Reads one query and answers it from what the node knows.</summary>
    /// <inheritdoc cref="Answer(int, ReadOnlySpan{byte}, long, Span{byte}, out Query)"/>
    public int Answer(ReadOnlySpan<byte> message, long now, Span<byte> reply, out Query query)
    {
        Read(0, message);
        return Answer(0, message, now, reply, out query);
    }

    /// <summary>Answers a query that was read from what the node knows.</summary>
    /// <param name="message">The same message again.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="reply">Room for the reply.</param>
    /// <param name="query">The query, valid until its lane is read anew.</param>
    /// <returns>The reply's length in bytes; 0 for silence; <see cref="Forward"/>.</returns>
    public int Answer(int lane, ReadOnlySpan<byte> message, long now, Span<byte> reply, out Query query)
    {
        _isRefreshDue = false;
        ref Lane read = ref _lanes[lane];
        query = Query.Restore(message, KeyOf(lane), read.Fields);
        if (!read.IsQuery)
        {
            counters.Dropped++;
            return 0;
        }

        if (isUdp && query.WantsKeepalive)
            query = query with { WantsKeepalive = false }; // RFC 7828 section 3.2.1: ignored over UDP
        if (query.Error != ResponseCode.NoError)
            return Refuse(query, query.Error, ExtendedError.None, reply);
        if (query.IsOutOfScope)
            return Refuse(query, ResponseCode.Refused, ExtendedError.NotSupported, reply);
        // A client that asks for no recursion probes the cache (A17): cached or not, the answer is the same.
        if (!query.Header.WantsRecursion)
            return Refuse(query, ResponseCode.Refused, ExtendedError.NotAuthoritative, reply);

        // Before the cache: over UDP the same question has another answer than over TCP.
        bool isAnyOverUdp = isUdp && query.Type == RecordType.Any;
        if (own != null && !isAnyOverUdp && own.TryAnswer(query, isUdp, Bound(query, reply), out int length))
        {
            counters.Local++;
            return length;
        }

        if (!isAnyOverUdp && cache.TryAnswer(query, read.NameHash, now, Bound(query, reply), out length, out _isRefreshDue))
        {
            counters.Hits++;
            return length;
        }

        if (SpecialNames.TryAnswer(query, isUdp, Bound(query, reply), out length))
        {
            counters.Local++;
            return length;
        }

        counters.Misses++;
        return Forward;
    }

    /// <summary>Writes the answer that an upstream gave, or what there is instead when <paramref name="entry"/> is none.</summary>
    public int AnswerWith(CacheEntry entry, in Query query, long now, Span<byte> reply) =>
        entry.IsNone ? AnswerWithoutUpstream(query, now, reply) : entry.WriteTo(query, now, Bound(query, reply));

    /// <summary>Answers when no upstream did: with an expired answer if there is one, else with SERVFAIL.</summary>
    public int AnswerWithoutUpstream(in Query query, long now, Span<byte> reply)
    {
        if (cache.TryFindStale(query, now, out CacheEntry entry))
        {
            counters.Stale++;
            return entry.WriteTo(query, now, Bound(query, reply));
        }

        counters.Failed++;
        return Reply.WriteError(query, ResponseCode.ServFail, ExtendedError.NoReachableAuthority, reply);
    }

    private int Refuse(in Query query, ResponseCode code, ExtendedError error, Span<byte> reply)
    {
        counters.Refused++;
        return Reply.WriteError(query, code, error, reply);
    }

    private Span<byte> Bound(in Query query, Span<byte> reply) =>
        isUdp && query.UdpSize < reply.Length ? reply[..query.UdpSize] : reply;

    private Span<byte> KeyOf(int lane) => _keys.AsSpan(lane * Query.MaxKeyLength, Query.MaxKeyLength);

    /// <summary>One query that was read and waits for its answer.</summary>
    private struct Lane
    {
        public bool IsQuery;
        public QueryFields Fields;
        public ulong NameHash;
    }
}

namespace Agent.Dns;

/// <summary>Decides what one client's query gets. One for each serving thread.</summary>
/// <param name="isUdp">Whether the client's UDP size and the datagram limit bound the reply.</param>
/// <param name="rules">Null: none.</param>
/// <param name="cluster">The names of the cluster, and its pods' search lists; null when none is watched.</param>
public sealed partial class Resolver(
    ResponseCache cache, ServingCounters counters, bool isUdp, PublishedRules? rules = null, PublishedNames? cluster = null)
{
    /// <summary>What <see cref="Answer"/> returns when an upstream must be asked.</summary>
    public const int Forward = -1;

    /// <summary>Queries that can be read before the first is answered.</summary>
    public const int MaxBatch = 64;

    private readonly byte[] _keys = new byte[MaxBatch * Query.MaxKeyLength];
    private readonly Lane[] _lanes = new Lane[MaxBatch];
    private readonly ulong[] _hashes = new ulong[MaxBatch];
    private ClientPolicy? _clients = rules?.Current.Clients;
    private OwnNames? _own = rules?.Current.Own;
    private bool _isRefreshDue;
    private bool _isStepDue;
    private int _fetched;

    /// <summary>Whether the last answer should be renewed before it expires: somebody will ask for it again.</summary>
    public bool IsRefreshDue => _isRefreshDue;

    /// <summary>What became of the last query.</summary>
    public Verdict Verdict { get; private set; }

    /// <summary>Goes by the newest rules from now on; not between the reading of a query and its answer.</summary>
    public void TakeRules()
    {
        if (rules != null)
            (_clients, _own, _) = rules.Current;
    }

    /// <summary>Reads one query of a batch, to be answered by <see cref="Answer(int, ReadOnlySpan{byte}, long, Span{byte}, out Query)"/>.</summary>
    /// <param name="lane">Its place in the batch, below <see cref="MaxBatch"/>.</param>
    /// <param name="message">The query as it came.</param>
    /// <param name="client">The address that it came from, 4 or 16 bytes in network order; needed when there is a policy for clients, or search lists.</param>
    public void Read(int lane, ReadOnlySpan<byte> message, ReadOnlySpan<byte> client = default)
    {
        ref Lane read = ref _lanes[lane];
        read.IsQuery = Query.TryParse(message, KeyOf(lane), out Query query);
        read.Fields = query.Fields;
        if (_clients != null || cluster?.Searches != null)
            read.Client = ClientAddress.From(client);
        read.NameHash = query.Key.IsEmpty ? 0 : cache.NameHash(query);
        _hashes[lane] = query.Key.IsEmpty ? 0 : ResponseCache.WithType(read.NameHash, query.Type);
    }

    /// <summary>Has the CPU fetch what the first <paramref name="count"/> queries that were read will be answered from.</summary>
    public void Fetch(int count) => _fetched += cache.Fetch(_hashes.AsSpan(0, count));

    /// <summary>Reads one query and answers it from what the node knows.</summary>
    /// <inheritdoc cref="Answer(int, ReadOnlySpan{byte}, long, Span{byte}, out Query)"/>
    /// <inheritdoc cref="Read" path="/param[@name='client']"/>
    public int Answer(ReadOnlySpan<byte> message, long now, Span<byte> reply, out Query query, ReadOnlySpan<byte> client = default)
    {
        Read(0, message, client);
        return Answer(0, message, now, reply, out query);
    }

    /// <summary>Answers a query that was read from what the node knows.</summary>
    /// <param name="message">The same message again.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="reply">Room for the reply.</param>
    /// <param name="query">The query, valid until its lane is read anew; with <see cref="Forward"/>, it may be under the question of another step of its search walk.</param>
    /// <returns>The reply's length in bytes; 0 for silence; <see cref="Forward"/>.</returns>
    public int Answer(int lane, ReadOnlySpan<byte> message, long now, Span<byte> reply, out Query query)
    {
        _isRefreshDue = _isStepDue = false;
        ref Lane read = ref _lanes[lane];
        query = Query.Restore(message, KeyOf(lane), read.Fields);
        if (!read.IsQuery)
        {
            Count(Verdict.Dropped);
            return 0;
        }

        if (isUdp && query.WantsKeepalive)
            query = query with { WantsKeepalive = false }; // RFC 7828 section 3.2.1: ignored over UDP
        // Before all else, so that who is denied learns nothing (A22), and what is malformed counts too.
        if (_clients != null)
        {
            query = query with { Client = read.Client };
            if (IsTurnedAway(query, now, reply, out int refusal))
                return refusal;
        }

        if (query.Error != ResponseCode.NoError)
            return Refuse(query, query.Error, ExtendedError.None, reply);
        if (query.IsOutOfScope)
            return Refuse(query, ResponseCode.Refused, ExtendedError.NotSupported, reply);
        // A client that asks for no recursion probes the cache (A17): cached or not, the answer is the same.
        if (!query.Header.WantsRecursion)
            return Refuse(query, ResponseCode.Refused, ExtendedError.NotAuthoritative, reply);

        // Before the cache: over UDP the same question has another answer than over TCP.
        bool isAnyOverUdp = isUdp && query.Type == RecordType.Any;
        Verdict verdict;
        if (!isAnyOverUdp && TryAnswerLocally(query, Bound(query, reply), out int length))
            verdict = Verdict.Local;
        else if (!isAnyOverUdp && cache.TryAnswer(query, read.NameHash, now, Bound(query, reply), out length, out _isRefreshDue))
            verdict = Verdict.Hit;
        else
            verdict = SpecialNames.TryAnswer(query, isUdp, Bound(query, reply), out length) ? Verdict.Local : Verdict.Forwarded;

        if (verdict != Verdict.Forwarded && MayWalkOn(reply))
        {
            query = query with { Client = read.Client };
            length = WalkOn(ref query, length, default, now, reply);
            verdict = length == Forward ? Verdict.Forwarded : verdict;
        }

        Count(verdict);
        return verdict == Verdict.Forwarded ? Forward : Deliver(query, length, now, reply);
    }

    /// <summary>Writes the answer that an upstream gave, or what there is instead when <paramref name="entry"/> is none.</summary>
    /// <param name="query">As it was forwarded; afterwards the client's own or, with <see cref="Forward"/>, as it is to be forwarded next.</param>
    /// <returns>The reply's length in bytes; <see cref="Forward"/>.</returns>
    public int AnswerWith(CacheEntry entry, ref Query query, long now, Span<byte> reply)
    {
        if (entry.IsNone)
            return AnswerWithoutUpstream(ref query, now, reply);
        int length;
        if (!TryLeaveStep(ref query))
            length = entry.WriteTo(query, now, Bound(query, reply));
        else if (!TryAnswerKept(query, now, reply, out length))
            return Forward; // its own answer has expired meanwhile
        if (MayWalkOn(reply))
            length = WalkOn(ref query, length, entry, now, reply);
        if (length == Forward)
            return Forward;
        Count(Verdict.Miss);
        return Deliver(query, length, now, reply);
    }

    /// <summary>Answers when no upstream did: with an expired answer if there is one, else with SERVFAIL; a walk with what its first step has.</summary>
    /// <inheritdoc cref="AnswerWith" path="/param[@name='query']"/>
    public int AnswerWithoutUpstream(ref Query query, long now, Span<byte> reply)
    {
        if (TryLeaveStep(ref query) && TryAnswerKept(query, now, reply, out int kept))
        {
            Count(Verdict.Hit);
            return Deliver(query, kept, now, reply);
        }

        if (cache.TryFindStale(query, now, out CacheEntry entry))
        {
            Count(Verdict.Stale);
            return Deliver(query, entry.WriteTo(query, now, Bound(query, reply)), now, reply);
        }

        Count(Verdict.Failed);
        return Reply.WriteError(query, ResponseCode.ServFail, ExtendedError.NoReachableAuthority, reply);
    }

    /// <summary>Refuses a query for what its client has had, or has on its way, already.</summary>
    public int RefuseExcess(in Query query, Span<byte> reply)
    {
        Count(Verdict.Limited);
        return Reply.WriteError(query, ResponseCode.Refused, ExtendedError.Prohibited, reply);
    }

    /// <summary>Answers what the configuration or the cluster's table decides, whatever is cached.</summary>
    private bool TryAnswerLocally(in Query query, Span<byte> reply, out int length)
    {
        length = 0;
        return _own?.TryAnswer(query, isUdp, reply, out length) == true || cluster?.Current?.TryAnswer(query, reply, out length) == true;
    }

    private bool IsTurnedAway(in Query query, long now, Span<byte> reply, out int length)
    {
        ClientVerdict verdict = _clients!.Judge(query.Client, now);
        length = 0;
        if (verdict == ClientVerdict.Limited)
            length = RefuseExcess(query, reply);
        else if (verdict != ClientVerdict.Admitted)
            Count(Verdict.Denied);
        if (verdict == ClientVerdict.Denied)
            length = Reply.WriteError(query, ResponseCode.Refused, ExtendedError.Prohibited, reply);
        return verdict != ClientVerdict.Admitted;
    }

    /// <summary>Lets a written answer go to its client; past the client's bytes, over UDP, what sends it to TCP, where it is refused.</summary>
    private int Deliver(in Query query, int length, long now, Span<byte> reply)
    {
        if (_clients == null || _clients.TryTakeBytes(query.Client, length, now))
            return length;
        if (!isUdp)
            return RefuseExcess(query, reply);
        Count(Verdict.Limited);
        return Reply.WriteTruncated(query, ResponseCode.NoError, reply);
    }

    private int Refuse(in Query query, ResponseCode code, ExtendedError error, Span<byte> reply)
    {
        Count(Verdict.Refused);
        return Reply.WriteError(query, code, error, reply);
    }

    private void Count(Verdict verdict)
    {
        Verdict = verdict;
        counters.Count(verdict);
    }

    private Span<byte> Bound(in Query query, Span<byte> reply) =>
        isUdp && query.UdpSize < reply.Length ? reply[..query.UdpSize] : reply;

    private Span<byte> KeyOf(int lane) => _keys.AsSpan(lane * Query.MaxKeyLength, Query.MaxKeyLength);

    /// <summary>One query that was read and waits for its answer.</summary>
    private struct Lane
    {
        public bool IsQuery;
        public QueryFields Fields;
        public ClientAddress Client;
        public ulong NameHash;
    }
}

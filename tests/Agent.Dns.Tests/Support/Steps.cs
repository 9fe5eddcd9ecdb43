namespace Agent.Dns.Tests.Support;

/// <summary>The product's steps, one call each, over plain byte arrays.</summary>
internal static class Steps
{
    public static readonly CacheLimits Limits = new(MinTtl: 5, MaxTtl: 3600, MaxNegativeTtl: 1800);

    /// <summary>The key that the product must make of a question: lower-case name, class, flags, type.</summary>
    public static byte[] Key(string name, ushort type = T.A, KeyFlags flags = KeyFlags.None) =>
        [.. MessageBuilder.Name(name.ToLowerInvariant()), 0, 1, (byte)flags, (byte)(type >> 8), (byte)type];

    public static ResponseVerdict Read(MessageBuilder response, string name, out CacheEntry entry, ushort type = T.A, KeyFlags flags = KeyFlags.None) =>
        new UpstreamResponse(Limits).Read(response.Build(), Key(name, type, flags), now: 0, out entry);

    /// <summary>The entry that a response becomes; the test fails when it is not taken as an answer.</summary>
    public static CacheEntry Entry(MessageBuilder response, string name, ushort type = T.A, KeyFlags flags = KeyFlags.None, long now = 0)
    {
        ResponseVerdict verdict = new UpstreamResponse(Limits).Read(response.Build(), Key(name, type, flags), now, out CacheEntry entry);
        Assert.Equal(ResponseVerdict.Answered, verdict);
        return entry;
    }

    /// <summary>An answer with one address record.</summary>
    public static CacheEntry AddressEntry(string name, uint ttl = 60, long now = 0, KeyFlags flags = KeyFlags.None) =>
        Entry(MessageBuilder.Response(name).Answer(name, T.A, ttl, 10, 0, 0, 1), name, flags: flags, now: now);

    /// <summary>An answer that says that the name does not exist.</summary>
    public static CacheEntry NxDomainEntry(string name, string zone, uint ttl = 60, long now = 0, ushort type = T.A) =>
        Entry(MessageBuilder.Response(name, type, rcode: 3).Soa(zone, ttl, ttl), name, type, now: now);

    /// <summary>The reply to a query from an entry, decoded by the oracle.</summary>
    public static OracleMessage Reply(CacheEntry entry, MessageBuilder query, long now = 0, int room = ushort.MaxValue) =>
        OracleMessage.Decode(ReplyBytes(entry, query, now, room));

    public static byte[] ReplyBytes(CacheEntry entry, MessageBuilder query, long now = 0, int room = ushort.MaxValue)
    {
        byte[] reply = new byte[room];
        reply.AsSpan().Fill(0xA5); // what an earlier query left there
        Assert.True(Query.TryParse(query.Build(), new byte[Query.MaxKeyLength], out Query parsed));
        return reply[..entry.WriteTo(parsed, now, reply)];
    }

    public static bool TryAnswer(ResponseCache cache, MessageBuilder query, long now, out OracleMessage? reply)
    {
        byte[] bytes = new byte[ushort.MaxValue];
        Assert.True(Query.TryParse(query.Build(), new byte[Query.MaxKeyLength], out Query parsed));
        bool isHit = cache.TryAnswer(parsed, cache.NameHash(parsed), now, bytes, out int length, out _);
        reply = isHit ? OracleMessage.Decode(bytes.AsSpan(0, length)) : null;
        return isHit;
    }

    public static bool IsHit(ResponseCache cache, MessageBuilder query, long now = 0) => TryAnswer(cache, query, now, out _);
}

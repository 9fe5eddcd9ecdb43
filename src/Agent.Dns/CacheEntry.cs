using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// A finished answer in one array: when it was stored and for how long, the message (ID, flags, question and TTLs are patched when it is
/// copied to a client, its addresses rotated, the OPT record added), and where its TTLs are. Immutable.
/// </summary>
public readonly struct CacheEntry
{
    // Offsets in the prefix: milliseconds of storing (8 bytes) and of the next attempt (8), lifetime in seconds (4), message length (4), number of
    // TTLs (2), first record of the rotation (2), records in it (1), failures in a row (1), key flags (1).
    private const int RetryAtOffset = 8;
    private const int LifetimeOffset = 16;
    private const int LengthOffset = 20;
    private const int TtlCountOffset = 24;
    private const int RotationOffset = 26;
    private const int RotationCountOffset = 28;
    private const int FailuresOffset = 29;
    private const int FlagsOffset = 30;
    private const int PrefixSize = 32;
    private const int QuestionOffset = PrefixSize + Agent.Dns.Header.Size;
    private const uint StaleTtl = 30; // RFC 8767 section 4
    private const uint FirstFailureLifetime = 5; // RFC 9520 section 3.2: at least 1 s, doubled, at most 5 min
    private const uint LongestFailureLifetime = 300;
    private readonly byte[]? _bytes;

    internal CacheEntry(byte[] bytes) => _bytes = bytes;

    /// <summary>Makes an entry of a composed message.</summary>
    /// <param name="message">Header, question and records; no OPT.</param>
    /// <param name="ttlOffsets">Where in the message the records' TTLs are.</param>
    /// <param name="flags">The flags of the key that it answers.</param>
    /// <param name="lifetime">Seconds; 0: not to be stored.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public static CacheEntry Create(ReadOnlySpan<byte> message, ReadOnlySpan<ushort> ttlOffsets, KeyFlags flags, uint lifetime, long now)
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(PrefixSize + message.Length + ttlOffsets.Length * sizeof(ushort));
        bytes.AsSpan(0, PrefixSize).Clear();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, now);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(LifetimeOffset), lifetime);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(LengthOffset), message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(TtlCountOffset), (ushort)ttlOffsets.Length);
        bytes[FlagsOffset] = (byte)flags;
        message.CopyTo(bytes.AsSpan(PrefixSize));
        for (int i = 0; i < ttlOffsets.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(PrefixSize + message.Length + i * sizeof(ushort)), ttlOffsets[i]);
        Rotation rotation = Rotation.Find(message, ttlOffsets);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(RotationOffset), rotation.Offset);
        bytes[RotationCountOffset] = rotation.Count;
        return new CacheEntry(bytes);
    }

    /// <summary>Makes the entry that keeps a question for which no upstream has an answer from being asked at once again (RFC 9520).</summary>
    /// <param name="failures">How often in a row it failed, from 1.</param>
    public static CacheEntry CreateFailure(ReadOnlySpan<byte> key, int failures, long now)
    {
        uint lifetime = Math.Min(LongestFailureLifetime, FirstFailureLifetime << Math.Min(failures - 1, 8));
        CacheEntry entry = CreateError(key, ResponseCode.ServFail, lifetime, now);
        entry.Array[FailuresOffset] = (byte)Math.Min(failures, byte.MaxValue);
        return entry;
    }

    /// <summary>Makes an answer without records.</summary>
    /// <param name="lifetime">Seconds; 0: not to be stored.</param>
    public static CacheEntry CreateError(ReadOnlySpan<byte> key, ResponseCode code, uint lifetime, long now)
    {
        Span<byte> message = stackalloc byte[Agent.Dns.Header.Size + DnsName.MaxLength + 4];
        message = message[..UpstreamQuery.WriteQuestion(key, message)];
        message[2] = Agent.Dns.Header.Response;
        message[3] = (byte)code;
        return Create(message, [], (KeyFlags)key[^3], lifetime, now);
    }

    /// <summary>The same answer, with a time before which no upstream is asked for a newer one.</summary>
    public CacheEntry WithRetryAt(long retryAt)
    {
        byte[] bytes = Bytes.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(RetryAtOffset), retryAt);
        return new CacheEntry(bytes);
    }

    public bool IsNone => _bytes == null;

    /// <summary>Bytes of memory that the entry takes, the array's own header included.</summary>
    public int Size => 24 + Bytes.Length;

    /// <summary>Monotonic milliseconds.</summary>
    public long StoredAt => BinaryPrimitives.ReadInt64LittleEndian(Bytes);

    /// <summary>Seconds that the answer may be reused; 0: not at all.</summary>
    public uint Lifetime => BinaryPrimitives.ReadUInt32LittleEndian(Bytes[LifetimeOffset..]);

    public ResponseCode ResponseCode => Header.ResponseCode;

    /// <summary>How often in a row the upstreams failed to answer this; 0 for an answer.</summary>
    public int Failures => Bytes[FailuresOffset];

    /// <summary>Monotonic milliseconds before which no upstream is asked; 0: none.</summary>
    public long RetryAt => BinaryPrimitives.ReadInt64LittleEndian(Bytes[RetryAtOffset..]);

    /// <summary>Whether the name does not exist, with no alias on the way: then it does not exist for any type (RFC 2308 section 5).</summary>
    public bool CoversAllTypes => ResponseCode == ResponseCode.NxDomain && Header.AnswerCount == 0;

    /// <summary>Whether it says that there is no such name or data.</summary>
    internal bool IsDenial => ResponseCode == ResponseCode.NxDomain || (ResponseCode == ResponseCode.NoError && Header.AnswerCount == 0);

    /// <summary>Whether records say how long something is absent: an SOA.</summary>
    internal bool HasAuthority => Header.AuthorityCount > 0;

    private Header Header => new(Message);

    private int MessageLength => BinaryPrimitives.ReadInt32LittleEndian(Bytes[LengthOffset..]);

    internal ReadOnlySpan<byte> Message => Bytes.Slice(PrefixSize, MessageLength);

    /// <summary>The QNAME in lower case.</summary>
    internal ReadOnlySpan<byte> Name => Bytes.Slice(QuestionOffset, DnsName.Measure(Bytes[QuestionOffset..]));

    internal KeyFlags Flags => (KeyFlags)Bytes[FlagsOffset];

    internal byte[] Array => _bytes!;

    private ReadOnlySpan<byte> Bytes => _bytes;

    private ExtendedError StaleError =>
        ResponseCode == ResponseCode.NxDomain ? ExtendedError.StaleNxDomainAnswer : ExtendedError.StaleAnswer;

    /// <summary>Milliseconds since the answer expired; negative while it is fresh.</summary>
    public long ExpiredFor(long now) => now - StoredAt - 1000L * Lifetime;

    /// <summary>Whether a popular answer is so near its end, the last tenth of its life, that a newer one should be fetched.</summary>
    public bool IsRefreshDue(long now) => -ExpiredFor(now) < 100L * Lifetime && now >= RetryAt && Failures == 0;

    /// <summary>Whether this entry's question is the query's, whatever the type of an answer that covers all types.</summary>
    public bool Answers(in Query query)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        ReadOnlySpan<byte> name = query.Name;
        int typeOffset = QuestionOffset + name.Length;
        return bytes.Length >= typeOffset + 4
            && bytes[FlagsOffset] == (byte)query.Flags
            && bytes.Slice(QuestionOffset, name.Length).SequenceEqual(name)
            && BinaryPrimitives.ReadUInt16BigEndian(bytes[(typeOffset + 2)..]) == query.Class
            && (BinaryPrimitives.ReadUInt16BigEndian(bytes[typeOffset..]) == query.Type || CoversAllTypes);
    }

    /// <summary>Writes the client's reply: its ID and case, its OPT, the TTLs that are left; TC alone when <paramref name="reply"/> is too short.</summary>
    /// <returns>The reply's length in bytes.</returns>
    public int WriteTo(in Query query, long now, Span<byte> reply)
    {
        long left = -ExpiredFor(now);
        if (Failures > 0)
            return Reply.WriteError(query, ResponseCode.ServFail, ExtendedError.CachedError, reply);
        // A fresh answer's TTL is rounded up, so that the first reply shows the TTL as it came; and no more than that where another thread stored it after this
        // one had read the time.
        return left > 0
            ? Write(query, Math.Min(Lifetime, (uint)((left + 999) / 1000)), ExtendedError.None, reply)
            : Write(query, Lifetime == 0 ? 0 : StaleTtl, Lifetime == 0 ? ExtendedError.None : StaleError, reply);
    }

    /// <summary>Copies the message with the whole lifetime as the TTL of its records, as an upstream would send it.</summary>
    /// <param name="message">As long as <see cref="Message"/>.</param>
    internal void CopyTo(Span<byte> message)
    {
        Message.CopyTo(message);
        for (ReadOnlySpan<byte> offsets = Bytes[(PrefixSize + message.Length)..]; offsets.Length > 0; offsets = offsets[sizeof(ushort)..])
            BinaryPrimitives.WriteUInt32BigEndian(message[BinaryPrimitives.ReadUInt16LittleEndian(offsets)..], Lifetime);
    }

    private int Write(in Query query, uint ttl, ExtendedError error, Span<byte> reply)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        ReadOnlySpan<byte> message = Message;
        ResponseCode code = ResponseCode;
        if (message.Length + Reply.OptLength(query, error) > reply.Length)
        {
            if (message.Length > reply.Length || error == ExtendedError.None)
                return Reply.WriteTruncated(query, code, reply);
            error = ExtendedError.None; // RFC 8914 section 3: it must not cost the answer its place
        }

        message.CopyTo(reply);
        int ttlCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[TtlCountOffset..]);
        for (ReadOnlySpan<byte> offsets = bytes.Slice(PrefixSize + message.Length, ttlCount * sizeof(ushort)); offsets.Length > 0; offsets = offsets[sizeof(ushort)..])
            BinaryPrimitives.WriteUInt32BigEndian(reply[BinaryPrimitives.ReadUInt16LittleEndian(offsets)..], ttl);
        query.Head[..2].CopyTo(reply);
        query.Head[Agent.Dns.Header.Size..].CopyTo(reply[Agent.Dns.Header.Size..]);
        Reply.WriteFlags(query, code, reply);
        if (bytes[RotationCountOffset] > 1)
        {
            // The client's random ID spreads its connections over the addresses, and no counter has to be shared.
            Rotation rotation = new(BinaryPrimitives.ReadUInt16LittleEndian(bytes[RotationOffset..]), bytes[RotationCountOffset]);
            rotation.Copy(message, reply, query.Header.Id % rotation.Count);
        }

        return message.Length + Reply.WriteOpt(query, code, error, reply, message.Length);
    }
}

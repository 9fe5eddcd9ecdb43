using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// A finished answer in one array: when it was stored and for how long, the message (ID, flags, question and TTLs are patched when it is
/// copied to a client, the OPT record added), and where its TTLs are. Immutable.
/// </summary>
public readonly struct CacheEntry
{
    // storedAt: 8 bytes, milliseconds; lifetime: 4, seconds; message length: 4; TTL count: 2; key flags: 1; one unused.
    private const int PrefixSize = 20;
    private const int QuestionOffset = PrefixSize + Agent.Dns.Header.Size;
    private const uint StaleTtl = 30; // RFC 8767 section 4
    private readonly byte[]? _bytes;

    private CacheEntry(byte[] bytes) => _bytes = bytes;

    /// <summary>Makes an entry of a composed message.</summary>
    /// <param name="message">Header, question and records; no OPT.</param>
    /// <param name="ttlOffsets">Where in the message the records' TTLs are.</param>
    /// <param name="flags">The flags of the key that it answers.</param>
    /// <param name="lifetime">Seconds; 0: not to be stored.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public static CacheEntry Create(ReadOnlySpan<byte> message, ReadOnlySpan<ushort> ttlOffsets, KeyFlags flags, uint lifetime, long now)
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(PrefixSize + message.Length + ttlOffsets.Length * sizeof(ushort));
        BinaryPrimitives.WriteInt64LittleEndian(bytes, now);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), lifetime);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(16), (ushort)ttlOffsets.Length);
        bytes[18] = (byte)flags;
        message.CopyTo(bytes.AsSpan(PrefixSize));
        for (int i = 0; i < ttlOffsets.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(PrefixSize + message.Length + i * sizeof(ushort)), ttlOffsets[i]);
        return new CacheEntry(bytes);
    }

    public bool IsNone => _bytes == null;

    /// <summary>Bytes of memory that the entry takes, the array's own header included.</summary>
    public int Size => 24 + Bytes.Length;

    /// <summary>Seconds that the answer may be reused; 0: not at all.</summary>
    public uint Lifetime => BinaryPrimitives.ReadUInt32LittleEndian(Bytes[8..]);

    public ResponseCode ResponseCode => Header.ResponseCode;

    /// <summary>Whether the name does not exist, with no alias on the way: then it does not exist for any type (RFC 2308 section 5).</summary>
    public bool CoversAllTypes => ResponseCode == ResponseCode.NxDomain && Header.AnswerCount == 0;

    private Header Header => new(Message);

    private int MessageLength => BinaryPrimitives.ReadInt32LittleEndian(Bytes[12..]);

    private ReadOnlySpan<byte> Message => Bytes.Slice(PrefixSize, MessageLength);

    private byte[] Array => _bytes ?? throw new InvalidOperationException("no entry");

    private ReadOnlySpan<byte> Bytes => Array;

    /// <summary>Milliseconds since the answer expired; negative while it is fresh.</summary>
    public long ExpiredFor(long now) => now - BinaryPrimitives.ReadInt64LittleEndian(Bytes) - 1000L * Lifetime;

    /// <summary>Whether this entry's question is the query's, whatever the type of an answer that covers all types.</summary>
    public bool Answers(in Query query)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        ReadOnlySpan<byte> name = query.Name;
        int typeOffset = QuestionOffset + name.Length;
        return bytes.Length >= typeOffset + 4
            && bytes[18] == (byte)query.Flags
            && bytes.Slice(QuestionOffset, name.Length).SequenceEqual(name)
            && BinaryPrimitives.ReadUInt16BigEndian(bytes[(typeOffset + 2)..]) == query.Class
            && (BinaryPrimitives.ReadUInt16BigEndian(bytes[typeOffset..]) == query.Type || CoversAllTypes);
    }

    /// <summary>Whether two entries answer the same questions.</summary>
    public bool IsSameQuestion(in CacheEntry other, int nameLength)
    {
        int length = nameLength + (CoversAllTypes ? 0 : 4);
        return Bytes[18] == other.Bytes[18]
            && CoversAllTypes == other.CoversAllTypes
            && other.Bytes.Length >= QuestionOffset + length
            && Bytes.Slice(QuestionOffset, length).SequenceEqual(other.Bytes.Slice(QuestionOffset, length));
    }

    /// <summary>Writes the client's reply: its ID and case, its OPT, the TTLs that are left; TC alone when <paramref name="reply"/> is too short.</summary>
    /// <returns>The reply's length in bytes.</returns>
    public int WriteTo(in Query query, long now, Span<byte> reply)
    {
        long left = -ExpiredFor(now);
        // A fresh answer's TTL is rounded up, so that the first reply shows the TTL as it came.
        return left > 0
            ? Write(query, (uint)((left + 999) / 1000), ExtendedError.None, reply)
            : Write(query, Lifetime == 0 ? 0 : StaleTtl, Lifetime == 0 ? ExtendedError.None : StaleError, reply);
    }

    private ExtendedError StaleError =>
        ResponseCode == ResponseCode.NxDomain ? ExtendedError.StaleNxDomainAnswer : ExtendedError.StaleAnswer;

    private int Write(in Query query, uint ttl, ExtendedError error, Span<byte> reply)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        ReadOnlySpan<byte> message = Message;
        ResponseCode code = ResponseCode;
        if (message.Length + Reply.OptLength(query, error) > reply.Length)
            return Reply.WriteTruncated(query, code, reply);

        message.CopyTo(reply);
        int ttlCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]);
        for (ReadOnlySpan<byte> offsets = bytes.Slice(PrefixSize + message.Length, ttlCount * sizeof(ushort)); offsets.Length > 0; offsets = offsets[sizeof(ushort)..])
            BinaryPrimitives.WriteUInt32BigEndian(reply[BinaryPrimitives.ReadUInt16LittleEndian(offsets)..], ttl);
        query.Head[..2].CopyTo(reply);
        query.Head[Agent.Dns.Header.Size..].CopyTo(reply[Agent.Dns.Header.Size..]);
        Reply.WriteFlags(query, code, reply);
        return message.Length + Reply.WriteOpt(query, code, error, reply, message.Length);
    }
}

using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// A client's query as views into its message, and the key that its answer is cached and coalesced under: QNAME in lower case, QCLASS,
/// <see cref="KeyFlags"/>, QTYPE.
/// </summary>
public readonly ref struct Query
{
    /// <summary>Bytes: room for the longest key.</summary>
    public const int MaxKeyLength = DnsName.MaxLength + 5;

    private const ushort ClassIn = 1;
    private const int MinUdpSize = 512; // RFC 6891 section 6.2.3: lower values are treated as 512
    private const int OptFixedSize = 11;
    private const ushort CookieOption = 10;
    private const ushort KeepaliveOption = 11;

    /// <summary>Header and question as the client sent them; the header alone where the question is malformed.</summary>
    public ReadOnlySpan<byte> Head { get; private init; }

    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>Of the whole message, in bytes.</summary>
    public ushort Size { get; private init; }

    /// <summary>Who asks; set where a policy for clients wants to know.</summary>
    public ClientAddress Client { get; init; }

    /// <summary>What the message alone already forces as the answer's RCODE; NOERROR: nothing.</summary>
    public ResponseCode Error { get; private init; }

    public bool HasEdns { get; private init; }

    /// <summary>Whether the client asked how long its TCP connection may stay idle (RFC 7828); meaningless over UDP.</summary>
    public bool WantsKeepalive { get; init; }

    /// <summary>The largest UDP reply that the client takes, in bytes: 512 without EDNS.</summary>
    public ushort UdpSize { get; private init; }

    public Header Header => new(Head);

    /// <summary>The QNAME in lower case.</summary>
    public ReadOnlySpan<byte> Name => Key[..^5];

    public KeyFlags Flags => (KeyFlags)Key[^3];

    /// <summary>Whether it asks for DNSSEC's records (RFC 3225); false of a query whose question is malformed.</summary>
    public bool IsDnssecOk => !Key.IsEmpty && (Flags & KeyFlags.DnssecOk) != 0;

    public ushort Type => BinaryPrimitives.ReadUInt16BigEndian(Key[^2..]);

    public ushort Class => BinaryPrimitives.ReadUInt16BigEndian(Key[^5..]);

    /// <summary>Whether only a resolver that transfers zones or serves other classes could answer.</summary>
    public bool IsOutOfScope => Class != ClassIn || Type is RecordType.Axfr or RecordType.Ixfr;

    /// <summary>Reads one message.</summary>
    /// <param name="message">The whole datagram, or one TCP message without its length.</param>
    /// <param name="key">Room for the key, <see cref="MaxKeyLength"/> bytes; the query refers to it.</param>
    /// <param name="query">The query; with <see cref="Error"/> set when it can only be refused.</param>
    /// <returns>False for what must not be answered at all: a response, or less than a header.</returns>
    public static bool TryParse(ReadOnlySpan<byte> message, Span<byte> key, out Query query)
    {
        query = default;
        if (message.Length < Header.Size)
            return false;
        Header header = new(message);
        if (header.IsResponse)
            return false;
        query = new Query { Head = message[..Header.Size], Size = (ushort)message.Length, UdpSize = MinUdpSize, Error = ResponseCode.FormErr };
        if (header.Opcode != 0)
        {
            query = query with { Error = ResponseCode.NotImp };
            return true;
        }

        // RFC 9619: a query has exactly one question.
        if (header.QuestionCount != 1)
            return true;
        ReadOnlySpan<byte> question = message[Header.Size..];
        int nameLength = DnsName.Measure(question);
        if (nameLength == 0 || question.Length < nameLength + 4)
            return true;

        int headLength = Header.Size + nameLength + 4;
        query = query with { Head = message[..headLength] };
        // Only a transfer has something between the question and the additional section: its SOA (RFC 1995 section 3).
        bool isTransfer = BinaryPrimitives.ReadUInt16BigEndian(question[nameLength..]) == RecordType.Ixfr;
        if (header.AnswerCount != 0 || (header.AuthorityCount != 0 && !isTransfer))
            return true;
        Edns edns = default;
        if (!TryParseAdditional(message, headLength, header.AuthorityCount + header.AdditionalCount, ref edns))
            return true;

        DnsName.ToLower(question[..nameLength], key);
        question.Slice(nameLength + 2, 2).CopyTo(key[nameLength..]);
        key[nameLength + 2] = (byte)((edns.DnssecOk ? KeyFlags.DnssecOk : 0) | (header.IsCheckingDisabled ? KeyFlags.CheckingDisabled : 0));
        question.Slice(nameLength, 2).CopyTo(key[(nameLength + 3)..]);
        query = new Query
        {
            Head = message[..headLength],
            Key = key[..(nameLength + 5)],
            Size = (ushort)message.Length,
            HasEdns = edns.IsPresent,
            WantsKeepalive = edns.WantsKeepalive,
            UdpSize = Math.Max((ushort)MinUdpSize, edns.UdpSize),
            Error = edns.Version == 0 ? ResponseCode.NoError : ResponseCode.BadVers,
        };
        return true;
    }

    /// <summary>A query known by its key alone, to look something up.</summary>
    internal static Query OfKey(ReadOnlySpan<byte> key) => new() { Key = key };

    /// <summary>What must be kept beside the message and the key to <see cref="Restore"/> the query later.</summary>
    public QueryFields Fields => new((ushort)Head.Length, (ushort)Key.Length, Size, UdpSize, Error, HasEdns, WantsKeepalive);

    /// <summary>A query that was read before.</summary>
    /// <param name="message">Its message, or as much of it as <see cref="Head"/> was.</param>
    /// <param name="key">The buffer that the key was written to.</param>
    public static Query Restore(ReadOnlySpan<byte> message, ReadOnlySpan<byte> key, scoped in QueryFields fields) => new()
    {
        Head = message[..fields.HeadLength],
        Key = key[..fields.KeyLength],
        Size = fields.Size,
        UdpSize = fields.UdpSize,
        Error = fields.Error,
        HasEdns = fields.HasEdns,
        WantsKeepalive = fields.WantsKeepalive,
    };

    /// <summary>The same query, as if it had another question; what is written to the client keeps the client's.</summary>
    internal Query Under(ReadOnlySpan<byte> key) => this with { Key = key };

    /// <summary>Whether it asks, <see cref="Under"/> another question, for a step of its client's search walk.</summary>
    internal bool IsStep => !DnsName.Equals(Head, Header.Size, Key, 0) || !Head[^4..^2].SequenceEqual(Key[^2..]);

    /// <summary>Writes the key that the query has of itself, <see cref="Under"/> whatever question it is.</summary>
    internal ReadOnlySpan<byte> WriteOwnKey(Span<byte> key)
    {
        ReadOnlySpan<byte> question = Head[Header.Size..];
        int nameLength = question.Length - 4;
        DnsName.ToLower(question[..nameLength], key);
        question[^2..].CopyTo(key[nameLength..]);
        key[nameLength + 2] = Key[^3];
        question[^4..^2].CopyTo(key[(nameLength + 3)..]);
        return key[..(nameLength + 5)];
    }

    /// <summary>The query for one step of a search walk, whose answer is not for a client as it is.</summary>
    internal static Query OfStep(ReadOnlySpan<byte> head, ReadOnlySpan<byte> key) => new() { Head = head, Key = key, UdpSize = ushort.MaxValue };

    /// <summary>Reads the additional section: at most one OPT, nothing behind it.</summary>
    private static bool TryParseAdditional(ReadOnlySpan<byte> message, int offset, int count, ref Edns edns)
    {
        for (int i = 0; i < count; i++)
        {
            int end = DnsName.Skip(message, offset);
            if (end < 0 || end + 10 > message.Length)
                return false;
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(message[end..]);
            int dataLength = BinaryPrimitives.ReadUInt16BigEndian(message[(end + 8)..]);
            int next = end + 10 + dataLength;
            if (next > message.Length)
                return false;
            if (type == RecordType.Opt && !TryParseOpt(message[offset..next], ref edns))
                return false;
            offset = next;
        }

        return offset == message.Length;
    }

    private static bool TryParseOpt(ReadOnlySpan<byte> record, ref Edns edns)
    {
        // RFC 6891 section 6.1.1: one OPT, owned by the root.
        if (edns.IsPresent || record[0] != 0)
            return false;
        edns = new Edns(
            IsPresent: true,
            UdpSize: BinaryPrimitives.ReadUInt16BigEndian(record[3..]),
            Version: record[6],
            DnssecOk: (record[7] & 0x80) != 0);

        for (ReadOnlySpan<byte> options = record[OptFixedSize..]; options.Length > 0;)
        {
            if (options.Length < 4)
                return false;
            int length = BinaryPrimitives.ReadUInt16BigEndian(options[2..]);
            if (options.Length < 4 + length)
                return false;
            ushort option = BinaryPrimitives.ReadUInt16BigEndian(options);
            // RFC 7873 section 5.2.2: a cookie is 8 bytes, or 16 to 40 with the server's part.
            if (option == CookieOption && length is not (8 or (>= 16 and <= 40)))
                return false;
            // RFC 7828 section 3.2.1: a client sends no timeout.
            if (option == KeepaliveOption && length != 0)
                return false;
            edns = edns with { WantsKeepalive = edns.WantsKeepalive || option == KeepaliveOption };
            options = options[(4 + length)..];
        }

        return true;
    }

    private readonly record struct Edns(bool IsPresent, ushort UdpSize, byte Version, bool DnssecOk, bool WantsKeepalive = false);
}

/// <summary>A <see cref="Query"/> without its views into buffers; lengths in bytes.</summary>
public readonly record struct QueryFields(
    ushort HeadLength, ushort KeyLength, ushort Size, ushort UdpSize, ResponseCode Error, bool HasEdns, bool WantsKeepalive);

/// <summary>Bits of a query that change its answer and so are part of its key (CVE-2024-0874 forgot them).</summary>
[Flags]
public enum KeyFlags : byte
{
    None = 0,
    DnssecOk = 1,
    CheckingDisabled = 2,

    /// <summary>The agent's own question, which no client's may meet.</summary>
    Own = 4,
}

using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Agent.Tests.Support;

/// <summary>
/// A DNS message as tests write and read it. Shares no code with the product, so that one does not excuse the other's mistakes. Names are text
/// with their case, without the trailing dot; the root is empty.
/// </summary>
internal sealed record DnsMessage
{
    public const ushort Response = 0x8000;
    public const ushort Truncated = 0x0200;
    public const ushort RecursionDesired = 0x0100;
    public const ushort RecursionAvailable = 0x0080;

    public ushort Id { get; init; } = (ushort)Random.Shared.Next(65536);

    public ushort Flags { get; init; } = RecursionDesired;

    public IReadOnlyList<Question> Questions { get; init; } = [];

    public IReadOnlyList<ResourceRecord> Answers { get; init; } = [];

    public IReadOnlyList<ResourceRecord> Authority { get; init; } = [];

    public IReadOnlyList<ResourceRecord> Additional { get; init; } = [];

    public Question Question => Assert.Single(Questions);

    public string Name => Question.Name;

    public bool IsResponse => (Flags & Response) != 0;

    public bool IsTruncated => (Flags & Truncated) != 0;

    public ResourceRecord? Opt => Additional.SingleOrDefault(record => record.Type == RR.Opt);

    public int ResponseCode => (Flags & 0x0F) | (int)((Opt?.Ttl ?? 0) >> 24 << 4);

    /// <summary>Option codes and their values; empty without an OPT.</summary>
    public IReadOnlyList<(ushort Code, byte[] Value)> Options
    {
        get
        {
            List<(ushort, byte[])> options = [];
            ReadOnlySpan<byte> left = Opt?.Data;
            while (left.Length > 0)
            {
                int length = BinaryPrimitives.ReadUInt16BigEndian(left[2..]);
                options.Add((BinaryPrimitives.ReadUInt16BigEndian(left), left.Slice(4, length).ToArray()));
                left = left[(4 + length)..];
            }

            return options;
        }
    }

    /// <summary>The INFO-CODE of the extended error (RFC 8914); -1 without one.</summary>
    public int ExtendedError
    {
        get
        {
            byte[]? value = Options.Where(option => option.Code == 15).Select(option => option.Value).SingleOrDefault();
            return value == null ? -1 : BinaryPrimitives.ReadUInt16BigEndian(value);
        }
    }

    public static DnsMessage Query(string name, ushort type = RR.A, ushort @class = 1) => new() { Questions = [new Question(name, type, @class)] };

    public DnsMessage WithEdns(ushort udpSize = 1232, params (ushort Code, byte[] Value)[] options) =>
        this with { Additional = [.. Additional, RR.OptRecord(udpSize, options)] };

    /// <summary>A response to this query: ID, question and RD as they are.</summary>
    public DnsMessage Reply(params ResourceRecord[] answers) =>
        this with { Flags = (ushort)(Response | RecursionAvailable | (Flags & RecursionDesired)), Answers = answers, Additional = [] };

    public DnsMessage Reply(int code) => Reply() with { Flags = (ushort)(Reply().Flags | code) };

    public byte[] ToBytes()
    {
        using MemoryStream bytes = new();
        foreach (int field in (int[])[Id, Flags, Questions.Count, Answers.Count, Authority.Count, Additional.Count])
            WriteUInt16(bytes, field);
        foreach (Question question in Questions)
        {
            bytes.Write(RR.NameBytes(question.Name));
            WriteUInt16(bytes, question.Type);
            WriteUInt16(bytes, question.Class);
        }

        foreach (ResourceRecord record in Answers.Concat(Authority).Concat(Additional))
        {
            bytes.Write(RR.NameBytes(record.Name));
            WriteUInt16(bytes, record.Type);
            WriteUInt16(bytes, record.Class);
            WriteUInt16(bytes, (int)(record.Ttl >> 16));
            WriteUInt16(bytes, (int)(record.Ttl & 0xFFFF));
            WriteUInt16(bytes, record.Data.Length);
            bytes.Write(record.Data);
        }

        return bytes.ToArray();
    }

    /// <exception cref="FormatException">The bytes are no message, or have something behind it.</exception>
    public static DnsMessage Parse(byte[] bytes)
    {
        if (bytes.Length < 12)
            throw new FormatException($"{bytes.Length} bytes are no header");
        int offset = 12;
        int[] fields = [.. Enumerable.Range(0, 6).Select(i => (int)BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(2 * i)))];
        DnsMessage message = new()
        {
            Id = (ushort)fields[0],
            Flags = (ushort)fields[1],
            Questions = ReadMany(fields[2], () => new Question(ReadName(bytes, ref offset), ReadUInt16(bytes, ref offset), ReadUInt16(bytes, ref offset))),
            Answers = ReadMany(fields[3], () => ReadRecord(bytes, ref offset)),
            Authority = ReadMany(fields[4], () => ReadRecord(bytes, ref offset)),
            Additional = ReadMany(fields[5], () => ReadRecord(bytes, ref offset)),
        };
        return offset == bytes.Length ? message : throw new FormatException($"{bytes.Length - offset} bytes behind the message");
    }

    public override string ToString() =>
        $"{Id:x4} {Flags:x4} {string.Join(' ', Questions.Select(question => $"{question.Name}/{question.Type}"))}, {Answers.Count} answers";

    private static List<T> ReadMany<T>(int count, Func<T> read)
    {
        List<T> items = [];
        for (int i = 0; i < count; i++)
            items.Add(read());
        return items;
    }

    private static ResourceRecord ReadRecord(byte[] bytes, ref int offset)
    {
        string name = ReadName(bytes, ref offset);
        ushort type = ReadUInt16(bytes, ref offset);
        ushort @class = ReadUInt16(bytes, ref offset);
        uint ttl = (uint)(ReadUInt16(bytes, ref offset) << 16 | ReadUInt16(bytes, ref offset));
        int length = ReadUInt16(bytes, ref offset);
        if (offset + length > bytes.Length)
            throw new FormatException("RDATA overruns the message");
        int start = offset;
        offset += length;
        // The names of these types may be compressed.
        byte[] data = type switch
        {
            RR.Cname or RR.Ptr or RR.Ns => RR.NameBytes(ReadName(bytes, ref start)),
            RR.Soa => [.. RR.NameBytes(ReadName(bytes, ref start)), .. RR.NameBytes(ReadName(bytes, ref start)), .. bytes[start..offset]],
            _ => bytes[start..offset],
        };
        return new ResourceRecord(name, type, @class, ttl, data);
    }

    private static ushort ReadUInt16(byte[] bytes, ref int offset)
    {
        if (offset + 2 > bytes.Length)
            throw new FormatException("the message ends too early");
        offset += 2;
        return BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(offset - 2));
    }

    /// <exception cref="FormatException">There is no name.</exception>
    public static string ReadName(byte[] bytes, ref int offset)
    {
        List<string> labels = [];
        int end = -1;
        for (int i = offset, jumps = 0; ;)
        {
            if (i >= bytes.Length || jumps > 40)
                throw new FormatException("a name does not end");
            int length = bytes[i];
            if (length == 0)
            {
                offset = end < 0 ? i + 1 : end;
                return string.Join('.', labels);
            }

            if (length >= 0xC0)
            {
                end = end < 0 ? i + 2 : end;
                i = (length & 0x3F) << 8 | bytes[i + 1];
                jumps++;
                continue;
            }

            labels.Add(Encoding.Latin1.GetString(bytes, i + 1, length));
            i += length + 1;
        }
    }

    private static void WriteUInt16(MemoryStream bytes, int value)
    {
        bytes.WriteByte((byte)(value >> 8));
        bytes.WriteByte((byte)value);
    }
}

internal sealed record Question(string Name, ushort Type, ushort Class = 1);

internal sealed record ResourceRecord(string Name, ushort Type, ushort Class, uint Ttl, byte[] Data)
{
    public IPAddress Address => new(Data);
}

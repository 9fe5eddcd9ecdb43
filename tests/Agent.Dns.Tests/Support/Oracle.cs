using System.Text;

namespace Agent.Dns.Tests.Support;

/// <summary>One record as the oracle reads it: names as lower-case text, RDATA as text with its names expanded.</summary>
internal sealed record OracleRecord(string Owner, int Type, int Class, uint Ttl, string Data, byte[] RawData)
{
    /// <summary>What a record says, without its TTL.</summary>
    public string Text => $"{Owner} {Class} {Type} {Data}";
}

/// <summary>
/// A whole message, decoded by code that shares nothing with the product: slow, strict and simple. Any mistake throws
/// <see cref="FormatException"/>.
/// </summary>
internal sealed class OracleMessage
{
    private readonly byte[] _bytes;
    private int _position = 12;

    private OracleMessage(byte[] bytes)
    {
        _bytes = bytes;
        if (bytes.Length < 12)
            throw new FormatException("no header");
        for (int i = 0; i < U16(4); i++)
        {
            QuestionBytes = bytes[12..(SkipName(_position) + 4)];
            QuestionName = Name(ref _position);
            QuestionType = Next16();
            QuestionClass = Next16();
        }

        Answers = Section(U16(6));
        Authority = Section(U16(8));
        Additional = Section(U16(10));
        if (_position != bytes.Length)
            throw new FormatException($"{bytes.Length - _position} bytes behind the last record");
    }

    public int Id => U16(0);
    public bool IsResponse => (_bytes[2] & 0x80) != 0;
    public int Opcode => (_bytes[2] >> 3) & 15;
    public bool AA => (_bytes[2] & 4) != 0;
    public bool TC => (_bytes[2] & 2) != 0;
    public bool RD => (_bytes[2] & 1) != 0;
    public bool RA => (_bytes[3] & 0x80) != 0;
    public bool Z => (_bytes[3] & 0x40) != 0;
    public bool AD => (_bytes[3] & 0x20) != 0;
    public bool CD => (_bytes[3] & 0x10) != 0;

    /// <summary>All twelve bits where an OPT record carries the upper eight.</summary>
    public int Rcode => (_bytes[3] & 15) | (Opt is { } opt ? (int)(opt.Ttl >> 24) << 4 : 0);

    public int QuestionCount => U16(4);
    public byte[] QuestionBytes { get; } = [];
    public string QuestionName { get; } = "";
    public int QuestionType { get; }
    public int QuestionClass { get; }
    public List<OracleRecord> Answers { get; }
    public List<OracleRecord> Authority { get; }
    public List<OracleRecord> Additional { get; }

    public OracleRecord? Opt => Additional?.SingleOrDefault(record => record.Type == T.Opt);

    /// <summary>INFO-CODEs of the extended errors in the OPT record (RFC 8914).</summary>
    public List<int> ExtendedErrors
    {
        get
        {
            List<int> errors = [];
            byte[] options = Opt?.RawData ?? [];
            for (int i = 0; i < options.Length;)
            {
                int code = (options[i] << 8) | options[i + 1];
                int length = (options[i + 2] << 8) | options[i + 3];
                if (i + 4 + length > options.Length || (code == 15 && length < 2))
                    throw new FormatException("an option overruns the OPT record");
                if (code == 15)
                    errors.Add((options[i + 4] << 8) | options[i + 5]);
                i += 4 + length;
            }

            return errors;
        }
    }

    public static OracleMessage Decode(ReadOnlySpan<byte> message)
    {
        try
        {
            return new OracleMessage(message.ToArray());
        }
        catch (Exception error) when (error is IndexOutOfRangeException or ArgumentException)
        {
            throw new FormatException("the message ends too early", error);
        }
    }

    private List<OracleRecord> Section(int count)
    {
        List<OracleRecord> records = [];
        for (int i = 0; i < count; i++)
        {
            string owner = Name(ref _position);
            int type = Next16();
            int @class = Next16();
            uint ttl = ((uint)Next16() << 16) | (uint)Next16();
            int end = Next16() + _position;
            byte[] raw = _bytes[_position..end];
            records.Add(new OracleRecord(owner, type, @class, ttl, Data(type, end), raw));
        }

        return records;
    }

    private string Data(int type, int end)
    {
        (int prefix, int names) = type switch
        {
            T.Ns or T.Cname or T.Ptr or T.Dname => (0, 1),
            T.Soa => (0, 2),
            T.Mx => (2, 1),
            T.Srv => (6, 1),
            _ => (0, 0),
        };
        StringBuilder text = new(Convert.ToHexString(_bytes[_position..(_position + prefix)]));
        _position += prefix;
        for (int i = 0; i < names; i++)
            text.Append(' ').Append(Name(ref _position));
        if (_position > end || (names > 0 && type != T.Soa && _position != end) || (type == T.Soa && _position != end - 20))
            throw new FormatException($"RDATA of type {type} does not end where its length says");
        text.Append(' ').Append(Convert.ToHexString(_bytes[_position..end]));
        _position = end;
        return text.ToString().Trim();
    }

    private string Name(ref int position)
    {
        StringBuilder text = new();
        int length = 0;
        int after = SkipName(position);
        for (int jumps = 0; ;)
        {
            int label = _bytes[position];
            if (label >= 0xC0)
            {
                int target = U16(position) & 0x3FFF;
                if (target >= position || ++jumps > 16384)
                    throw new FormatException("a compression pointer leads forward");
                position = target;
                continue;
            }

            length += label + 1;
            if (label > 63 || length > 255)
                throw new FormatException("a label or name is too long");
            if (label == 0)
                break;
            foreach (byte value in _bytes[(position + 1)..(position + 1 + label)])
                text.Append(value is > 0x20 and < 0x7F and not (byte)'.' ? char.ToLowerInvariant((char)value).ToString() : $"\\{value:D3}");
            text.Append('.');
            position += label + 1;
        }

        position = after;
        return text.Length == 0 ? "." : text.ToString();
    }

    private int SkipName(int position)
    {
        while (_bytes[position] is not 0 and < 0xC0)
            position += _bytes[position] + 1;
        return position + (_bytes[position] == 0 ? 1 : 2);
    }

    private int U16(int offset) => (_bytes[offset] << 8) | _bytes[offset + 1];

    private int Next16() => U16((_position += 2) - 2);
}

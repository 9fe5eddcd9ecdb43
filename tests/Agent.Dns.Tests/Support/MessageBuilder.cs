using System.Text;

namespace Agent.Dns.Tests.Support;

/// <summary>Record types by the numbers of the IANA registry, written out a second time on purpose.</summary>
internal static class T
{
    public const ushort A = 1, Ns = 2, Cname = 5, Soa = 6, Ptr = 12, Mx = 15, Txt = 16, Aaaa = 28, Srv = 33, Dname = 39, Opt = 41;
    public const ushort Rrsig = 46, Nsec = 47, Svcb = 64, Https = 65, Any = 255;
}

/// <summary>
/// Composes messages piece by piece, wrong ones too. Data is given as parts: a string is a name, an int one byte, a byte array
/// itself. Section counts follow what was added unless <see cref="Counts"/> is called.
/// </summary>
internal sealed class MessageBuilder
{
    private readonly List<byte> _bytes = [.. new byte[12]];
    private readonly Dictionary<string, int> _names = [];
    private readonly int[] _counts = new int[4];
    private bool _isCompressed;

    public int Length => _bytes.Count;

    /// <summary>A recursive query with one question.</summary>
    public static MessageBuilder Query(string name, ushort type = T.A, ushort id = 0x1234) =>
        new MessageBuilder().Id(id).Flags(0x0100).Question(name, type);

    /// <summary>A response as a recursive server sends it: QR, RD, RA.</summary>
    public static MessageBuilder Response(string name, ushort type = T.A, int rcode = 0) =>
        new MessageBuilder().Id(0x1234).Flags(0x8180 | rcode).Question(name, type);

    /// <summary>A name in wire form from labels with dots between; no escapes.</summary>
    public static byte[] Name(string text)
    {
        List<byte> name = [];
        foreach (string label in text.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            name.Add((byte)label.Length);
            name.AddRange(Encoding.Latin1.GetBytes(label));
        }

        return [.. name, 0];
    }

    public static byte[] Pointer(int offset) => [(byte)(0xC0 | (offset >> 8)), (byte)offset];

    public static byte[] U16(int value) => [(byte)(value >> 8), (byte)value];

    public static byte[] U32(uint value) => [.. U16((int)(value >> 16)), .. U16((int)(value & 0xFFFF))];

    public MessageBuilder Id(int id) => Put(0, id);

    public MessageBuilder Flags(int flags) => Put(2, flags);

    public MessageBuilder Counts(int questions, int answers, int authority, int additional) =>
        Put(4, questions).Put(6, answers).Put(8, authority).Put(10, additional);

    /// <summary>From here on names are compressed where an earlier one fits, in RDATA too.</summary>
    public MessageBuilder Compressed()
    {
        _isCompressed = true;
        return this;
    }

    public MessageBuilder Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public MessageBuilder Question(string name, ushort type = T.A, ushort @class = 1)
    {
        Count(0).AddName(name);
        return Raw(U16(type)).Raw(U16(@class));
    }

    public MessageBuilder Answer(string owner, ushort type, uint ttl, params object[] data) => Count(1).Record(owner, type, 1, ttl, data);

    public MessageBuilder Authority(string owner, ushort type, uint ttl, params object[] data) => Count(2).Record(owner, type, 1, ttl, data);

    public MessageBuilder Additional(string owner, ushort type, uint ttl, params object[] data) => Count(3).Record(owner, type, 1, ttl, data);

    public MessageBuilder Soa(string zone, uint ttl, uint minimum, ushort @class = 1) =>
        Count(2).Record(zone, T.Soa, @class, ttl, ["ns." + zone, "hostmaster." + zone, U32(1), U32(2), U32(3), U32(4), U32(minimum)]);

    public MessageBuilder AnswerOfClass(ushort @class, string owner, ushort type, uint ttl, params object[] data) =>
        Count(1).Record(owner, type, @class, ttl, data);

    public MessageBuilder Opt(int udpSize = 1232, int version = 0, int flags = 0, params byte[] options) =>
        Count(3).Record("", T.Opt, (ushort)udpSize, (uint)((version << 16) | flags), [options]);

    /// <summary>One option of an OPT record.</summary>
    public static byte[] Option(int code, int length) => [.. U16(code), .. U16(length), .. new byte[length]];

    public byte[] Build() => [.. _bytes];

    private MessageBuilder Record(string owner, ushort type, ushort @class, uint ttl, object[] data)
    {
        AddName(owner);
        Raw(U16(type)).Raw(U16(@class)).Raw(U32(ttl)).Raw(0, 0);
        int start = Length;
        foreach (object part in data)
        {
            if (part is string name)
                AddName(name);
            else if (part is int value)
                Raw((byte)value);
            else
                Raw((byte[])part);
        }

        return Put(start - 2, Length - start);
    }

    private void AddName(string text)
    {
        string rest = text.TrimEnd('.');
        while (rest.Length > 0)
        {
            if (_isCompressed && _names.TryGetValue(rest, out int known))
            {
                Raw(Pointer(known));
                return;
            }

            if (Length < 0x4000)
                _names.TryAdd(rest, Length);
            string label = rest.Split('.')[0];
            Raw((byte)label.Length).Raw(Encoding.Latin1.GetBytes(label));
            rest = rest.Length > label.Length ? rest[(label.Length + 1)..] : "";
        }

        Raw(0);
    }

    private MessageBuilder Count(int section) => Put(4 + 2 * section, ++_counts[section]);

    private MessageBuilder Put(int offset, int value)
    {
        _bytes[offset] = (byte)(value >> 8);
        _bytes[offset + 1] = (byte)value;
        return this;
    }
}

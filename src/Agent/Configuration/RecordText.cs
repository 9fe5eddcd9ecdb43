using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Dns;

namespace Agent.Configuration;

/// <summary>Records as zone files write them (RFC 1035 section 5.1), one to a line: <c>www 60 A 192.0.2.1</c>.</summary>
internal static class RecordText
{
    private const int MaxString = 255;
    private const int MaxData = 16_384;

    private static readonly string[] _writable = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];

    private static readonly ResponseCode[] _codes =
        [ResponseCode.NoError, ResponseCode.NxDomain, ResponseCode.Refused, ResponseCode.ServFail, ResponseCode.NotImp];

    /// <summary>An RCODE that a fixed zone may answer with.</summary>
    public static Parsed<ResponseCode?> Code(string text)
    {
        foreach (ResponseCode code in _codes)
        {
            if (text.Equals(code.ToString(), StringComparison.OrdinalIgnoreCase))
                return code;
        }

        return Values.Wrong(text, $"is not an RCODE that can be given; write one of {string.Join(", ", _codes).ToUpperInvariant()}");
    }

    /// <summary>A type by its name or as <c>TYPE65</c> (RFC 3597 section 5).</summary>
    public static Parsed<ushort> Type(string text) => Presentation.TryParseType(text, out ushort type)
        ? type
        : Values.Wrong(text, "is not a record type; write A, AAAA, TXT or the like, or TYPE65 for others");

    /// <summary><c>NAME [TTL] TYPE DATA</c>, names relative to the zone unless they end in a dot, <c>@</c> the zone itself.</summary>
    public static ValueParser<OwnRecord> Record(string zone) => text =>
    {
        if (!TrySplit(text, out List<string> words))
            return Values.Wrong(text, "has a quote that does not end, or a wrong escape");
        int at = 1;
        uint ttl = 3600;
        if (at < words.Count && words[at].All(char.IsAsciiDigit) && uint.TryParse(words[at], out ttl))
            at++;
        if (at < words.Count && words[at].Equals("IN", StringComparison.OrdinalIgnoreCase))
            at++;
        if (at >= words.Count || !_writable.Contains(words[at], StringComparer.OrdinalIgnoreCase) || !Presentation.TryParseType(words[at], out ushort type))
            return Values.Wrong(text, $"is not NAME TTL TYPE DATA with one of the types {string.Join(", ", _writable)}");
        if (ttl > int.MaxValue)
            return Values.Wrong(text, "has a TTL over 2147483647");
        if (Name(words[0], zone, mayBeWildcard: true) is not { } name || !DnsName.IsInZone(name, DnsName.FromText(zone)))
            return Values.Wrong(text, $"has an owner that is no name in the zone '{zone}'");
        byte[]? data = Data(type, words[(at + 1)..], zone);
        return data is { Length: <= MaxData } ? new OwnRecord(name, type, ttl, data) : Values.Wrong(text, $"has data that do not fit {words[at].ToUpperInvariant()}; {ExampleOf(type)}");
    };

    private static byte[]? Data(ushort type, List<string> words, string zone) => type switch
    {
        RecordType.A => words.Count == 1 ? Address(words[0], AddressFamily.InterNetwork) : null,
        RecordType.Aaaa => words.Count == 1 ? Address(words[0], AddressFamily.InterNetworkV6) : null,
        RecordType.Cname or RecordType.Ns or RecordType.Ptr => NumbersAndName(words, 0, zone),
        RecordType.Mx => NumbersAndName(words, 1, zone),
        RecordType.Srv => NumbersAndName(words, 3, zone),
        _ => Strings(words),
    };

    private static string ExampleOf(ushort type) => type switch
    {
        RecordType.A => "write A 192.0.2.1",
        RecordType.Aaaa => "write AAAA 2001:db8::1",
        RecordType.Mx => "write MX 10 mail",
        RecordType.Srv => "write SRV 0 5 5060 sip",
        RecordType.Txt => "write TXT \"some text\", each string at most 255 bytes",
        _ => "write a name, with a dot at its end when it is not in this zone",
    };

    private static byte[]? Address(string text, AddressFamily family) =>
        Addresses.UnicastOrAny(text) is { Mistake: null, Value: { } address } && address.AddressFamily == family ? address.GetAddressBytes() : null;

    private static byte[]? NumbersAndName(List<string> words, int numbers, string zone)
    {
        if (words.Count != numbers + 1 || Name(words[numbers], zone, mayBeWildcard: false) is not { } name)
            return null;
        byte[] data = new byte[2 * numbers + name.Length];
        for (int i = 0; i < numbers; i++)
        {
            if (!ushort.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
                return null;
            BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2 * i), number);
        }

        name.CopyTo(data, 2 * numbers);
        return data;
    }

    private static byte[]? Strings(List<string> words)
    {
        byte[][] strings = [.. words.Select(Encoding.Latin1.GetBytes)];
        return strings.Length == 0 || strings.Any(one => one.Length > MaxString) ? null : [.. strings.SelectMany(one => (byte[])[(byte)one.Length, .. one])];
    }

    private static byte[]? Name(string text, string zone, bool mayBeWildcard)
    {
        string full = text == "@" ? zone : text.EndsWith('.') || zone.Length == 0 ? text : $"{text}.{zone}";
        string fixedPart = mayBeWildcard && (full == "*" || full.StartsWith("*.", StringComparison.Ordinal)) ? full[1..].TrimStart('.') : full;
        Parsed<string> parsed = fixedPart.Length == 0 ? "" : Values.Zone(fixedPart);
        if (parsed.Mistake is not null)
            return null;
        byte[] name = DnsName.FromText(parsed.Value!);
        byte[] whole = fixedPart.Length == full.Length ? name : [1, (byte)'*', .. name];
        return whole.Length <= DnsName.MaxLength ? whole : null;
    }

    /// <summary>Words between blanks; in quotes with blanks, <c>\"</c>, <c>\\</c> and <c>\DDD</c>. The bytes of a string are kept as Latin-1 characters.</summary>
    private static bool TrySplit(string text, out List<string> words)
    {
        words = [];
        string bytes = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
        for (int i = 0; i < bytes.Length;)
        {
            if (bytes[i] is ' ' or '\t')
            {
                i++;
                continue;
            }

            bool isQuoted = bytes[i] == '"';
            i += isQuoted ? 1 : 0;
            StringBuilder word = new();
            while (i < bytes.Length && (isQuoted ? bytes[i] != '"' : bytes[i] is not (' ' or '\t')))
            {
                if (!TryTake(bytes, ref i, isQuoted, out char taken))
                    return false;
                word.Append(taken);
            }

            if (isQuoted && i++ >= bytes.Length)
                return false;
            words.Add(word.ToString());
        }

        return true;
    }

    private static bool TryTake(string bytes, ref int i, bool isQuoted, out char taken)
    {
        taken = bytes[i++];
        if (taken != '\\' || !isQuoted)
            return true;
        if (i >= bytes.Length)
            return false;
        taken = bytes[i++];
        if (!char.IsAsciiDigit(taken))
            return true;
        if (i + 2 > bytes.Length || !byte.TryParse(bytes.AsSpan(i - 1, 3), NumberStyles.None, CultureInfo.InvariantCulture, out byte value))
            return false;
        taken = (char)value;
        i += 2;
        return true;
    }
}

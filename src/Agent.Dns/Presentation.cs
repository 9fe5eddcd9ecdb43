using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;

namespace Agent.Dns;

/// <summary>Types and records as people read them (RFC 1035 section 5.1; what has no text form of its own as in RFC 3597 section 5).</summary>
public static class Presentation
{
    private static readonly Dictionary<ushort, string> _typeNames = new()
    {
        [RecordType.A] = "A",
        [RecordType.Ns] = "NS",
        [RecordType.Cname] = "CNAME",
        [RecordType.Soa] = "SOA",
        [RecordType.Ptr] = "PTR",
        [RecordType.Hinfo] = "HINFO",
        [RecordType.Mx] = "MX",
        [RecordType.Txt] = "TXT",
        [RecordType.Aaaa] = "AAAA",
        [RecordType.Srv] = "SRV",
        [RecordType.Naptr] = "NAPTR",
        [RecordType.Dname] = "DNAME",
        [43] = "DS",
        [RecordType.Rrsig] = "RRSIG",
        [RecordType.Nsec] = "NSEC",
        [48] = "DNSKEY",
        [RecordType.Nsec3] = "NSEC3",
        [52] = "TLSA",
        [64] = "SVCB",
        [65] = "HTTPS",
        [RecordType.Any] = "ANY",
        [257] = "CAA",
    };

    private static readonly Dictionary<string, ushort> _types = _typeNames.ToDictionary(name => name.Value, name => name.Key, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a type by its name or as <c>TYPE65</c> (RFC 3597 section 5).</summary>
    public static bool TryParseType(string text, out ushort type)
    {
        bool isNumber = text.StartsWith("TYPE", StringComparison.OrdinalIgnoreCase);
        return isNumber
            ? ushort.TryParse(text.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out type) && type > 0
            : _types.TryGetValue(text, out type);
    }

    public static string TypeName(ushort type) => _typeNames.GetValueOrDefault(type) ?? $"TYPE{type}";

    /// <summary>The records of a message from an offset on.</summary>
    /// <param name="ttl">Seconds, of all of them; null: what stands there.</param>
    internal static IReadOnlyList<string> Records(ReadOnlySpan<byte> message, int offset, uint? ttl = null)
    {
        List<string> records = [];
        while (offset < message.Length && ResourceRecord.TryParse(message, offset, out ResourceRecord record))
        {
            records.Add(Record(message, record, ttl ?? record.Ttl));
            offset = record.End;
        }

        return records;
    }

    /// <summary>One record: owner, TTL, class, type and data, separated by blanks.</summary>
    internal static string Record(ReadOnlySpan<byte> message, in ResourceRecord record, uint ttl)
    {
        string owner = Name(message, record.Owner);
        return string.Create(CultureInfo.InvariantCulture, $"{owner} {ttl} IN {TypeName(record.Type)} {Data(message, record)}");
    }

    private static string Data(ReadOnlySpan<byte> message, in ResourceRecord record)
    {
        ReadOnlySpan<byte> data = message[record.DataOffset..record.End];
        return record.Type switch
        {
            RecordType.A or RecordType.Aaaa => new IPAddress(data).ToString(),
            RecordType.Cname or RecordType.Ns or RecordType.Ptr or RecordType.Dname => Name(message, record.DataOffset),
            RecordType.Mx => Numbers(data, 1) + Name(message, record.DataOffset + 2),
            RecordType.Srv => Numbers(data, 3) + Name(message, record.DataOffset + 6),
            RecordType.Soa => Soa(message, record),
            RecordType.Txt => Strings(data),
            _ => $"\\# {data.Length} {Convert.ToHexStringLower(data)}".TrimEnd(),
        };
    }

    private static string Soa(ReadOnlySpan<byte> message, in ResourceRecord record)
    {
        StringBuilder text = new();
        int rname = DnsName.Skip(message, record.DataOffset);
        text.Append(Name(message, record.DataOffset)).Append(' ').Append(Name(message, rname));
        for (ReadOnlySpan<byte> numbers = message[DnsName.Skip(message, rname)..record.End]; numbers.Length > 0; numbers = numbers[4..])
            text.Append(CultureInfo.InvariantCulture, $" {BinaryPrimitives.ReadUInt32BigEndian(numbers)}");
        return text.ToString();
    }

    private static string Numbers(ReadOnlySpan<byte> data, int count)
    {
        StringBuilder text = new();
        for (int i = 0; i < count; i++)
            text.Append(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadUInt16BigEndian(data[(2 * i)..])} ");
        return text.ToString();
    }

    private static string Strings(ReadOnlySpan<byte> data)
    {
        StringBuilder text = new();
        while (data.Length > 0)
        {
            int length = Math.Min(data[0], data.Length - 1);
            text.Append(text.Length > 0 ? " \"" : "\"");
            foreach (byte value in data.Slice(1, length))
            {
                if (value is (byte)'"' or (byte)'\\')
                    text.Append('\\').Append((char)value);
                else if (value is >= 0x20 and < 0x7F)
                    text.Append((char)value);
                else
                    text.Append('\\').Append(value.ToString("D3", CultureInfo.InvariantCulture));
            }

            text.Append('"');
            data = data[(1 + length)..];
        }

        return text.ToString();
    }

    private static string Name(ReadOnlySpan<byte> message, int offset)
    {
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        return DnsName.ToText(name[..DnsName.Expand(message, offset, name)]);
    }
}

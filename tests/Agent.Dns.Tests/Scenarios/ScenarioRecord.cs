using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests.Scenarios;

/// <summary>Reads a record as a line has it: <c>OWNER TTL TYPE DATA</c>.</summary>
internal static class ScenarioRecord
{
    private static readonly Dictionary<string, ushort> _types = typeof(T).GetFields()
        .ToDictionary(field => field.Name.ToUpperInvariant(), field => (ushort)field.GetValue(null)!);

    /// <exception cref="FormatException">It is no record.</exception>
    public static Action<MessageBuilder> Parse(string section, string[] words)
    {
        if (words.Length < 4)
            throw new FormatException("a record is OWNER TTL TYPE DATA");
        string owner = words[0];
        uint ttl = uint.TryParse(words[1], CultureInfo.InvariantCulture, out uint value) ? value : throw new FormatException($"'{words[1]}' is no TTL");
        ushort type = TypeOf(words[2]);
        object[] data = DataOf(type, words[3..]);
        return section switch
        {
            "answer" => message => message.Answer(owner, type, ttl, data),
            "authority" => message => message.Authority(owner, type, ttl, data),
            "additional" => message => message.Additional(owner, type, ttl, data),
            _ => throw new FormatException($"there is no section '{section}'"),
        };
    }

    /// <exception cref="FormatException">It is no type.</exception>
    public static ushort TypeOf(string text) =>
        _types.TryGetValue(text, out ushort known) ? known
        : text.StartsWith("TYPE", StringComparison.Ordinal) && ushort.TryParse(text[4..], CultureInfo.InvariantCulture, out ushort number) ? number
        : throw new FormatException($"'{text}' is no record type; write TYPE65280 for one without a name");

    private static object[] DataOf(ushort type, string[] words) => type switch
    {
        _ when words[0] == "\\#" => [Convert.FromHexString(string.Concat(words[1..]))], // RFC 3597 section 5
        T.A => [Address(words, AddressFamily.InterNetwork)],
        T.Aaaa => [Address(words, AddressFamily.InterNetworkV6)],
        T.Cname or T.Ns or T.Ptr => [Only(words)],
        T.Mx when words.Length == 2 => [MessageBuilder.U16(Number(words[0])), words[1]],
        // As long as the number says; the names and counters of an SOA never matter, its MINIMUM does.
        T.Soa => ["ns.example", "admin.example", new byte[16], MessageBuilder.U32((uint)Number(Only(words)))],
        T.Txt when words[0].StartsWith("size=", StringComparison.Ordinal) => [Text(Number(Only(words)[5..]))],
        T.Txt => [Only(words).Length, Encoding.ASCII.GetBytes(words[0])],
        T.Nsec => [Only(words), 0, 1, 0x40],
        _ => throw new FormatException("data of this type is written as \\# and hexadecimal digits"),
    };

    private static byte[] Address(string[] words, AddressFamily family) =>
        IPAddress.TryParse(Only(words), out IPAddress? address) && address.AddressFamily == family
            ? address.GetAddressBytes()
            : throw new FormatException($"'{words[0]}' is no address of this type");

    private static int Number(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number >= 0 ? number : throw new FormatException($"'{text}' is no number");

    private static string Only(string[] words) => words.Length == 1 ? words[0] : throw new FormatException($"'{words[1]}' is one word too many");

    private static byte[] Text(int size)
    {
        byte[] strings = new byte[size];
        for (int i = 0; i < size; i += 201)
            strings[i] = (byte)Math.Min(200, size - i - 1);
        return strings;
    }
}

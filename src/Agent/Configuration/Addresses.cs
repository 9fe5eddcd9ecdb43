using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Agent.Configuration;

/// <summary>IP addresses and endpoints of the configuration file, read more strictly than <see cref="IPAddress.TryParse(string, out IPAddress)"/>.</summary>
internal static class Addresses
{
    /// <summary>The address of one interface or service: not a group, not "any".</summary>
    public static Parsed<IPAddress> Unicast(string text) => UnicastOrAny(text).Unless(address =>
        IsAny(address) ? $"{Quoting.Quote(text)} stands for any address; name one" : null);

    /// <summary>An address to listen on: like <see cref="Unicast"/>, but <c>0.0.0.0</c> and <c>::</c> too.</summary>
    public static Parsed<IPAddress> UnicastOrAny(string text) => TryParse(text) is { } address
        ? new Parsed<IPAddress>(address, null).Unless(parsed => UnusableBecause(parsed) is { } reason ? $"{Quoting.Quote(text)} {reason}" : null)
        : Values.Wrong(text, "is not an IP address; write 10.96.0.10 or fd00::10");

    /// <summary><c>10.244.0.2:53</c>, <c>[fd00::2]:53</c>, or an address alone, which means the default port.</summary>
    public static Parsed<IPEndPoint> Endpoint(string text, string defaultPort = "53")
    {
        (string host, string port) = SplitEndpoint(text, defaultPort);
        if (TryParse(host) is null || Values.Port(port) is not { Mistake: null, Value: int number })
            return Values.Wrong(text, "is not an address and port; write 10.244.0.2:53 or [fd00::2]:53");

        Parsed<IPAddress> address = Unicast(host);
        return address.Mistake is { } mistake ? new Refusal(mistake) : new IPEndPoint(address.Value!, number);
    }

    /// <summary><c>10.0.0.0/8</c>, <c>fd00::/8</c>, or an address alone, which means itself.</summary>
    public static Parsed<IPNetwork> Prefix(string text)
    {
        string[] parts = text.Split('/');
        IPAddress? address = TryParse(parts[0]);
        int longest = (address?.GetAddressBytes().Length ?? 0) * 8;
        Parsed<int> length = parts.Length == 1 ? longest : Values.Count(0, longest)(parts[^1]);
        if (address is null || parts.Length > 2 || length.Mistake is not null)
            return Values.Wrong(text, "is not a prefix; write 10.0.0.0/8 or fd00::/8");

        byte[] bytes = address.GetAddressBytes();
        for (int bit = length.Value; bit < longest; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        IPAddress first = new(bytes);
        if (first.IsIPv4MappedToIPv6 && length.Value >= 96)
            return Values.Wrong(text, $"is an IPv4 prefix in IPv6 form; write {first.MapToIPv4()}/{length.Value - 96}");
        return first.Equals(address)
            ? new IPNetwork(address, length.Value)
            : Values.Wrong(text, $"has bits set beyond its first {length.Value}; write {first}/{length.Value}");
    }

    public static string FamilyName(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    /// <summary>Whether there is an address that both stand for.</summary>
    public static bool Meet(IPAddress one, IPAddress other) => one.Equals(other) || IsAny(one) || IsAny(other);

    private static (string Host, string Port) SplitEndpoint(string text, string defaultPort)
    {
        if (text.StartsWith('['))
        {
            int close = text.IndexOf(']');
            if (close < 0 || !text.AsSpan(0, close).Contains(':'))
                return ("", "");
            string host = text[1..close];
            string rest = text[(close + 1)..];
            return rest.Length == 0 ? (host, defaultPort) : (host, rest.StartsWith(':') ? rest[1..] : "");
        }

        int colon = text.IndexOf(':');
        bool isBare = colon < 0 || text.IndexOf(':', colon + 1) >= 0;
        return isBare ? (text, defaultPort) : (text[..colon], text[(colon + 1)..]);
    }

    private static IPAddress? TryParse(string text)
    {
        if (!text.Contains(':'))
            return IsDottedQuad(text) ? IPAddress.Parse(text) : null;

        // IPAddress.TryParse also takes brackets, ports, prefixes and scopes: none of them is an address here.
        bool isPlain = text.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.');
        string embedded = text[(text.LastIndexOf(':') + 1)..];
        return isPlain && (!embedded.Contains('.') || IsDottedQuad(embedded)) && IPAddress.TryParse(text, out IPAddress? address) ? address : null;
    }

    // IPAddress.TryParse takes '1', '127.1' and '0x7f.1', and reads a leading zero as octal.
    private static bool IsDottedQuad(string text)
    {
        string[] parts = text.Split('.');
        return parts.Length == 4 && parts.All(part =>
            byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out byte value) && part == value.ToString(CultureInfo.InvariantCulture));
    }

    private static string? UnusableBecause(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return $"is an IPv4 address in IPv6 form; write {address.MapToIPv4()}";
        if (address.IsIPv6LinkLocal)
            return "is link-local: it means nothing without an interface, which cannot be given here";
        if (address.IsIPv6Multicast || address.GetAddressBytes() is [>= 224 and < 240, _, _, _])
            return "is a multicast address";
        return address.Equals(IPAddress.Broadcast) ? "is the broadcast address" : null;
    }

    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}

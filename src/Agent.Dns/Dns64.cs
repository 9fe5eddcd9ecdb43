using System.Buffers.Text;
using System.Net;

namespace Agent.Dns;

/// <summary>
/// How IPv4 addresses are given to clients that speak IPv6 alone (RFC 6147): mapped into a prefix that a NAT64 translates (RFC 6052). Immutable.
/// </summary>
public sealed class Dns64
{
    /// <summary>Seconds that a made answer may live when the absence of AAAA records came without SOA (RFC 6147 section 5.1.7).</summary>
    public const uint TtlWithoutSoa = 600;

    private const int Ipv6Size = 16;
    private const int Ipv4Size = 4;
    private const int ReservedByte = 8; // RFC 6052 section 2.2: bits 64 to 71 are zero
    private static readonly int[] _lengths = [32, 40, 48, 56, 64, 96];

    private readonly byte[] _prefix;
    private readonly int _prefixSize; // bytes
    private readonly (byte[] Prefix, int Length)[] _excluded;
    private readonly byte[][] _zones;

    /// <param name="prefix">IPv6, of a length for which <see cref="IsUsable"/> holds.</param>
    /// <param name="excluded">IPv6 prefixes whose addresses count as absent (RFC 6147 section 5.1.4).</param>
    /// <param name="zones">Only for names in these; expanded, lower case.</param>
    public Dns64(IPNetwork prefix, IEnumerable<IPNetwork> excluded, IEnumerable<byte[]> zones)
    {
        _prefix = prefix.BaseAddress.GetAddressBytes();
        _prefixSize = prefix.PrefixLength / 8;
        _excluded = [.. excluded.Select(network => (network.BaseAddress.GetAddressBytes(), network.PrefixLength))];
        _zones = [.. zones];
    }

    /// <summary>Whether IPv4 addresses can be mapped into a prefix (RFC 6052 section 2.2).</summary>
    public static bool IsUsable(IPNetwork prefix) =>
        prefix.BaseAddress.GetAddressBytes() is { Length: Ipv6Size } bytes && _lengths.Contains(prefix.PrefixLength) && bytes[ReservedByte] == 0;

    /// <summary>Whether a question for AAAA records may be answered from A records.</summary>
    /// <param name="flags">A client that validates for itself gets what is there (RFC 6147 section 5.5).</param>
    public bool Covers(ReadOnlySpan<byte> name, KeyFlags flags)
    {
        if (flags.HasFlag(KeyFlags.DnssecOk | KeyFlags.CheckingDisabled))
            return false;
        foreach (byte[] zone in _zones)
        {
            if (DnsName.IsInZone(name, zone))
                return true;
        }

        return false;
    }

    /// <summary>Whether an IPv6 address counts as absent.</summary>
    public bool IsExcluded(ReadOnlySpan<byte> address)
    {
        foreach ((byte[] prefix, int length) in _excluded)
        {
            int whole = length / 8;
            if (address[..whole].SequenceEqual(prefix.AsSpan(0, whole)) && (length % 8 == 0 || (address[whole] ^ prefix[whole]) >> (8 - length % 8) == 0))
                return true;
        }

        return false;
    }

    /// <summary>Maps an IPv4 address into the prefix (RFC 6052 section 2.2).</summary>
    public void Map(ReadOnlySpan<byte> ipv4, Span<byte> ipv6)
    {
        ipv6[..Ipv6Size].Clear();
        _prefix.AsSpan(0, _prefixSize).CopyTo(ipv6);
        for (int i = 0; i < Ipv4Size; i++)
            ipv6[PlaceOf(i)] = ipv4[i];
    }

    /// <summary>The <c>in-addr.arpa</c> name of the IPv4 address that an <c>ip6.arpa</c> name in the prefix stands for (RFC 6147 section 5.3.1); null for all others.</summary>
    public byte[]? FindIpv4Reverse(ReadOnlySpan<byte> name)
    {
        Span<byte> ipv6 = stackalloc byte[Ipv6Size];
        if (!TryParseReverse(name, ipv6) || !ipv6[.._prefixSize].SequenceEqual(_prefix.AsSpan(0, _prefixSize)))
            return null;
        Span<byte> ipv4 = stackalloc byte[Ipv4Size];
        for (int i = 0; i < Ipv4Size; i++)
            ipv4[i] = ipv6[PlaceOf(i)];
        Span<byte> mapped = stackalloc byte[Ipv6Size];
        Map(ipv4, mapped);
        // What is not zero around the address was never made from one.
        return mapped.SequenceEqual(ipv6) ? DnsName.ReverseOf(ipv4) : null;
    }

    private int PlaceOf(int index)
    {
        int place = _prefixSize + index;
        return _prefixSize <= ReservedByte && place >= ReservedByte ? place + 1 : place;
    }

    /// <summary>Reads 32 labels of one hexadecimal digit, the last digit of the address first (RFC 3596 section 2.5).</summary>
    private static bool TryParseReverse(ReadOnlySpan<byte> name, Span<byte> ipv6)
    {
        const int digits = 2 * Ipv6Size;
        if (name.Length != 2 * digits + 10 || !name[(2 * digits)..].SequenceEqual("\x03ip6\u0004arpa\0"u8))
            return false;
        ipv6.Clear();
        for (int i = 0; i < digits; i++)
        {
            if (name[2 * i] != 1 || !Utf8Parser.TryParse(name.Slice(2 * i + 1, 1), out byte digit, out _, 'x'))
                return false;
            ipv6[Ipv6Size - 1 - i / 2] |= (byte)(i % 2 == 0 ? digit : digit << 4);
        }

        return true;
    }
}

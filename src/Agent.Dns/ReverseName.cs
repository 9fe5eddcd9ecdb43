namespace Agent.Dns;

/// <summary>Reads what <see cref="DnsName.ReverseOf"/> writes.</summary>
internal static class ReverseName
{
    private const int Ipv6NameLength = 64 + 10;

    private static ReadOnlySpan<byte> Ipv4Zone => "\u0007in-addr\u0004arpa\0"u8;

    private static ReadOnlySpan<byte> Ipv6Zone => "\u0003ip6\u0004arpa\0"u8;

    /// <summary>Reads the address out of an expanded name, lower case.</summary>
    /// <param name="address">Room for 16 bytes.</param>
    /// <returns>4, 16, or 0 when the name is not of one whole address.</returns>
    public static int Parse(ReadOnlySpan<byte> name, Span<byte> address)
    {
        if (name.EndsWith(Ipv4Zone))
            return ParseIpv4(name[..^Ipv4Zone.Length], address) ? 4 : 0;
        return name.Length == Ipv6NameLength && name.EndsWith(Ipv6Zone) && ParseIpv6(name, address) ? 16 : 0;
    }

    private static bool ParseIpv4(ReadOnlySpan<byte> labels, Span<byte> address)
    {
        int at = 0;
        for (int i = 3; i >= 0; i--)
        {
            if (at >= labels.Length || at + 1 + labels[at] > labels.Length || !DashedAddress.TryParseByte(labels.Slice(at + 1, labels[at]), out address[i]))
                return false;
            at += 1 + labels[at];
        }

        return at == labels.Length;
    }

    private static bool ParseIpv6(ReadOnlySpan<byte> name, Span<byte> address)
    {
        for (int i = 0; i < 16; i++)
        {
            ReadOnlySpan<byte> pair = name.Slice(4 * (15 - i), 4);
            if (pair[0] != 1 || pair[2] != 1 || !TryParseNibble(pair[1], out int low) || !TryParseNibble(pair[3], out int high))
                return false;
            address[i] = (byte)((high << 4) | low);
        }

        return true;
    }

    private static bool TryParseNibble(byte digit, out int value)
    {
        value = digit is >= (byte)'0' and <= (byte)'9' ? digit - '0' : digit is >= (byte)'a' and <= (byte)'f' ? digit - 'a' + 10 : -1;
        return value >= 0;
    }
}

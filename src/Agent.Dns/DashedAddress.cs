using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace Agent.Dns;

/// <summary>Addresses as one label, <c>10-244-1-5</c> or <c>fd00--5</c>, as in names of pods and of endpoints without a hostname.</summary>
public static class DashedAddress
{
    private const int GroupCount = 8;

    /// <param name="address">4 or 16 bytes.</param>
    public static byte[] ToLabel(ReadOnlySpan<byte> address) =>
        Encoding.ASCII.GetBytes(address.Length == 4 ? $"{address[0]}-{address[1]}-{address[2]}-{address[3]}" : Ipv6Text(address));

    /// <summary>Reads a label's content.</summary>
    /// <param name="address">Room for 16 bytes.</param>
    /// <returns>4, 16, or 0 when it is no address.</returns>
    internal static int Parse(ReadOnlySpan<byte> label, Span<byte> address)
    {
        bool isIpv4 = label.Count((byte)'-') == 3 && label.IndexOf("--"u8) < 0;
        if (isIpv4)
            return TryParseIpv4(label, (byte)'-', address) ? 4 : 0;
        if (!TryParseIpv6(label, address))
            return 0;
        // An IPv4 address in IPv6's clothes is an IPv4 address.
        if (address[..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]))
        {
            address[12..16].CopyTo(address);
            return 4;
        }

        return 16;
    }

    private static bool TryParseIpv4(ReadOnlySpan<byte> text, byte separator, Span<byte> address)
    {
        for (int i = 0; i < 4; i++)
        {
            int end = i < 3 ? text.IndexOf(separator) : text.Length;
            if (end < 0 || !TryParseByte(text[..end], out address[i]))
                return false;
            text = i < 3 ? text[(end + 1)..] : default;
        }

        return true;
    }

    /// <summary>A number from 0 to 255 without leading zeros.</summary>
    internal static bool TryParseByte(ReadOnlySpan<byte> digits, out byte value)
    {
        value = 0;
        return digits.Length is > 0 and <= 3 && (digits.Length == 1 || digits[0] != '0')
            && Utf8Parser.TryParse(digits, out value, out int used) && used == digits.Length;
    }

    private static bool TryParseIpv6(ReadOnlySpan<byte> text, Span<byte> address)
    {
        int gap = -1; // the group before which the zeros were left out
        int count = 0;
        if (text.StartsWith("--"u8))
        {
            gap = 0;
            text = text[2..];
        }

        while (text.Length > 0)
        {
            int end = text.IndexOf((byte)'-');
            ReadOnlySpan<byte> digits = end < 0 ? text : text[..end];
            if (count == GroupCount || digits.Length is 0 or > 4 || !Utf8Parser.TryParse(digits, out ushort group, out int used, 'x') || used != digits.Length)
                return false;
            BinaryPrimitives.WriteUInt16BigEndian(address[(2 * count++)..], group);
            if (end < 0)
                break;
            text = text[(end + 1)..];
            if (text.Length == 0)
                return false;
            if (text[0] != '-')
                continue;
            if (gap >= 0)
                return false;
            gap = count;
            text = text[1..];
        }

        if (gap < 0 || count == GroupCount)
            return gap < 0 && count == GroupCount;
        int tail = 2 * (count - gap);
        address.Slice(2 * gap, tail).CopyTo(address[(16 - tail)..16]);
        address[(2 * gap)..(16 - tail)].Clear();
        return true;
    }

    /// <summary>RFC 5952, with dashes; a label that would end in one gets a zero.</summary>
    private static string Ipv6Text(ReadOnlySpan<byte> address)
    {
        (int gap, int gapLength) = LongestZeros(address);
        StringBuilder text = new();
        for (int i = 0; i < GroupCount; i++)
        {
            if (i == gap)
            {
                text.Append(i == 0 ? "--" : "-");
                i += gapLength - 1;
                continue;
            }

            text.Append($"{BinaryPrimitives.ReadUInt16BigEndian(address[(2 * i)..]):x}");
            if (i < GroupCount - 1)
                text.Append('-');
        }

        return text[^1] == '-' ? text.Append('0').ToString() : text.ToString();
    }

    private static (int Start, int Length) LongestZeros(ReadOnlySpan<byte> address)
    {
        (int start, int length) = (-1, 1); // RFC 5952 section 4.2.2: a single zero is written
        for (int i = 0; i < GroupCount; i++)
        {
            int end = i;
            while (end < GroupCount && address[2 * end] == 0 && address[2 * end + 1] == 0)
                end++;
            if (end - i > length)
                (start, length) = (i, end - i);
            i = Math.Max(i, end - 1);
        }

        return (start, length);
    }
}

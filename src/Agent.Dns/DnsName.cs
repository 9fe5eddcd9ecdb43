using System.Runtime.Intrinsics;
using System.Text;

namespace Agent.Dns;

/// <summary>Names in wire form: labels with their lengths, ended by the root's zero (RFC 1035 section 3.1).</summary>
public static class DnsName
{
    /// <summary>Bytes, the root's zero included.</summary>
    public const int MaxLength = 255;

    private const int PointerMask = 0xC0;
    private const int MaxPointers = 64; // no writer of names needs more, and chains of them would cost time for nothing

    /// <summary>Finds the end of a name without compression, as a question has it.</summary>
    /// <returns>The name's length in bytes, or 0 when it is none.</returns>
    public static int Measure(ReadOnlySpan<byte> bytes)
    {
        int limit = Math.Min(bytes.Length, MaxLength);
        for (int i = 0; i < limit; i += bytes[i] + 1)
        {
            if (bytes[i] == 0)
                return i + 1;
            if (bytes[i] > 63)
                return 0;
        }

        return 0;
    }

    /// <summary>Steps over a name that may end in a compression pointer, checking it and all it points to.</summary>
    /// <returns>The offset behind it, or -1 when it is malformed: a loop, a forward pointer, a label type unknown, over 255 bytes.</returns>
    public static int Skip(ReadOnlySpan<byte> message, int offset)
    {
        int end = -1;
        int length = 1;
        int pointers = 0;
        int lowest = offset; // each pointer must lead before all that was read so far, so that no loop is possible
        while ((uint)offset < (uint)message.Length)
        {
            int label = message[offset];
            if (label == 0)
                return end < 0 ? offset + 1 : end;
            if ((label & PointerMask) == PointerMask)
            {
                if (offset + 1 >= message.Length || ++pointers > MaxPointers)
                    return -1;
                end = end < 0 ? offset + 2 : end;
                offset = ((label & ~PointerMask) << 8) | message[offset + 1];
                if (offset >= lowest)
                    return -1;
                lowest = offset;
                continue;
            }

            length += label + 1;
            if (label > 63 || length > MaxLength)
                return -1;
            offset += label + 1;
        }

        return -1;
    }

    /// <summary>Writes the name at <paramref name="offset"/> without compression. Only for names that <see cref="Skip"/> accepted.</summary>
    /// <returns>Its length in bytes.</returns>
    public static int Expand(ReadOnlySpan<byte> message, int offset, Span<byte> name)
    {
        int length = 0;
        while (true)
        {
            offset = Follow(message, offset);
            int label = message[offset];
            message.Slice(offset, label + 1).CopyTo(name[length..]);
            length += label + 1;
            if (label == 0)
                return length;
            offset += label + 1;
        }
    }

    /// <summary>Compares two names, each checked before, without regard to case (RFC 4343).</summary>
    public static bool Equals(ReadOnlySpan<byte> message, int offset, ReadOnlySpan<byte> otherMessage, int otherOffset) =>
        Equals(message, offset, otherMessage, otherOffset, out _);

    /// <summary>As the other, and tells how many labels had to be compared.</summary>
    internal static bool Equals(ReadOnlySpan<byte> message, int offset, ReadOnlySpan<byte> otherMessage, int otherOffset, out int labels)
    {
        for (labels = 1; ; labels++)
        {
            offset = Follow(message, offset);
            otherOffset = Follow(otherMessage, otherOffset);
            int label = message[offset];
            if (label != otherMessage[otherOffset])
                return false;
            if (label == 0)
                return true;
            if (!LabelEquals(message.Slice(offset + 1, label), otherMessage.Slice(otherOffset + 1, label)))
                return false;
            offset += label + 1;
            otherOffset += label + 1;
        }
    }

    /// <summary>Whether an expanded name is the zone's apex or below it; both lower case.</summary>
    public static bool IsInZone(ReadOnlySpan<byte> name, ReadOnlySpan<byte> zone)
    {
        for (int i = 0; name.Length - i >= zone.Length; i += name[i] + 1)
        {
            if (name.Length - i == zone.Length)
                return name[i..].SequenceEqual(zone);
        }

        return false;
    }

    /// <summary>Copies bytes with A to Z in lower case. Length bytes are below 'A', so whole names may be given.</summary>
    public static void ToLower(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        int i = 0;
        for (; i + Vector128<byte>.Count <= source.Length; i += Vector128<byte>.Count)
        {
            Vector128<byte> bytes = Vector128.Create(source.Slice(i, Vector128<byte>.Count));
            Vector128<byte> isUpper = Vector128.LessThan(bytes - Vector128.Create((byte)'A'), Vector128.Create((byte)26));
            (bytes | (isUpper & Vector128.Create((byte)0x20))).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
            destination[i] = ToLower(source[i]);
    }

    /// <summary>A name from its text form, lower case: <c>cluster.local</c>, a trailing dot allowed, the root as <c>.</c> or empty.</summary>
    /// <exception cref="FormatException">A label is empty or over 63 bytes, or the name is over 255.</exception>
    public static byte[] FromText(string text)
    {
        string trimmed = text.EndsWith('.') ? text[..^1] : text;
        if (trimmed.Length == 0)
            return [0];
        using MemoryStream name = new();
        foreach (string label in trimmed.Split('.'))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(label.ToLowerInvariant());
            if (bytes.Length is 0 or > 63)
                throw new FormatException($"'{text}' is no DNS name: a label has {bytes.Length} bytes");
            name.WriteByte((byte)bytes.Length);
            name.Write(bytes);
        }

        name.WriteByte(0);
        return name.Length <= MaxLength ? name.ToArray() : throw new FormatException($"'{text}' is no DNS name: over {MaxLength} bytes");
    }

    /// <summary>The name under which an address is found in reverse (RFC 1035 section 3.5, RFC 3596 section 2.5).</summary>
    /// <param name="address">4 or 16 bytes.</param>
    public static byte[] ReverseOf(ReadOnlySpan<byte> address)
    {
        StringBuilder text = new();
        for (int i = address.Length - 1; i >= 0; i--)
            text.Append(address.Length == 4 ? $"{address[i]}." : $"{address[i] & 15:x}.{address[i] >> 4:x}.");
        return FromText(text.Append(address.Length == 4 ? "in-addr.arpa" : "ip6.arpa").ToString());
    }

    /// <summary>The text form of an expanded name, with <c>\.</c>, <c>\\</c> and <c>\DDD</c> escapes (RFC 4343 section 2.1).</summary>
    public static string ToText(ReadOnlySpan<byte> name)
    {
        StringBuilder text = new();
        for (int i = 0; name[i] != 0; i += name[i] + 1)
        {
            foreach (byte value in name.Slice(i + 1, name[i]))
            {
                if (value is (byte)'.' or (byte)'\\' or (byte)'"')
                    text.Append('\\').Append((char)value);
                else if (value is > 0x20 and < 0x7F)
                    text.Append((char)value);
                else
                    text.Append('\\').Append(value.ToString("D3"));
            }

            text.Append('.');
        }

        return text.Length == 0 ? "." : text.ToString();
    }

    private static int Follow(ReadOnlySpan<byte> message, int offset)
    {
        while ((message[offset] & PointerMask) == PointerMask)
            offset = ((message[offset] & ~PointerMask) << 8) | message[offset + 1];
        return offset;
    }

    private static bool LabelEquals(ReadOnlySpan<byte> label, ReadOnlySpan<byte> other)
    {
        for (int i = 0; i < label.Length; i++)
        {
            if (label[i] != other[i] && ToLower(label[i]) != ToLower(other[i]))
                return false;
        }

        return true;
    }

    private static byte ToLower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
}

using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>The query that a key is forwarded as: nothing of the client's message but the question, DO and CD goes upstream.</summary>
public static class UpstreamQuery
{
    /// <summary>Bytes: room for the longest.</summary>
    public const int MaxLength = Header.Size + DnsName.MaxLength + 4 + OptSize;

    /// <summary>Bytes: room for the longest with its padding.</summary>
    public const int MaxPaddedLength = (MaxLength + OptionHeaderSize + PaddingBlock - 1) / PaddingBlock * PaddingBlock;

    /// <summary>Bytes: the largest response over UDP that is asked for (RFC 9715 section 3.2).</summary>
    public const ushort UdpSize = 1232;

    private const int OptSize = 11;
    private const int OptionHeaderSize = 4;
    private const byte PaddingOption = 12; // RFC 7830
    private const int PaddingBlock = 128; // bytes (RFC 8467 section 4.1)

    /// <param name="caseBits">Which letters of the name are sent in upper case: 0 for none (draft-vixie-dnsext-dns0x20).</param>
    /// <param name="hasEdns">False for a server that does not take EDNS.</param>
    /// <returns>The message's length in bytes.</returns>
    public static int Write(ReadOnlySpan<byte> key, ushort id, ulong caseBits, bool hasEdns, Span<byte> message)
    {
        KeyFlags flags = (KeyFlags)key[^3];
        int offset = WriteQuestion(key, message);
        Span<byte> name = message.Slice(Header.Size, key.Length - 5);
        for (int i = 0; i < name.Length; i++)
            name[i] = WithCase(name[i], i, caseBits);
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        message[2] = Header.RecursionDesired;
        message[3] = (flags & KeyFlags.CheckingDisabled) != 0 ? Header.CheckingDisabled : (byte)0;
        if (!hasEdns)
            return offset;

        message[11] = 1; // ARCOUNT
        Span<byte> opt = message.Slice(offset, OptSize);
        opt.Clear();
        opt[2] = (byte)RecordType.Opt;
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], UdpSize);
        opt[7] = (byte)((flags & KeyFlags.DnssecOk) != 0 ? 0x80 : 0);
        return offset + OptSize;
    }

    /// <summary>Pads what <see cref="Write"/> wrote with EDNS, so that its length, which encryption does not hide, says little of its name.</summary>
    /// <param name="message">The query at the front of <see cref="MaxPaddedLength"/> bytes.</param>
    /// <param name="length">The query's length in bytes; its last record is the OPT, without options.</param>
    /// <returns>The padded length.</returns>
    public static int Pad(Span<byte> message, int length)
    {
        int padded = (length + OptionHeaderSize + PaddingBlock - 1) / PaddingBlock * PaddingBlock;
        Span<byte> option = message[length..padded];
        option.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message[(length - 2)..], (ushort)option.Length); // RDLENGTH
        option[1] = PaddingOption;
        BinaryPrimitives.WriteUInt16BigEndian(option[2..], (ushort)(option.Length - OptionHeaderSize));
        return padded;
    }

    /// <summary>Whether a response's question has the letters that were sent: who only guesses does not know them.</summary>
    public static bool HasCase(ReadOnlySpan<byte> response, ReadOnlySpan<byte> key, ulong caseBits)
    {
        int length = key.Length - 5;
        if (response.Length < Header.Size + length)
            return false;
        for (int i = 0; i < length; i++)
        {
            if (response[Header.Size + i] != WithCase(key[i], i, caseBits))
                return false;
        }

        return true;
    }

    private static byte WithCase(byte value, int index, ulong caseBits) =>
        value is >= (byte)'a' and <= (byte)'z' && (caseBits >> (index & 63) & 1) != 0 ? (byte)(value & ~0x20) : value;

    /// <summary>Writes a cleared header with one question, and that question.</summary>
    /// <returns>The length so far.</returns>
    internal static int WriteQuestion(ReadOnlySpan<byte> key, Span<byte> message)
    {
        message[..Header.Size].Clear();
        message[5] = 1; // QDCOUNT
        int offset = Header.Size + key.Length - 5;
        key[..^5].CopyTo(message[Header.Size..]);
        key[^2..].CopyTo(message[offset..]);
        key[^5..^3].CopyTo(message[(offset + 2)..]);
        return offset + 4;
    }
}

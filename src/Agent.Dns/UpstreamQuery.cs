using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>The query that a key is forwarded as: nothing of the client's message but the question, DO and CD goes upstream.</summary>
public static class UpstreamQuery
{
    /// <summary>Bytes: room for the longest.</summary>
    public const int MaxLength = Header.Size + DnsName.MaxLength + 4 + OptSize;

    private const int OptSize = 11;
    private const ushort UdpSize = 1232; // RFC 9715 section 3.2

    /// <returns>The message's length in bytes.</returns>
    public static int Write(ReadOnlySpan<byte> key, ushort id, Span<byte> message)
    {
        KeyFlags flags = (KeyFlags)key[^3];
        message[..Header.Size].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        message[2] = Header.RecursionDesired;
        message[3] = (flags & KeyFlags.CheckingDisabled) != 0 ? Header.CheckingDisabled : (byte)0;
        message[5] = 1; // QDCOUNT
        message[11] = 1; // ARCOUNT

        int nameLength = key.Length - 5;
        key[..nameLength].CopyTo(message[Header.Size..]);
        int offset = Header.Size + nameLength;
        key[^2..].CopyTo(message[offset..]);
        key[^5..^3].CopyTo(message[(offset + 2)..]);

        Span<byte> opt = message.Slice(offset + 4, OptSize);
        opt.Clear();
        opt[2] = (byte)RecordType.Opt;
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], UdpSize);
        opt[7] = (byte)((flags & KeyFlags.DnssecOk) != 0 ? 0x80 : 0);
        return offset + 4 + OptSize;
    }
}

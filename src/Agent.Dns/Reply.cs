using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>What every reply ends with, and replies that need no answer: errors and truncation.</summary>
public static class Reply
{
    private const int OptSize = 11;
    private const int ExtendedErrorSize = 6; // option code, length, INFO-CODE
    private const ushort AdvertisedUdpSize = 1232;
    private const ushort ExtendedErrorOption = 15;
    private const int KeepaliveSize = 6; // option code, length, TIMEOUT
    private const ushort KeepaliveOption = 11;
    private const ushort TcpIdle = 100; // the 10 s of Serving.TcpConnection, in tenths of a second

    /// <summary>Writes a reply without records.</summary>
    /// <returns>Its length in bytes.</returns>
    public static int WriteError(in Query query, ResponseCode code, ExtendedError error, Span<byte> reply)
    {
        query.Head.CopyTo(reply);
        reply[6..Header.Size].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(reply[4..], (ushort)(query.Head.Length > Header.Size ? 1 : 0));
        WriteFlags(query, code, reply);
        return query.Head.Length + WriteOpt(query, code, error, reply, query.Head.Length);
    }

    /// <summary>Writes the reply that sends the client to TCP.</summary>
    internal static int WriteTruncated(in Query query, ResponseCode code, Span<byte> reply)
    {
        int length = WriteError(query, code, ExtendedError.None, reply);
        reply[2] |= Header.Truncated;
        return length;
    }

    /// <summary>Bytes that <see cref="WriteOpt"/> adds.</summary>
    internal static int OptLength(in Query query, ExtendedError error) =>
        !query.HasEdns ? 0 : OptSize + (error == ExtendedError.None ? 0 : ExtendedErrorSize) + (query.WantsKeepalive ? KeepaliveSize : 0);

    /// <summary>Sets QR, RA, the RCODE, and the opcode, RD and CD of the query; AA, TC, AD and Z are clear.</summary>
    internal static void WriteFlags(in Query query, ResponseCode code, Span<byte> reply)
    {
        reply[2] = (byte)(Header.Response | (query.Head[2] & 0x79)); // opcode and RD
        reply[3] = (byte)(Header.RecursionAvailable | (query.Head[3] & Header.CheckingDisabled) | ((int)code & 0x0F));
    }

    /// <summary>Makes the RCODE of a reply NOERROR.</summary>
    internal static void ClearCode(Span<byte> reply) => reply[3] &= 0xF0;

    /// <summary>Appends the OPT record of a client that sent one (RFC 6891 section 6.1.1), version 0, its options not echoed.</summary>
    /// <returns>The bytes added.</returns>
    internal static int WriteOpt(in Query query, ResponseCode code, ExtendedError error, Span<byte> reply, int offset)
    {
        int length = OptLength(query, error);
        if (length == 0 || offset + length > reply.Length)
            return 0;
        Span<byte> opt = reply.Slice(offset, length);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], RecordType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], AdvertisedUdpSize);
        opt[5] = (byte)((int)code >> 4);
        opt[7] = (byte)(query.IsDnssecOk ? 0x80 : 0); // RFC 3225 section 3
        BinaryPrimitives.WriteUInt16BigEndian(opt[9..], (ushort)(length - OptSize));
        Span<byte> options = opt[OptSize..];
        if (query.WantsKeepalive)
        {
            WriteOption(options, KeepaliveOption, TcpIdle);
            options = options[KeepaliveSize..];
        }

        if (error != ExtendedError.None)
            WriteOption(options, ExtendedErrorOption, (ushort)error);

        BinaryPrimitives.WriteUInt16BigEndian(reply[10..], 1); // stored answers have no additional records of their own
        return length;
    }

    private static void WriteOption(Span<byte> option, ushort code, ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(option, code);
        BinaryPrimitives.WriteUInt16BigEndian(option[2..], sizeof(ushort));
        BinaryPrimitives.WriteUInt16BigEndian(option[4..], value);
    }
}

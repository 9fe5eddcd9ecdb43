using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>Questions that no upstream should ever see: special-use names (RFC 6761 section 6) and ANY over UDP (RFC 8482).</summary>
internal static class SpecialNames
{
    private const uint Ttl = 3600;

    /// <summary>Answers the question if it is one of these.</summary>
    public static bool TryAnswer(in Query query, bool isUdp, Span<byte> reply, out int length)
    {
        length = 0;
        if (query.Type == RecordType.Any && isUdp)
            length = WriteRecord(query, RecordType.Hinfo, "\x07RFC8482\0"u8, reply);
        else if (DnsName.IsInZone(query.Name, "\x09localhost\0"u8))
            length = WriteLocalhost(query, reply);
        else if (DnsName.IsInZone(query.Name, "\x07invalid\0"u8))
            length = Reply.WriteError(query, ResponseCode.NxDomain, ExtendedError.None, reply);
        return length > 0;
    }

    private static int WriteLocalhost(in Query query, Span<byte> reply) => query.Type switch
    {
        RecordType.A => WriteRecord(query, RecordType.A, [127, 0, 0, 1], reply),
        RecordType.Aaaa => WriteRecord(query, RecordType.Aaaa, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], reply),
        _ => Reply.WriteError(query, ResponseCode.NoError, ExtendedError.None, reply),
    };

    private static int WriteRecord(in Query query, ushort type, ReadOnlySpan<byte> data, Span<byte> reply)
    {
        int offset = query.Head.Length;
        if (offset + 12 + data.Length + Reply.OptLength(query, ExtendedError.None) > reply.Length)
            return Reply.WriteTruncated(query, ResponseCode.NoError, reply);
        query.Head.CopyTo(reply);
        reply[4..Header.Size].Clear();
        reply[5] = 1; // QDCOUNT
        reply[7] = 1; // ANCOUNT
        Reply.WriteFlags(query, ResponseCode.NoError, reply);
        Span<byte> record = reply[offset..];
        BinaryPrimitives.WriteUInt16BigEndian(record, 0xC000 | Header.Size); // the question's name
        BinaryPrimitives.WriteUInt16BigEndian(record[2..], type);
        BinaryPrimitives.WriteUInt16BigEndian(record[4..], query.Class);
        BinaryPrimitives.WriteUInt32BigEndian(record[6..], Ttl);
        BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)data.Length);
        data.CopyTo(record[12..]);
        offset += 12 + data.Length;
        return offset + Reply.WriteOpt(query, ResponseCode.NoError, ExtendedError.None, reply, offset);
    }
}

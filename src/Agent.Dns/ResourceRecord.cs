using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>One record's place in its message (RFC 1035 section 4.1.3).</summary>
internal readonly record struct ResourceRecord(int Owner, ushort Type, ushort Class, uint Ttl, int DataOffset, int End)
{
    /// <summary>Reads the record at <paramref name="offset"/> and checks its names and lengths.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, int offset, out ResourceRecord record)
    {
        record = default;
        int end = DnsName.Skip(message, offset);
        if (end < 0 || end + 10 > message.Length)
            return false;
        uint ttl = BinaryPrimitives.ReadUInt32BigEndian(message[(end + 4)..]);
        int data = end + 10;
        record = new ResourceRecord(
            offset,
            BinaryPrimitives.ReadUInt16BigEndian(message[end..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[(end + 2)..]),
            ttl > int.MaxValue ? 0 : ttl, // RFC 2181 section 8: the most significant bit set means zero
            data,
            data + BinaryPrimitives.ReadUInt16BigEndian(message[(end + 8)..]));
        return record.End <= message.Length && RecordData.IsValid(message, record);
    }
}

using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// The A or AAAA records that end an answer section: one RRset, so all alike but for the address, and any of them may come first.
/// </summary>
internal readonly record struct Rotation(ushort Offset, byte Count)
{
    private const int FixedSize = 10; // type, class, TTL, RDLENGTH

    /// <summary>Finds them in a composed message. None is returned as a count of 0.</summary>
    /// <param name="ttlOffsets">Where the records' TTLs are, of all sections in order.</param>
    public static Rotation Find(ReadOnlySpan<byte> message, ReadOnlySpan<ushort> ttlOffsets)
    {
        int last = Math.Min(new Header(message).AnswerCount, ttlOffsets.Length) - 1;
        int first = last;
        while (first > 0 && IsSameSet(message, ttlOffsets[first - 1], ttlOffsets[last]))
            first--;
        // Records of one set repeat at an even distance, because their owner is written as the same pointer.
        int count = last - first + 1;
        if (last < 1 || count is < 2 or > byte.MaxValue || !IsAddress(message, ttlOffsets[last]))
            return default;
        int distance = ttlOffsets[last] - ttlOffsets[last - 1];
        return ttlOffsets[last] - ttlOffsets[first] == distance * (count - 1) && distance == 2 + FixedSize + AddressLength(message, ttlOffsets[last])
            ? new Rotation((ushort)(ttlOffsets[first] - 6), (byte)count)
            : default;
    }

    /// <summary>Writes the addresses of <paramref name="message"/> into <paramref name="reply"/>, beginning with the one at <paramref name="start"/>.</summary>
    public void Copy(ReadOnlySpan<byte> message, Span<byte> reply, int start)
    {
        int address = AddressLength(message, (ushort)(Offset + 6));
        int distance = 2 + FixedSize + address;
        int data = Offset + 2 + FixedSize;
        for (int i = 0; i < Count; i++)
        {
            int from = (start + i) % Count;
            message.Slice(data + from * distance, address).CopyTo(reply[(data + i * distance)..]);
        }
    }

    private static bool IsSameSet(ReadOnlySpan<byte> message, ushort ttl, ushort otherTtl) =>
        ttl >= 6 && message.Slice(ttl - 6, 6).SequenceEqual(message.Slice(otherTtl - 6, 6));

    private static bool IsAddress(ReadOnlySpan<byte> message, ushort ttl) =>
        BinaryPrimitives.ReadUInt16BigEndian(message[(ttl - 4)..]) is RecordType.A or RecordType.Aaaa;

    private static int AddressLength(ReadOnlySpan<byte> message, ushort ttl) =>
        BinaryPrimitives.ReadUInt16BigEndian(message[(ttl + 4)..]);
}

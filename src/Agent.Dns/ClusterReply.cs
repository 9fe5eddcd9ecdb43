using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>Composes an answer from the table into the client's buffer, record by record.</summary>
internal ref struct ClusterReply
{
    private const byte Authoritative = 0x04; // of the header's third byte
    private const ushort ClassIn = 1;
    private const uint MaxNegativeTtl = 300; // as CoreDNS

    private readonly Span<byte> _reply;
    private readonly Span<byte> _room; // without what the OPT record takes
    private readonly ClusterZone _zone;
    private int _length;

    public ClusterReply(in Query query, ClusterZone zone, Span<byte> reply)
    {
        _reply = reply;
        _room = reply[..Math.Max(query.Head.Length, reply.Length - Reply.OptLength(query, ExtendedError.None))];
        _zone = zone;
        query.Head.CopyTo(reply);
        _length = query.Head.Length;
    }

    /// <summary>Records that were added.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a record did not fit.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Where the next record begins in the message.</summary>
    public readonly int Length => _length;

    /// <summary>A pointer to what begins at an offset in the question's name.</summary>
    public static ushort PointerTo(int nameOffset) => (ushort)(0xC000 | (Header.Size + nameOffset));

    public void Add(scoped ReadOnlySpan<byte> owner, ushort type, uint ttl, scoped ReadOnlySpan<byte> data)
    {
        int size = owner.Length + 10 + data.Length;
        if (IsFull || _length + size > _room.Length)
        {
            IsFull = true;
            return;
        }

        Span<byte> record = _room.Slice(_length, size);
        owner.CopyTo(record);
        record = record[owner.Length..];
        BinaryPrimitives.WriteUInt16BigEndian(record, type);
        BinaryPrimitives.WriteUInt16BigEndian(record[2..], ClassIn);
        BinaryPrimitives.WriteUInt32BigEndian(record[4..], ttl);
        BinaryPrimitives.WriteUInt16BigEndian(record[8..], (ushort)data.Length);
        data.CopyTo(record[10..]);
        _length += size;
        Count++;
    }

    public void Add(scoped ReadOnlySpan<byte> owner, ushort type, scoped ReadOnlySpan<byte> data) => Add(owner, type, _zone.Ttl, data);

    public void AddAddress(scoped ReadOnlySpan<byte> owner, scoped ReadOnlySpan<byte> address) =>
        Add(owner, address.Length == 4 ? RecordType.A : RecordType.Aaaa, address);

    /// <summary>Adds the address if it is of the family that was asked for.</summary>
    public void AddAddress(scoped ReadOnlySpan<byte> owner, scoped ReadOnlySpan<byte> address, ushort type)
    {
        if (type == (address.Length == 4 ? RecordType.A : RecordType.Aaaa))
            Add(owner, type, address);
    }

    /// <summary>Adds an SRV record (RFC 2782), its target a host of a Service or, without a host, the Service.</summary>
    public void AddServer(int weight, ushort port, scoped ReadOnlySpan<byte> host, scoped ReadOnlySpan<byte> serviceKey)
    {
        Span<byte> data = stackalloc byte[6 + DnsName.MaxLength];
        data[..2].Clear(); // priority
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)weight);
        BinaryPrimitives.WriteUInt16BigEndian(data[4..], port);
        // RFC 2782: the target is not compressed.
        int length = _zone.WriteServiceName(host, serviceKey, data[6..]);
        if (length > 0)
            Add(OwnRecord.QuestionName, RecordType.Srv, data[..(6 + length)]);
    }

    /// <summary>Adds the zone's SOA as CoreDNS composes it.</summary>
    /// <param name="domainOffset">Where the cluster domain begins in the question's name.</param>
    public void AddSoa(int domainOffset, uint serial)
    {
        Span<byte> domain = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(domain, PointerTo(domainOffset));
        Span<byte> data = stackalloc byte[42];
        "\u0002ns\u0003dns"u8.CopyTo(data);
        domain.CopyTo(data[7..]);
        "\x0ahostmaster"u8.CopyTo(data[9..]);
        domain.CopyTo(data[20..]);
        ReadOnlySpan<uint> numbers = [serial, 7200, 1800, 86400, _zone.Ttl];
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(data[(22 + 4 * i)..], numbers[i]);
        Add(domain, RecordType.Soa, Math.Min(_zone.Ttl, MaxNegativeTtl), data);
    }

    /// <summary>Whether the records from an offset on, all of the address's family and under one owner, have this address.</summary>
    public readonly bool HasAddress(int start, int ownerLength, ReadOnlySpan<byte> address)
    {
        int size = ownerLength + 10 + address.Length;
        for (; start + size <= _length; start += size)
        {
            if (_room.Slice(start + size - address.Length, address.Length).SequenceEqual(address))
                return true;
        }

        return false;
    }

    /// <summary>Turns the last records, all of one size, round, so that another is the first.</summary>
    /// <param name="start">Where the first of them begins.</param>
    public readonly void Rotate(int start, int count, int by)
    {
        if (count < 2)
            return;
        Span<byte> set = _room[start.._length];
        int size = set.Length / count;
        int split = by % count * size;
        Reverse(set[..split], size);
        Reverse(set[split..], size);
        Reverse(set, size);
    }

    /// <summary>Undoes what was added after a moment.</summary>
    public void CutTo(int length, int count) => (_length, Count, IsFull) = (length, count, false);

    /// <summary>Writes what is around the records.</summary>
    /// <param name="answers">Of the records, how many are the answer section; those behind them are the authority of negative answers, else additional.</param>
    /// <returns>The reply's length in bytes.</returns>
    public readonly int Finish(in Query query, ResponseCode code, int answers)
    {
        bool isNegative = answers == 0 && !IsFull;
        int others = Count - answers;
        if (IsFull)
        {
            int truncated = Reply.WriteTruncated(query, code, _reply);
            _reply[2] |= Authoritative;
            return truncated;
        }

        _reply[4..Header.Size].Clear();
        _reply[5] = 1; // QDCOUNT
        BinaryPrimitives.WriteUInt16BigEndian(_reply[6..], (ushort)answers);
        BinaryPrimitives.WriteUInt16BigEndian(_reply[8..], (ushort)(isNegative ? others : 0));
        Reply.WriteFlags(query, code, _reply);
        _reply[2] |= Authoritative;
        int opt = Reply.WriteOpt(query, code, ExtendedError.None, _reply, _length);
        BinaryPrimitives.WriteUInt16BigEndian(_reply[10..], (ushort)((isNegative ? 0 : others) + (opt > 0 ? 1 : 0)));
        return _length + opt;
    }

    private static void Reverse(Span<byte> records, int size)
    {
        Span<byte> kept = stackalloc byte[64];
        for (int i = 0, j = records.Length - size; i < j; i += size, j -= size)
        {
            records.Slice(i, size).CopyTo(kept);
            records.Slice(j, size).CopyTo(records[i..]);
            kept[..size].CopyTo(records[j..]);
        }
    }
}

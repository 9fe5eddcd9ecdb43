namespace Agent.Dns;

/// <summary>Which types' RDATA holds names that may be compressed, so that a record can move to another message (RFC 3597 section 4).</summary>
internal static class RecordData
{
    /// <summary>
    /// Fixed bytes, character-strings, names, and fixed bytes behind them (negative: whatever is left). Only the types of RFC 1035 are written with
    /// compression.
    /// </summary>
    public readonly record struct Shape(int Prefix, int Names, int Suffix, bool Compress, int Strings = 0);

    private static readonly Shape _opaque = new(0, 0, -1, Compress: false);

    public static Shape ShapeOf(ushort type) => type switch
    {
        RecordType.Cname or RecordType.Ns or RecordType.Ptr or RecordType.Md or RecordType.Mf or RecordType.Mb or RecordType.Mg or RecordType.Mr
            => new(0, 1, 0, Compress: true),
        RecordType.A => new(4, 0, 0, Compress: false), // RFC 1035 section 3.4.1, RFC 3596 section 2.2: nothing else is an address
        RecordType.Aaaa => new(16, 0, 0, Compress: false),
        RecordType.Soa => new(0, 2, 20, Compress: true),
        RecordType.Minfo => new(0, 2, 0, Compress: true),
        RecordType.Mx => new(2, 1, 0, Compress: true),
        RecordType.Dname => new(0, 1, 0, Compress: false),
        RecordType.Rp => new(0, 2, 0, Compress: false),
        RecordType.Afsdb or RecordType.Rt or RecordType.Kx => new(2, 1, 0, Compress: false),
        RecordType.Px => new(2, 2, 0, Compress: false),
        RecordType.Srv => new(6, 1, 0, Compress: false),
        RecordType.Naptr => new(4, 1, 0, Compress: false, Strings: 3),
        _ => _opaque,
    };

    /// <summary>Whether RDATA has the shape of its type: names well formed and ending where the data ends.</summary>
    public static bool IsValid(ReadOnlySpan<byte> message, in ResourceRecord record)
    {
        Shape shape = ShapeOf(record.Type);
        int offset = NamesOffset(message, record, shape);
        for (int i = 0; i < shape.Names && offset >= 0; i++)
            offset = offset < record.End ? DnsName.Skip(message, offset) : -1;
        return offset >= 0 && (shape.Suffix < 0 || offset + shape.Suffix == record.End);
    }

    /// <summary>Writes RDLENGTH and RDATA of a record that <see cref="IsValid"/> accepted.</summary>
    public static bool TryWrite(ReadOnlySpan<byte> message, in ResourceRecord record, MessageWriter writer)
    {
        Shape shape = ShapeOf(record.Type);
        int lengthOffset = writer.Length;
        int offset = NamesOffset(message, record, shape);
        if (!writer.TryWriteUInt16(0) || !writer.TryWrite(message[record.DataOffset..offset]))
            return false;
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        for (int i = 0; i < shape.Names; i++)
        {
            if (!writer.TryWriteName(name[..DnsName.Expand(message, offset, name)], shape.Compress))
                return false;
            offset = DnsName.Skip(message, offset);
        }

        if (!writer.TryWrite(message[offset..record.End]))
            return false;
        writer.PatchUInt16(lengthOffset, writer.Length - lengthOffset - 2);
        return true;
    }

    /// <summary>Where the names begin; at or behind the record's end when it is too short for them.</summary>
    private static int NamesOffset(ReadOnlySpan<byte> message, in ResourceRecord record, in Shape shape)
    {
        int offset = record.DataOffset + shape.Prefix;
        for (int i = 0; i < shape.Strings && offset < record.End; i++)
            offset += 1 + message[offset];
        return offset;
    }
}

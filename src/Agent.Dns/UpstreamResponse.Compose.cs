using System.Buffers.Binary;

namespace Agent.Dns;

// From the records that were kept to the client's answer, under the client's name although another may have been asked for.
public sealed partial class UpstreamResponse
{
    private static ushort TypeOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt16BigEndian(key[^2..]);

    /// <summary>Whether AAAA records that are not there may still be made of A records.</summary>
    public bool MayMakeAaaa(in Question question) => TakesMadeAaaa(question) && !question.IsForMade;

    private bool TakesMadeAaaa(in Question question) =>
        dns64 != null && TypeOf(question.Key) == RecordType.Aaaa && dns64.Covers(question.Asked[..^5], (KeyFlags)question.Key[^3]);

    /// <summary>Leaves out AAAA records that count as absent (RFC 6147 section 5.1.4), and signatures that then hold no longer.</summary>
    /// <returns>Whether there are records of the type that was asked for.</returns>
    private bool KeepUsable(ReadOnlySpan<byte> response, ushort type)
    {
        bool isFound = false;
        bool isChanged = type == RecordType.A; // from which AAAA records are made
        for (int i = 0; i < _answerCount; i++)
        {
            ref ResourceRecord record = ref _records[i];
            bool isExcluded = _kept[i] && record.Type == RecordType.Aaaa && dns64!.IsExcluded(response[record.DataOffset..record.End]);
            _kept[i] &= !isExcluded;
            isChanged |= isExcluded;
            isFound |= _kept[i] && record.Type == type;
        }

        for (int i = 0; isChanged && i < _answerCount; i++)
            _kept[i] &= _records[i].Type != RecordType.Rrsig;
        return isFound;
    }

    /// <summary>Seconds: no answer outlives the parts of it that did not come from this upstream.</summary>
    private static uint LongestLifetime(in Question question)
    {
        if (question.Detour is not { } detour)
            return uint.MaxValue;
        if (!question.IsForMade)
            return detour.AliasTtl;
        // RFC 6147 section 5.1.7: no longer than it was said that there are no AAAA records.
        uint absence = detour.WithoutAaaa is { IsNone: false, HasAuthority: true } first ? first.Lifetime : Dns64.TtlWithoutSoa;
        return Math.Min(absence, detour.AliasTtl);
    }

    private bool TryCompose(ReadOnlySpan<byte> response, in Question question, uint lifetime, long now, out CacheEntry entry)
    {
        entry = default;
        ReadOnlySpan<byte> key = question.Key;
        _writer.Begin();
        if (!_writer.TryWriteName(key[..^5]) || !_writer.TryWrite(key[^2..]) || !_writer.TryWrite(key[^5..^3]))
            return false;
        int written = 0;
        if (question.Detour is { } detour && !TryWriteAliases(detour.Aliases, ref written))
            return false;
        int answers = written;
        for (int i = 0; i < _recordCount; i++)
        {
            if (!_kept[i])
                continue;
            if (!TryWriteRecord(response, question, i, out _ttlOffsets[written++]))
                return false;
            answers += i < _answerCount ? 1 : 0;
        }

        Span<byte> header = _writer.Header;
        header[2] = Header.Response;
        header[3] = (byte)new Header(response).ResponseCode;
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], 1);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)answers);
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], (ushort)(written - answers));
        entry = CacheEntry.Create(_writer.Message, _ttlOffsets.AsSpan(0, written), (KeyFlags)key[^3], lifetime, now);
        return true;
    }

    private bool TryWriteAliases(byte[] aliases, ref int written)
    {
        int offset = _writer.Length;
        if (!_writer.TryWrite(aliases))
            return false;
        while (offset < _writer.Length)
        {
            ResourceRecord.TryParse(_writer.Message, offset, out ResourceRecord alias);
            _ttlOffsets[written++] = (ushort)(alias.DataOffset - 6);
            offset = alias.End;
        }

        return true;
    }

    private bool TryWriteRecord(ReadOnlySpan<byte> response, in Question question, int index, out ushort ttlOffset)
    {
        ttlOffset = 0;
        ref ResourceRecord record = ref _records[index];
        bool isMade = question.IsForMade && record.Type == RecordType.A && index < _answerCount;
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        ReadOnlySpan<byte> owner = name[..DnsName.Expand(response, record.Owner, name)];
        if (question.Detour != null)
            owner = OwnerForClient(response, question, owner, isZone: index >= _answerCount && record.Type == RecordType.Soa);
        if (!_writer.TryWriteName(owner) || !_writer.TryWriteUInt16(isMade ? RecordType.Aaaa : record.Type) || !_writer.TryWriteUInt16(record.Class))
            return false;
        ttlOffset = (ushort)_writer.Length;
        if (!_writer.TryWriteUInt16(0) || !_writer.TryWriteUInt16(0))
            return false;
        if (!isMade)
            return RecordData.TryWrite(response, record, _writer);
        Span<byte> address = stackalloc byte[16];
        dns64!.Map(response[record.DataOffset..record.End], address);
        return _writer.TryWriteUInt16(address.Length) && _writer.TryWrite(address);
    }

    /// <summary>The owner as the client is to see it: the name that was asked for is its own name, and the zone of that is the part that was rewritten.</summary>
    private ReadOnlySpan<byte> OwnerForClient(ReadOnlySpan<byte> response, in Question question, ReadOnlySpan<byte> owner, bool isZone)
    {
        Detour detour = question.Detour!;
        ReadOnlySpan<byte> clientName = question.Key[..^5];
        // A chain that leads away from the name ends in a zone of its own.
        if (isZone && detour.RewrittenLength > 0 && DnsName.Equals(response, _chainEnd, response, Header.Size))
            return clientName[^detour.RewrittenLength..];
        bool isAsked = detour.Aliases.Length == 0 && DnsName.Equals(owner, 0, detour.Name, 0);
        return isAsked ? clientName : owner;
    }
}

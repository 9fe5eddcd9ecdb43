using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>What to do with a response from an upstream.</summary>
public enum ResponseVerdict
{
    /// <summary>Not the answer to this query, or unreadable: keep waiting for one (TuDoor, CVE-2023-28451).</summary>
    Ignored,

    /// <summary>Ask again over TCP.</summary>
    Truncated,

    /// <summary>The server could not read the query; perhaps it does not take EDNS.</summary>
    FormErr,

    /// <summary>This server cannot answer it; another might.</summary>
    Failed,

    /// <summary>An answer, positive or negative.</summary>
    Answered,

    /// <summary>An answer without AAAA records, for a client that DNS64 makes some for if there are A records.</summary>
    WithoutAaaa,
}

/// <summary>
/// Turns an upstream's response into a <see cref="CacheEntry"/>: only the records that answer the question, following aliases from the QNAME,
/// and for a negative answer the SOA that bounds it. All else that a response carries is left behind. For one thread.
/// </summary>
/// <param name="dns64">Null: AAAA records are taken as they come.</param>
public sealed partial class UpstreamResponse(CacheLimits limits, Dns64? dns64 = null)
{
    private const int MaxAliases = 16; // self-CNAMEs and long chains (Technitium CVE-2022-48256)
    private const int MaxRecords = 4096; // more cannot be used: 65,535 bytes hold 4,095 A records

    private readonly ResourceRecord[] _records = new ResourceRecord[MaxRecords];
    private readonly bool[] _kept = new bool[MaxRecords];
    private readonly ushort[] _ttlOffsets = new ushort[MaxRecords + MaxAliases + 1];
    private readonly MessageWriter _writer = new();
    private int _answerCount;
    private int _recordCount;
    private byte _extendedCode;
    private int _chainEnd; // the owner of the answer, or of its absence

    /// <summary>Reads one response to the question in <paramref name="key"/>. The ID has been checked by who sent the query.</summary>
    /// <param name="entry">The answer, with <see cref="ResponseVerdict.Answered"/>.</param>
    public ResponseVerdict Read(ReadOnlySpan<byte> response, ReadOnlySpan<byte> key, long now, out CacheEntry entry) =>
        Read(response, new Question(key, detour: null), now, out entry);

    /// <summary>As the other, for a question that was perhaps asked as another; the entry answers the client's.</summary>
    /// <param name="entry">The answer, with <see cref="ResponseVerdict.Answered"/> and <see cref="ResponseVerdict.WithoutAaaa"/>.</param>
    public ResponseVerdict Read(ReadOnlySpan<byte> response, Question question, long now, out CacheEntry entry)
    {
        entry = default;
        ReadOnlySpan<byte> asked = question.Asked;
        if (response.Length < Header.Size || !AnswersQuestion(response, asked, out int offset))
            return ResponseVerdict.Ignored;
        Header header = new(response);
        if (header.IsTruncated)
            return ResponseVerdict.Truncated;
        if (header.ResponseCode == ResponseCode.FormErr)
            return ResponseVerdict.FormErr;
        if (header.ResponseCode is not (ResponseCode.NoError or ResponseCode.NxDomain))
            return ResponseVerdict.Failed;
        if (!TryParseRecords(response, header, offset))
            return ResponseVerdict.Ignored;
        if (_extendedCode != 0 || !TryKeepAliasesAndAnswer(response, asked, out bool isAnswer))
            return ResponseVerdict.Failed;

        bool takesMade = TakesMadeAaaa(question);
        if (takesMade)
            isAnswer = KeepUsable(response, TypeOf(asked));
        bool isNegative = header.ResponseCode == ResponseCode.NxDomain || !isAnswer;
        if (isNegative && question.Detour is { WithoutAaaa: { IsNone: false } first })
        {
            entry = first; // no address of either family: then the answer for AAAA stands
            return ResponseVerdict.Answered;
        }

        bool hasSoa = isNegative && KeepNegativeProof(response, asked);
        uint lifetime = isNegative && !hasSoa ? 0 : Math.Min(Lifetime(response, isNegative), LongestLifetime(question));
        if (!TryCompose(response, question, lifetime, now, out entry))
            return ResponseVerdict.Ignored;
        bool isWithoutAaaa = MayMakeAaaa(question) && isNegative && header.ResponseCode == ResponseCode.NoError;
        return isWithoutAaaa ? ResponseVerdict.WithoutAaaa : ResponseVerdict.Answered;
    }

    /// <summary>Whether a server says with no more than a header that it could not read the query (RFC 6891 section 7: perhaps its OPT).</summary>
    public static bool IsBareFormErr(ReadOnlySpan<byte> response) =>
        new Header(response) is { IsResponse: true, Opcode: 0, ResponseCode: ResponseCode.FormErr, QuestionCount: 0 };

    private static bool AnswersQuestion(ReadOnlySpan<byte> response, ReadOnlySpan<byte> key, out int end)
    {
        Header header = new(response);
        int nameLength = key.Length - 5;
        end = Header.Size + nameLength + 4;
        if (!header.IsResponse || header.Opcode != 0 || header.QuestionCount != 1 || response.Length < end)
            return false;
        return DnsName.Measure(response[Header.Size..]) == nameLength
            && DnsName.Equals(response, Header.Size, key, 0)
            && response.Slice(end - 4, 2).SequenceEqual(key[^2..])
            && response.Slice(end - 2, 2).SequenceEqual(key[^5..^3]);
    }

    private bool TryParseRecords(ReadOnlySpan<byte> response, Header header, int offset)
    {
        _answerCount = header.AnswerCount;
        _recordCount = header.AnswerCount + header.AuthorityCount;
        _extendedCode = 0;
        // Each record takes 11 bytes at least: a count that lies is seen before any work is done for it.
        if (_recordCount > MaxRecords || _recordCount + header.AdditionalCount > (response.Length - offset) / 11)
            return false;
        for (int i = 0; i < _recordCount; i++)
        {
            if (!ResourceRecord.TryParse(response, offset, out _records[i]))
                return false;
            _kept[i] = false;
            offset = _records[i].End;
        }

        // Of the additional section, only the upper bits of the RCODE count (RFC 6891 section 6.1.3).
        for (int i = 0; i < header.AdditionalCount; i++)
        {
            if (!ResourceRecord.TryParse(response, offset, out ResourceRecord record))
                return false;
            if (record.Type == RecordType.Opt)
                _extendedCode = response[record.DataOffset - 6];
            offset = record.End;
        }

        return true;
    }

    /// <summary>Keeps the CNAME chain that starts at the QNAME, and the records of the QTYPE at its end.</summary>
    /// <param name="isFound">Whether there are records of the QTYPE.</param>
    /// <returns>False when the chain does not end.</returns>
    private bool TryKeepAliasesAndAnswer(ReadOnlySpan<byte> response, ReadOnlySpan<byte> key, out bool isFound)
    {
        isFound = false;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(key[^2..]);
        bool wantsSignatures = ((KeyFlags)key[^3] & KeyFlags.DnssecOk) != 0;
        _chainEnd = Header.Size;
        for (int aliases = 0; aliases <= MaxAliases; aliases++)
        {
            int next = -1;
            for (int i = 0; i < _answerCount; i++)
            {
                ref ResourceRecord record = ref _records[i];
                bool isType = record.Type == type || type == RecordType.Any;
                bool isAlias = record.Type == RecordType.Cname && !isType;
                if (_kept[i] || !(isType || isAlias || (wantsSignatures && record.Type == RecordType.Rrsig)))
                    continue;
                if (!IsOfClass(record, key) || !DnsName.Equals(response, record.Owner, response, _chainEnd))
                    continue;
                if (isAlias && next >= 0)
                    continue; // RFC 2181 section 10.1: one CNAME for a name
                _kept[i] = true;
                isFound |= isType;
                next = isAlias ? record.DataOffset : next;
            }

            if (isFound || next < 0)
                return true;
            _chainEnd = next;
        }

        return false;
    }

    /// <summary>Keeps the SOA of a zone that the chain's end is in (RFC 2308 section 3), and with DO what in that zone proves the absence.</summary>
    private bool KeepNegativeProof(ReadOnlySpan<byte> response, ReadOnlySpan<byte> key)
    {
        int soa = -1;
        for (int i = _answerCount; i < _recordCount && soa < 0; i++)
        {
            if (_records[i].Type == RecordType.Soa && IsOfClass(_records[i], key) && IsInZone(response, _chainEnd, _records[i].Owner))
                soa = i;
        }

        if (soa < 0)
            return false;
        _kept[soa] = true;
        bool wantsProof = ((KeyFlags)key[^3] & KeyFlags.DnssecOk) != 0;
        for (int i = _answerCount; wantsProof && i < _recordCount; i++)
        {
            _kept[i] |= _records[i].Type is RecordType.Rrsig or RecordType.Nsec or RecordType.Nsec3
                && IsOfClass(_records[i], key)
                && IsInZone(response, _records[i].Owner, _records[soa].Owner);
        }

        return true;
    }

    private static bool IsOfClass(in ResourceRecord record, ReadOnlySpan<byte> key) => record.Class == BinaryPrimitives.ReadUInt16BigEndian(key[^5..]);

    private static bool IsInZone(ReadOnlySpan<byte> response, int nameOffset, int zoneOffset)
    {
        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        Span<byte> zone = stackalloc byte[DnsName.MaxLength];
        name = name[..DnsName.Expand(response, nameOffset, name)];
        zone = zone[..DnsName.Expand(response, zoneOffset, zone)];
        DnsName.ToLower(name, name);
        DnsName.ToLower(zone, zone);
        return DnsName.IsInZone(name, zone);
    }

    /// <summary>Seconds: the smallest TTL of what was kept (RFC 2181 section 5.2), within the limits; 0 stays 0.</summary>
    private uint Lifetime(ReadOnlySpan<byte> response, bool isNegative)
    {
        uint lifetime = int.MaxValue;
        for (int i = 0; i < _recordCount; i++)
        {
            if (!_kept[i])
                continue;
            lifetime = Math.Min(lifetime, _records[i].Ttl);
            // RFC 2308 section 5: a negative answer lives for the smaller of the SOA's TTL and its MINIMUM.
            if (_records[i].Type == RecordType.Soa && i >= _answerCount)
                lifetime = Math.Min(lifetime, BinaryPrimitives.ReadUInt32BigEndian(response[(_records[i].End - 4)..]));
        }

        uint max = isNegative ? limits.MaxNegativeTtl : limits.MaxTtl;
        return lifetime == 0 ? 0 : Math.Clamp(lifetime, Math.Min(limits.MinTtl, max), max);
    }
}

/// <summary>Bounds of lifetimes, in seconds.</summary>
public readonly record struct CacheLimits(uint MinTtl, uint MaxTtl, uint MaxNegativeTtl);

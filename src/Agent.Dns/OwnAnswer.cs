using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>An answer of the agent's own, finished but for the question before it. Immutable.</summary>
internal sealed class OwnAnswer
{
    private readonly byte[] _records;
    private readonly ResponseCode _code;
    private readonly int _answerCount;
    private readonly int _authorityCount;
    private readonly int _setOffset;
    private readonly int _setSize;
    private readonly int _stride; // bytes of each record of the set; 0 when they differ, and cannot change places

    /// <param name="aliases">The CNAME records that lead from the question to the set's owner.</param>
    /// <param name="set">The records of the QTYPE; none for a negative answer.</param>
    /// <param name="soa">The zone's SOA behind a negative answer, if there is a zone (RFC 2308 section 3).</param>
    public OwnAnswer(ResponseCode code, IReadOnlyList<byte[]> aliases, IReadOnlyList<byte[]> set, byte[]? soa)
    {
        _code = code;
        _records = [.. aliases.Concat(set).Concat(soa == null ? [] : [soa]).SelectMany(record => record)];
        _answerCount = aliases.Count + set.Count;
        _authorityCount = soa == null ? 0 : 1;
        _setOffset = aliases.Sum(record => record.Length);
        _setSize = set.Sum(record => record.Length);
        _stride = set.Count > 1 && set.All(record => record.Length == set[0].Length) ? set[0].Length : 0;
    }

    /// <summary>Writes the reply; TC alone when it is too short.</summary>
    /// <returns>Its length in bytes.</returns>
    public int WriteTo(in Query query, Span<byte> reply)
    {
        int offset = query.Head.Length;
        int end = offset + _records.Length;
        if (end + Reply.OptLength(query, ExtendedError.None) > reply.Length)
            return Reply.WriteTruncated(query, _code, reply);
        query.Head.CopyTo(reply);
        reply[4..Header.Size].Clear();
        reply[5] = 1; // QDCOUNT
        BinaryPrimitives.WriteUInt16BigEndian(reply[6..], (ushort)_answerCount);
        BinaryPrimitives.WriteUInt16BigEndian(reply[8..], (ushort)_authorityCount);
        Reply.WriteFlags(query, _code, reply);
        _records.CopyTo(reply[offset..]);
        if (_stride > 0)
        {
            // As with cached answers, the client's random ID spreads its connections.
            int start = query.Header.Id % (_setSize / _stride) * _stride;
            ReadOnlySpan<byte> set = _records.AsSpan(_setOffset, _setSize);
            set[start..].CopyTo(reply[(offset + _setOffset)..]);
            set[..start].CopyTo(reply[(offset + _setOffset + _setSize - start)..]);
        }

        return end + Reply.WriteOpt(query, _code, ExtendedError.None, reply, end);
    }
}

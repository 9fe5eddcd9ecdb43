using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// Walks along pods' search lists in their place, with the answers that this node would give them for each step. Nothing is kept of a walk: each is
/// made anew, so it says at no moment what the steps would not, and nothing of one pod's reaches another. For one thread.
/// </summary>
internal sealed class Autopath
{
    private const int LongestAnswer = 4096; // of a step; pods that walk take far less over UDP

    private readonly ResponseCache _cache;
    private readonly PublishedNames _cluster;
    private readonly bool _isUdp;
    private readonly SearchWalk _walk;
    private readonly MessageWriter _writer = new();
    private readonly byte[] _ownKey = new byte[Query.MaxKeyLength];
    private readonly byte[] _dueKey = new byte[Query.MaxKeyLength];
    private readonly byte[] _head = new byte[Header.Size + DnsName.MaxLength + 4];
    private readonly byte[] _answer = new byte[LongestAnswer];
    private int _answerLength;
    private int _dueLength;
    private uint _ttl; // seconds that the names passed over stay absent
    private long _now;
    private CacheEntry _arrived;

    public Autopath(ResponseCache cache, PublishedNames cluster, bool isUdp)
    {
        _cache = cache;
        _cluster = cluster;
        _isUdp = isUdp;
        _walk = new SearchWalk(Look);
    }

    /// <summary>What the configuration says of names.</summary>
    public OwnNames? Own { get; set; }

    /// <summary>The question of the step at which the last walk ended.</summary>
    public ReadOnlySpan<byte> Step => _walk.Key;

    /// <summary>The question of a step whose answer should be renewed before it expires; empty: of none.</summary>
    public ReadOnlySpan<byte> Due => _dueKey.AsSpan(0, _dueLength);

    /// <summary>The client's own question, of a query that asks for a step in its place; valid until the next call.</summary>
    public ReadOnlySpan<byte> OwnKeyOf(scoped in Query step) => step.WriteOwnKey(_ownKey);

    /// <summary>Walks for a client whose answer is that the name does not exist, if it is a pod and the name the first of its list.</summary>
    /// <param name="arrived">An answer that has just come, which may be one that is not kept; none: none has.</param>
    public WalkEnd Run(in Query query, CacheEntry arrived, long now)
    {
        _dueLength = 0;
        if (query.Type is not (RecordType.A or RecordType.Aaaa) || query.Flags != KeyFlags.None) // who validates has to see each step
            return WalkEnd.Plain;
        if (_cluster.Searches?.Find(query.Client) is not { } list || _cluster.Current?.IsBelowService(query.Name) != false)
            return WalkEnd.Plain;
        _arrived = arrived;
        _now = now;
        _ttl = uint.MaxValue;
        query.Head[..Header.Size].CopyTo(_head);
        WalkEnd end = _walk.Run(list, query.Key);
        _arrived = default;
        return end;
    }

    /// <summary>Writes the answer to the last walk's end, under the client's name.</summary>
    /// <returns>False when it does not fit, and the reply is as before: a client that has to come again over TCP is no better off than one that walks.</returns>
    public bool TryWriteAlias(in Query query, Span<byte> reply, out int length)
    {
        length = 0;
        Header answer = new(_answer);
        int records = answer.AnswerCount + answer.AuthorityCount;
        if (!TryCompose(query, records) || _writer.Length + Reply.OptLength(query, ExtendedError.None) > reply.Length)
            return false;
        _writer.Message.CopyTo(reply);
        query.Head[..2].CopyTo(reply);
        Reply.WriteFlags(query, ResponseCode.NoError, reply);
        reply[5] = 1; // QDCOUNT
        BinaryPrimitives.WriteUInt16BigEndian(reply[6..], (ushort)(1 + answer.AnswerCount));
        BinaryPrimitives.WriteUInt16BigEndian(reply[8..], answer.AuthorityCount);
        length = _writer.Length + Reply.WriteOpt(query, ResponseCode.NoError, ExtendedError.None, reply, _writer.Length);
        return true;
    }

    private bool TryCompose(in Query query, int records)
    {
        _writer.Begin();
        ReadOnlySpan<byte> question = query.Head[Header.Size..];
        if (!_writer.TryWriteName(question[..^4]) || !_writer.TryWrite(question[^4..]) || !TryWriteRecordHead(OwnRecord.QuestionName, RecordType.Cname, _ttl))
            return false;
        int alias = _writer.Length;
        if (!_writer.TryWriteUInt16(0) || !_writer.TryWriteName(Step[..^5]))
            return false;
        _writer.PatchUInt16(alias, _writer.Length - alias - sizeof(ushort));

        ReadOnlySpan<byte> message = _answer.AsSpan(0, _answerLength);
        Span<byte> owner = stackalloc byte[DnsName.MaxLength];
        int offset = Header.Size + Step.Length - 1;
        for (int i = 0; i < records; i++)
        {
            if (!ResourceRecord.TryParse(message, offset, out ResourceRecord record)
                || !_writer.TryWriteName(owner[..DnsName.Expand(message, record.Owner, owner)])
                || !TryWriteRecordHead([], record.Type, record.Ttl)
                || !RecordData.TryWrite(message, record, _writer))
                return false;
            offset = record.End;
        }

        return true;
    }

    private bool TryWriteRecordHead(ReadOnlySpan<byte> owner, ushort type, uint ttl) =>
        _writer.TryWrite(owner) && _writer.TryWriteUInt16(type) && _writer.TryWriteUInt16(1) // class IN
        && _writer.TryWriteUInt16((int)(ttl >> 16)) && _writer.TryWriteUInt16((int)ttl);

    private StepOutcome Look(ReadOnlySpan<byte> key)
    {
        key[..^5].CopyTo(_head.AsSpan(Header.Size));
        Span<byte> behindName = _head.AsSpan(Header.Size + key.Length - 5, 4);
        key[^2..].CopyTo(behindName);
        key[^5..^3].CopyTo(behindName[2..]);
        Query step = Query.OfStep(_head.AsSpan(0, Header.Size + key.Length - 1), key);
        bool isKept = TryAnswerFromNode(step);
        if (!isKept && !TryAnswerFromArrived(step))
            return StepOutcome.Unknown;

        Header answer = new(_answer);
        bool isPresent = answer.ResponseCode == ResponseCode.NoError && answer.AnswerCount > 0;
        if (isPresent && !answer.IsTruncated)
            return StepOutcome.Present;
        // Behind an answer that is not kept nothing is asked: it would have to be asked for again by the time that the next is there.
        if (answer.IsTruncated || answer.AnswerCount > 0 || !isKept)
            return StepOutcome.Unclear;
        if (answer.ResponseCode == ResponseCode.NoError)
            return StepOutcome.Empty;
        return answer.ResponseCode == ResponseCode.NxDomain && TryNoteAbsence(step) ? StepOutcome.Absent : StepOutcome.Unclear;
    }

    /// <summary>As <see cref="Resolver"/> decides for a client, in the same order.</summary>
    private bool TryAnswerFromNode(in Query step)
    {
        if (Own?.TryAnswer(step, _isUdp, _answer, out _answerLength) == true || _cluster.Current?.TryAnswer(step, _answer, out _answerLength) == true)
            return true;
        if (!_cache.TryAnswer(step, _cache.NameHash(step), _now, _answer, out _answerLength, out bool isDue))
            return SpecialNames.TryAnswer(step, _isUdp, _answer, out _answerLength);
        if (isDue)
        {
            step.Key.CopyTo(_dueKey);
            _dueLength = step.Key.Length;
        }

        return true;
    }

    private bool TryAnswerFromArrived(in Query step)
    {
        if (_arrived.IsNone || !_arrived.Answers(step))
            return false;
        _answerLength = _arrived.WriteTo(step, _now, _answer);
        return true;
    }

    /// <returns>False when nothing says how long the name stays absent.</returns>
    private bool TryNoteAbsence(in Query step)
    {
        if (!ResourceRecord.TryParse(_answer.AsSpan(0, _answerLength), step.Head.Length, out ResourceRecord soa) || soa.Type != RecordType.Soa)
            return false;
        _ttl = Math.Min(_ttl, soa.Ttl);
        return true;
    }
}

using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// Walks along pods' search lists in their place, with the answers that this node would give them for each step. Nothing is kept of a walk: each is
/// made anew, so it says at no moment what the steps would not, and nothing of one pod's reaches another. For one thread.
/// </summary>
internal sealed class Autopath
{
    private const int LongestAnswer = 4096; // of a step; pods that walk take far less over UDP

    private const int AliasSize = 12; // without the names: its own is a pointer, and the step's name moves from the question to its data

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
    private int _longest; // of the answers to all steps, in both families
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
    /// <param name="arrived">An answer that has just come, and may be one that is not kept; none: none has.</param>
    public WalkEnd Run(in Query query, CacheEntry arrived, long now)
    {
        _dueLength = 0;
        if (query.Flags != KeyFlags.None || _cluster.Current is not { } names) // who validates has to see each step
            return WalkEnd.Plain;
        if (_cluster.Searches?.Find(query.Client) is not { } list || SearchWalk.WhyPlain(list, names, query.Name, query.Type) != null)
            return WalkEnd.Plain;
        _arrived = arrived;
        _now = now;
        _ttl = uint.MaxValue;
        _longest = 0;
        query.Head[..Header.Size].CopyTo(_head);
        WalkEnd end = _walk.Run(list, query.Key);
        _arrived = default;
        return end;
    }

    /// <summary>Writes the answer to the last walk's end, under the client's name.</summary>
    /// <returns>
    /// False when it might not fit, in this family or the other, and the reply is as before: not every client comes again over TCP, and walking by
    /// itself it gets an answer without the alias.
    /// </returns>
    public bool TryWriteAlias(in Query query, Span<byte> reply, out int length)
    {
        length = 0;
        Header answer = new(_answer);
        int room = reply.Length - Reply.OptLength(query, ExtendedError.None);
        if (_longest + query.Name.Length + AliasSize > room || !TryCompose(query, answer.AnswerCount + answer.AuthorityCount) || _writer.Length > room)
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
        if (!TryAnswer(step))
        {
            // It has come, and was not kept: by the time that the rest is known it would have to be asked for again.
            bool hasArrived = !_arrived.IsNone && _arrived.Answers(step);
            return hasArrived ? StepOutcome.Unclear : StepOutcome.Unknown;
        }

        _longest = Math.Max(_longest, _answerLength);
        Header answer = new(_answer);
        return (answer.ResponseCode, answer.AnswerCount > 0) switch
        {
            _ when answer.IsTruncated => StepOutcome.Unclear,
            (ResponseCode.NoError, true) => StepOutcome.Present,
            (ResponseCode.NoError, false) => StepOutcome.Empty,
            (ResponseCode.NxDomain, false) when TryNoteAbsence(step) => StepOutcome.Absent,
            _ => StepOutcome.Unclear,
        };
    }

    /// <summary>As <see cref="Resolver"/> decides for a client, in the same order.</summary>
    private bool TryAnswer(in Query step)
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

    /// <returns>False when nothing says how long the name stays absent.</returns>
    private bool TryNoteAbsence(in Query step)
    {
        if (!ResourceRecord.TryParse(_answer.AsSpan(0, _answerLength), step.Head.Length, out ResourceRecord soa) || soa.Type != RecordType.Soa)
            return false;
        _ttl = Math.Min(_ttl, soa.Ttl);
        return true;
    }
}

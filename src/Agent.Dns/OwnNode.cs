namespace Agent.Dns;

/// <summary>
/// One name in the tree of <see cref="OwnNames"/>. Finished once by <see cref="OwnNamesBuilder"/>, so that what the names above it say holds here
/// without looking there.
/// </summary>
internal sealed class OwnNode(byte[] name)
{
    private (ushort Type, OwnAnswer Answer)[] _answers = [];
    private OwnAnswer? _otherwise;

    public byte[] Name => name;

    public List<OwnRecord> Records { get; } = [];

    /// <summary>The fixed zone that this name is in, if any.</summary>
    public OwnZone? Zone { get; set; }

    /// <summary>The answer to AAAA questions here where they are filtered.</summary>
    public OwnAnswer? NoAaaa { get; set; }

    public OwnRewrite? Rewrite { get; set; }

    /// <summary>Whether it has records, or names below it do (RFC 4592 section 2.2.2), or a zone begins here.</summary>
    public bool Exists { get; set; }

    /// <summary>The longest name that exists and encloses this one; itself when it exists.</summary>
    public OwnNode Encloser { get; set; } = null!;

    /// <summary>The <c>*</c> below this name.</summary>
    public OwnNode? Wildcard { get; set; }

    /// <summary>Where this leads as an alias when that name is not the agent's own; null when it does not.</summary>
    public OwnWayOut? WayOut { get; private set; }

    /// <summary>Sets what is answered for each type, and for all others.</summary>
    public void SetAnswers(IEnumerable<(ushort Type, OwnAnswer Answer)> answers, OwnAnswer otherwise)
    {
        _answers = [.. answers];
        _otherwise = otherwise;
    }

    /// <summary>Sets that this is an alias of a name that upstreams know.</summary>
    public void SetWayOut(OwnAnswer alias, OwnWayOut wayOut)
    {
        _answers = [(RecordType.Cname, alias)];
        WayOut = wayOut;
    }

    /// <summary>The node whose records answer for a name: itself, or the wildcard that matches (RFC 4592 section 3.3.1).</summary>
    /// <param name="isExact">Whether this node is the name, or only the longest known above it.</param>
    public OwnNode? Source(bool isExact)
    {
        if (isExact && Exists)
            return Records.Count > 0 ? this : null;
        return Zone is { Code: null } ? Encloser.Wildcard : null;
    }

    /// <summary>The answer for a name; null when it is not the agent's own to answer.</summary>
    public OwnAnswer? Answer(bool isExact, ushort type)
    {
        if (type == RecordType.Aaaa && NoAaaa != null)
            return NoAaaa;
        return Source(isExact) is { } source ? source.Find(type) : Zone?.Absence(isExact && Exists, type);
    }

    private OwnAnswer? Find(ushort type)
    {
        foreach ((ushort candidate, OwnAnswer answer) in _answers)
        {
            if (candidate == type || type == RecordType.Any) // RFC 8482 section 4.1: one RRset is enough
                return answer;
        }

        return _otherwise;
    }
}

/// <summary>A zone that the agent answers for: from records, or with one RCODE for everything in it.</summary>
internal sealed class OwnZone
{
    private readonly ushort[]? _types;
    private readonly OwnAnswer _ofMissingName;
    private readonly OwnAnswer _ofMissingType;

    /// <param name="code">Null for a zone with records.</param>
    /// <param name="types">The types that <paramref name="code"/> is for; null for all.</param>
    public OwnZone(byte[] name, ResponseCode? code, ushort[]? types)
    {
        Code = code;
        Soa = OwnRecord.Soa(name).ToBytes(name);
        _types = types;
        _ofMissingName = Compose(code ?? ResponseCode.NxDomain);
        _ofMissingType = Compose(code ?? ResponseCode.NoError);
    }

    public ResponseCode? Code { get; }

    public byte[] Soa { get; }

    /// <summary>The answer where there is no record; null when this type is not for the zone to answer.</summary>
    public OwnAnswer? Absence(bool nameExists, ushort type)
    {
        if (_types != null && !_types.Contains(type))
            return null;
        return nameExists ? _ofMissingType : _ofMissingName;
    }

    /// <summary>As <see cref="Absence"/> for all types; null when it depends on the type.</summary>
    public ResponseCode? AbsenceCode(bool nameExists) =>
        _types != null ? null : Code ?? (nameExists ? ResponseCode.NoError : ResponseCode.NxDomain);

    /// <summary>The SOA that lets clients keep a negative answer; null with other codes.</summary>
    public byte[]? SoaFor(ResponseCode code) => code is ResponseCode.NoError or ResponseCode.NxDomain ? Soa : null;

    private OwnAnswer Compose(ResponseCode code) => new(code, [], [], SoaFor(code));
}

/// <summary>CNAME records that lead from a question to a name that upstreams know.</summary>
/// <param name="Ttl">The smallest of theirs.</param>
internal sealed record OwnWayOut(byte[] Aliases, uint Ttl, byte[] Target);

/// <summary>Names that end in <paramref name="From"/> are looked up, and asked for, with <paramref name="To"/> in its place.</summary>
internal sealed record OwnRewrite(byte[] From, byte[] To)
{
    /// <summary>Writes a key with its name rewritten.</summary>
    /// <returns>Its length in bytes; 0 when the name would be longer than names can be.</returns>
    public int Write(ReadOnlySpan<byte> key, Span<byte> rewritten)
    {
        int kept = key.Length - 5 - From.Length;
        if (kept + To.Length > DnsName.MaxLength)
            return 0;
        key[..kept].CopyTo(rewritten);
        To.CopyTo(rewritten[kept..]);
        key[^5..].CopyTo(rewritten[(kept + To.Length)..]);
        return kept + To.Length + 5;
    }
}

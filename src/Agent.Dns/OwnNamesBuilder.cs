namespace Agent.Dns;

/// <summary>Gathers what the configuration says of names, and finishes every answer before the first is asked for.</summary>
public sealed class OwnNamesBuilder
{
    private const int MaxAliases = 16;

    private readonly Dictionary<byte[], OwnNode> _nodes = new(new OwnNames.NameComparer());
    private OwnNames _names = null!;

    public OwnNamesBuilder() => NodeOf([0]);

    public Dns64? Dns64 { get; init; }

    /// <summary>Adds a record of a host or of a fixed zone.</summary>
    public void AddRecord(OwnRecord record)
    {
        List<OwnRecord> records = NodeOf(record.Name).Records;
        if (!records.Exists(other => other.Type == record.Type && other.Data.AsSpan().SequenceEqual(record.Data)))
            records.Add(record);
    }

    /// <summary>Adds a zone in which nothing exists but the records added.</summary>
    public void AddZone(byte[] name) => NodeOf(name).Zone = new OwnZone(name, code: null, types: null);

    /// <summary>Adds a zone in which every question, or those for some types, gets one RCODE, but where a record was added.</summary>
    public void AddZone(byte[] name, ResponseCode code, ushort[]? types) => NodeOf(name).Zone = new OwnZone(name, code, types);

    public void AddRewrite(byte[] from, byte[] to) => NodeOf(from).Rewrite = new OwnRewrite(from, to);

    /// <summary>Adds a zone whose names have no AAAA records for the clients.</summary>
    public void AddAaaaFilter(byte[] zone) =>
        NodeOf(zone).NoAaaa = new OwnAnswer(ResponseCode.NoError, [], [], OwnRecord.Soa(zone).ToBytes(zone));

    public OwnNames Build()
    {
        OwnNode[] downward = [.. _nodes.Values.OrderBy(node => node.Name.Length)];
        foreach (OwnNode node in downward.Reverse())
        {
            node.Exists |= node.Records.Count > 0 || node.Zone is { Code: null };
            if (node.Exists && Parent(node) is { } parent)
                parent.Exists = true;
        }

        foreach (OwnNode node in downward)
            Inherit(node, Parent(node));
        _names = new OwnNames(_nodes, Dns64);
        foreach (OwnNode node in downward.Where(node => node.Records.Count > 0))
            Finish(node);
        return _names;
    }

    private OwnNode NodeOf(byte[] name)
    {
        if (_nodes.TryGetValue(name, out OwnNode? node))
            return node;
        _nodes.Add(name, node = new OwnNode(name));
        if (name.Length > 1)
            NodeOf(ParentName(name)); // every name on the way down must be there, or a look-up ends above it
        return node;
    }

    private OwnNode? Parent(OwnNode node) => node.Name.Length > 1 ? _nodes[ParentName(node.Name)] : null;

    private static byte[] ParentName(byte[] name) => name[(name[0] + 1)..];

    private void Inherit(OwnNode node, OwnNode? parent)
    {
        node.Zone ??= parent?.Zone;
        node.NoAaaa ??= parent?.NoAaaa;
        node.Rewrite ??= parent?.Rewrite;
        node.Encloser = node.Exists || parent == null ? node : parent.Encloser;
        if (parent != null && node.Records.Count > 0 && node.Name.AsSpan().StartsWith("\x01*"u8))
            parent.Wildcard = node;
        if (Dns64 == null || !Dns64.Covers(node.Name, KeyFlags.None) || node.Records.Exists(record => record.Type == RecordType.Aaaa))
            return;
        foreach (OwnRecord record in node.Records.Where(record => record.Type == RecordType.A).ToArray())
        {
            byte[] mapped = new byte[16];
            Dns64.Map(record.Data, mapped);
            node.Records.Add(record with { Type = RecordType.Aaaa, Data = mapped });
        }
    }

    /// <summary>Composes the answers of a node, what its alias leads to included.</summary>
    private void Finish(OwnNode node)
    {
        List<byte[]> aliases = [];
        uint ttl = uint.MaxValue;
        byte[] owner = [.. OwnRecord.QuestionName];
        OwnNode source = node;
        while (source.Records.Find(record => record.Type == RecordType.Cname) is { } alias)
        {
            aliases.Add(OwnRecord.Alias(owner, alias.Data, alias.Ttl));
            ttl = Math.Min(ttl, alias.Ttl);
            owner = alias.Data;
            if (aliases.Count > MaxAliases)
            {
                node.SetAnswers([AnswerOfAlias(aliases)], new OwnAnswer(ResponseCode.ServFail, [], [], soa: null)); // a circle
                return;
            }

            OwnNode found = _names.Find(owner, out bool isExact);
            if (found.Source(isExact) is { } next)
            {
                source = next;
                continue;
            }

            if (found.Zone?.AbsenceCode(isExact && found.Exists) is { } code)
                node.SetAnswers([AnswerOfAlias(aliases)], new OwnAnswer(code, aliases, [], found.Zone.SoaFor(code)));
            else
                node.SetWayOut(AnswerOfAlias(aliases).Answer, new OwnWayOut([.. aliases.SelectMany(record => record)], ttl, owner));
            return;
        }

        IEnumerable<(ushort, OwnAnswer)> sets = source.Records.GroupBy(record => record.Type)
            .Select(set => (set.Key, new OwnAnswer(ResponseCode.NoError, aliases, SetOf(set, owner), soa: null)));
        byte[]? soa = source.Zone is { Code: null } zone ? zone.Soa : null;
        node.SetAnswers(aliases.Count > 0 ? [AnswerOfAlias(aliases), .. sets] : sets, new OwnAnswer(ResponseCode.NoError, aliases, [], soa));
    }

    private static (ushort Type, OwnAnswer Answer) AnswerOfAlias(List<byte[]> aliases) =>
        (RecordType.Cname, new OwnAnswer(ResponseCode.NoError, [], [aliases[0]], soa: null));

    private static byte[][] SetOf(IEnumerable<OwnRecord> set, byte[] owner)
    {
        uint ttl = set.Min(record => record.Ttl); // RFC 2181 section 5.2: one TTL for all
        return [.. set.Select(record => (record with { Ttl = ttl }).ToBytes(owner))];
    }
}

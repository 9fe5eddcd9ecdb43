namespace Agent.Dns;

/// <summary>
/// The names of this cluster's Services, endpoints and pods (Kubernetes DNS specification 1.1.0), answered as CoreDNS's kubernetes plugin does.
/// Immutable: <see cref="ClusterNamesBuilder"/> makes the next one. For all threads; a look-up takes no lock and allocates nothing.
/// </summary>
public sealed partial class ClusterNames
{
    private const uint VersionTtl = 28800; // seconds; as in the specification's example, and CoreDNS

    private readonly ClusterZone _zone;
    private readonly byte[] _domain;
    private readonly SipHash _hash;
    private readonly uint _serial;

    internal ClusterNames(ClusterZone zone, SipHash hash, ClusterTables tables, uint serial)
    {
        _zone = zone;
        _domain = zone.Domain;
        _hash = hash;
        Tables = tables;
        _serial = serial;
    }

    /// <summary>What a name is in the table.</summary>
    private enum Presence
    {
        /// <summary>Not in it.</summary>
        Absent,

        /// <summary>Without records, because names below it may have some.</summary>
        Empty,
        Present,
    }

    internal ClusterTables Tables { get; }

    internal uint Serial => _serial;

    /// <summary>Answers a question about a name of this cluster. Other names cost one comparison.</summary>
    /// <returns>False when it is for the cache and the upstreams: <see cref="FindDetour"/> says what they are to be asked.</returns>
    public bool TryAnswer(in Query query, Span<byte> reply, out int length)
    {
        // Most names end here; what follows has locals to clear.
        if (query.Name.EndsWith(_domain))
            return TryAnswerBelow(query, reply, out length);
        length = 0;
        return query.Type == RecordType.Ptr && TryAnswerReverse(query, reply, out length);
    }

    /// <summary>Whether the table has the name, below the cluster domain or of an address: records, or names below it.</summary>
    internal bool Has(ReadOnlySpan<byte> name)
    {
        ClusterName parsed = ClusterName.Parse(name, _domain);
        if (parsed.Kind != ClusterNameKind.Outside)
            return PresenceOf(parsed) != Presence.Absent;
        Span<byte> address = stackalloc byte[16];
        int size = ReverseName.Parse(name, address);
        return size > 0 && NamesOf(address[..size]) != null;
    }

    /// <summary>Whether a name is one below a Service that the table has: of an endpoint or a port, be it there or not.</summary>
    public bool IsBelowService(ReadOnlySpan<byte> name)
    {
        ClusterName parsed = ClusterName.Parse(name, _domain);
        return parsed.Kind is ClusterNameKind.Endpoint or ClusterNameKind.Port && Find(parsed.ServiceKey) != null;
    }

    private bool TryAnswerBelow(in Query query, Span<byte> reply, out int length)
    {
        length = 0;
        ClusterName name = ClusterName.Parse(query.Name, _domain);
        if (name.Kind == ClusterNameKind.Outside)
            return false;
        ClusterReply records = new(query, _zone, reply);
        return name.Kind switch
        {
            ClusterNameKind.Service or ClusterNameKind.Endpoint or ClusterNameKind.Port => TryAnswerService(query, name, ref records, out length),
            ClusterNameKind.Pod => TryAnswerPod(query, name, ref records, out length),
            ClusterNameKind.Apex => TryAnswerApex(query, name, ref records, out length),
            ClusterNameKind.NameServer => TryAnswerNameServer(query, name, ref records, out length),
            ClusterNameKind.Version => TryAnswerVersion(query, name, ref records, out length),
            _ => TryDeny(query, name, PresenceOf(name), ref records, out length),
        };
    }

    private Presence PresenceOf(in ClusterName name)
    {
        switch (name.Kind)
        {
            case ClusterNameKind.Apex or ClusterNameKind.Root or ClusterNameKind.Version:
                return Presence.Empty;
            case ClusterNameKind.NameServer:
                return DnsService() == null ? Presence.Absent : Presence.Present;
            case ClusterNameKind.Namespace:
                return HasNamespace(name.Namespace) ? Presence.Empty : Presence.Absent;
            case ClusterNameKind.PodNamespace:
                return _zone.Pods != PodNames.Disabled && HasNamespace(name.Namespace) ? Presence.Empty : Presence.Absent;
            case ClusterNameKind.Service or ClusterNameKind.Endpoint or ClusterNameKind.Port:
                return Find(name.ServiceKey) is { } service && service.Has(name) ? Presence.Present : Presence.Absent;
            case ClusterNameKind.Pod:
                Span<byte> address = stackalloc byte[16];
                return AddressOf(name, address) > 0 ? Presence.Present : Presence.Absent;
            default:
                return Presence.Absent;
        }
    }

    private bool TryAnswerService(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        length = 0;
        ClusterService? service = Find(name.ServiceKey);
        if (service == null || !service.Has(name))
            return TryDeny(query, name, Presence.Absent, ref records, out length);
        if (service.Kind == ClusterServiceKind.ExternalName && query.Type is RecordType.A or RecordType.Aaaa)
            return TryAnswerAlias(query, name, service, ref records, out length);
        if (service.Kind == ClusterServiceKind.ExternalName && query.Type == RecordType.Cname)
            records.Add(OwnRecord.QuestionName, RecordType.Cname, service.Target);
        else if (service.Kind != ClusterServiceKind.ExternalName && query.Type is RecordType.A or RecordType.Aaaa)
            AddAddresses(query, name, service, OwnRecord.QuestionName, ref records);
        else if (service.Kind != ClusterServiceKind.ExternalName && query.Type == RecordType.Srv)
            return AnswerServers(query, name, service, ref records, out length);
        return TryFinish(query, name, ref records, out length);
    }

    private static void AddAddresses(in Query query, in ClusterName name, ClusterService service, scoped ReadOnlySpan<byte> owner, ref ClusterReply records)
    {
        (int start, int before) = (records.Length, records.Count);
        service.AddAddresses(name, query.Type, owner, ref records);
        // As with cached answers, the client's random ID spreads its connections.
        if (!records.IsFull && records.Count - before > 1)
            records.Rotate(start, records.Count - before, query.Header.Id);
    }

    private bool AnswerServers(in Query query, in ClusterName name, ClusterService service, ref ClusterReply records, out int length)
    {
        service.AddServers(name, ref records);
        int answers = records.Count;
        if (answers == 0 || records.IsFull)
            return TryFinish(query, name, ref records, out length);
        int end = records.Length;
        service.AddServerAddresses(name, ref records);
        if (records.IsFull)
            records.CutTo(end, answers); // RFC 2181 section 9: what is only additional costs no truncation
        length = records.Finish(query, ResponseCode.NoError, answers);
        return true;
    }

    private bool TryAnswerPod(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        Span<byte> address = stackalloc byte[16];
        int size = AddressOf(name, address);
        // What CoreDNS says of the SRV records of a pod is an accident that this table does not repeat.
        if (size == 0 || (query.Type == RecordType.Srv && !_zone.IsAuthoritative))
            return TryDeny(query, name, Presence.Absent, ref records, out length);
        records.AddAddress(OwnRecord.QuestionName, address[..size], query.Type);
        return TryFinish(query, name, ref records, out length);
    }

    private bool TryAnswerApex(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        if (query.Type == RecordType.Soa)
        {
            records.AddSoa(name.DomainOffset, _serial);
            return TryFinish(query, name, ref records, out length);
        }

        if (query.Type != RecordType.Ns || DnsService() is not { } service)
            return TryDeny(query, name, Presence.Empty, ref records, out length);
        Span<byte> host = stackalloc byte[DnsName.MaxLength];
        host = host[.._zone.WriteServiceName([], service.Key, host)];
        records.Add(OwnRecord.QuestionName, RecordType.Ns, host);
        int answers = records.Count;
        foreach (byte[] address in service.Addresses)
            records.AddAddress(host, address);
        length = records.Finish(query, ResponseCode.NoError, answers);
        return true;
    }

    private bool TryAnswerNameServer(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        if (DnsService() is not { } service || query.Type is not (RecordType.A or RecordType.Aaaa))
            return TryDeny(query, name, Presence.Empty, ref records, out length);
        foreach (byte[] address in service.Addresses)
            records.AddAddress(OwnRecord.QuestionName, address, query.Type);
        return TryFinish(query, name, ref records, out length);
    }

    private bool TryAnswerVersion(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        if (query.Type != RecordType.Txt)
            return TryDeny(query, name, Presence.Empty, ref records, out length);
        records.Add(OwnRecord.QuestionName, RecordType.Txt, VersionTtl, "\u00051.1.0"u8);
        return TryFinish(query, name, ref records, out length);
    }

    private bool TryAnswerReverse(in Query query, Span<byte> reply, out int length)
    {
        length = 0;
        Span<byte> address = stackalloc byte[16];
        int size = ReverseName.Parse(query.Name, address);
        // Whatever the mode, the reverse zones hold more than this cluster.
        if (size == 0 || NamesOf(address[..size]) is not { } names)
            return false;
        ClusterReply records = new(query, _zone, reply);
        Span<byte> target = stackalloc byte[DnsName.MaxLength];
        bool hasService = false;
        for (int offset = 0; AddressNames.TryNext(names, ref offset, out ReadOnlySpan<byte> name, out bool isService);)
        {
            // The address of a Service is nothing else.
            if (isService && !hasService)
                records = new ClusterReply(query, _zone, reply);
            if (hasService)
                continue;
            hasService = isService;
            int nameLength = _zone.WriteServiceName([], name, target);
            if (nameLength > 0)
                records.Add(OwnRecord.QuestionName, RecordType.Ptr, target[..nameLength]);
        }

        if (records.Count == 0 && !records.IsFull)
            return false;
        length = records.Finish(query, ResponseCode.NoError, records.Count);
        return true;
    }

    /// <summary>Writes the records; without any, that the name has none of this type.</summary>
    private bool TryFinish(in Query query, in ClusterName name, ref ClusterReply records, out int length)
    {
        int answers = records.Count;
        if (answers == 0 && !records.IsFull)
            records.AddSoa(name.DomainOffset, _serial);
        length = records.Finish(query, ResponseCode.NoError, answers);
        return true;
    }

    /// <summary>Says that there is nothing, where that is for the table to say.</summary>
    private bool TryDeny(in Query query, in ClusterName name, Presence presence, ref ClusterReply records, out int length)
    {
        length = 0;
        // A configuration of the cluster's DNS may know more of a name that the table lacks, and of the few that stand for themselves. CoreDNS denies
        // TXT records of names without any records in a way of its own.
        bool isSure = presence == Presence.Empty && query.Type != RecordType.Txt && name.Kind is ClusterNameKind.Root or ClusterNameKind.Namespace or ClusterNameKind.PodNamespace;
        if (!isSure && !_zone.IsAuthoritative)
            return false;
        records.AddSoa(name.DomainOffset, _serial);
        length = records.Finish(query, presence == Presence.Absent ? ResponseCode.NxDomain : ResponseCode.NoError, answers: 0);
        return true;
    }
}

using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>What one version of the table holds, under the keyed hash of each key.</summary>
/// <param name="Services">By <see cref="ClusterService.Key"/>.</param>
/// <param name="Addresses"><see cref="AddressNames"/>, by address.</param>
/// <param name="Namespaces">Labels, by themselves.</param>
/// <param name="Pods">Namespace label and address, by themselves; only for <see cref="PodNames.Verified"/>.</param>
internal sealed record ClusterTables(HashTrie<ClusterService> Services, HashTrie<byte[]> Addresses, HashTrie<byte[]> Namespaces, HashTrie<byte[]> Pods)
{
    public static ClusterTables Empty { get; } = new(HashTrie<ClusterService>.Empty, HashTrie<byte[]>.Empty, HashTrie<byte[]>.Empty, HashTrie<byte[]>.Empty);
}

// Look-ups, and aliases.
public sealed partial class ClusterNames
{
    private const int MaxAliases = 10; // as CoreDNS

    private ClusterService? Find(ReadOnlySpan<byte> key) =>
        Tables.Services.Find(_hash.Compute(key)) is { } service && key.SequenceEqual(service.Key) ? service : null;

    private byte[]? NamesOf(ReadOnlySpan<byte> address) =>
        Tables.Addresses.Find(_hash.Compute(address)) is { } names && AddressNames.Are(names, address) ? names : null;

    private bool HasNamespace(ReadOnlySpan<byte> label) => Tables.Namespaces.Find(_hash.Compute(label)) is { } found && label.SequenceEqual(found);

    private bool HasPod(ReadOnlySpan<byte> @namespace, ReadOnlySpan<byte> address)
    {
        Span<byte> key = stackalloc byte[64 + 16];
        @namespace.CopyTo(key);
        address.CopyTo(key[@namespace.Length..]);
        key = key[..(@namespace.Length + address.Length)];
        return Tables.Pods.Find(_hash.Compute(key)) is { } found && key.SequenceEqual(found);
    }

    /// <summary>The address that a pod's name says and has.</summary>
    /// <returns>Its length in bytes; 0 when there is no such name.</returns>
    private int AddressOf(in ClusterName name, Span<byte> address)
    {
        int size = _zone.Pods == PodNames.Disabled ? 0 : DashedAddress.Parse(name.Host, address);
        bool isKnown = size > 0 && (_zone.Pods == PodNames.Insecure ? HasNamespace(name.Namespace) : HasPod(name.Namespace, address[..size]));
        return isKnown ? size : 0;
    }

    /// <summary>The Service of the cluster's DNS server, if it is known and has an address of its own.</summary>
    private ClusterService? DnsService() =>
        _zone.DnsService != null && Find(_zone.DnsService) is { Kind: ClusterServiceKind.ClusterIp, Addresses.Length: > 0 } service ? service : null;

    /// <summary>Answers for an alias of a name that the table has too.</summary>
    private bool TryAnswerAlias(in Query query, in ClusterName name, ClusterService alias, ref ClusterReply records, out int length)
    {
        length = 0;
        scoped ReadOnlySpan<byte> owner = OwnRecord.QuestionName;
        Span<byte> pointer = stackalloc byte[2];
        for (int i = 0; i < MaxAliases; i++)
        {
            ClusterName target = ClusterName.Parse(alias.Target, _domain);
            if (target.Kind == ClusterNameKind.Outside)
                return false;
            records.Add(owner, RecordType.Cname, alias.Target);
            BinaryPrimitives.WriteUInt16BigEndian(pointer, (ushort)(0xC000 | (records.Length - alias.Target.Length)));
            owner = pointer;
            ClusterService? next = target.Kind is ClusterNameKind.Service or ClusterNameKind.Endpoint or ClusterNameKind.Port ? Find(target.ServiceKey) : null;
            if (next == null || !next.Has(target))
                break;
            alias = next;
            if (next.Kind == ClusterServiceKind.ExternalName)
                continue;
            int aliases = records.Count;
            AddAddresses(query, target, next, owner, ref records);
            if (records.Count > aliases || records.IsFull)
                return TryFinish(query, name, ref records, out length);
            records.CutTo(query.Head.Length, 0); // as CoreDNS: an alias of nothing is not told
            return TryFinish(query, name, ref records, out length);
        }

        records.CutTo(query.Head.Length, 0);
        return _zone.IsAuthoritative && TryFinish(query, name, ref records, out length);
    }

    /// <summary>Finds the name outside the cluster that an ExternalName leads to, for questions that <see cref="TryAnswer"/> leaves to the upstreams.</summary>
    /// <returns>Null when the question is to be asked as it is.</returns>
    public Detour? FindDetour(in Query query)
    {
        if (query.Type is not (RecordType.A or RecordType.Aaaa))
            return null;
        List<byte> aliases = [];
        ReadOnlySpan<byte> owner = OwnRecord.QuestionName;
        ReadOnlySpan<byte> at = query.Name;
        for (int i = 0; i < MaxAliases; i++)
        {
            ClusterName name = ClusterName.Parse(at, _domain);
            if (name.Kind != ClusterNameKind.Service || Find(name.ServiceKey) is not { Kind: ClusterServiceKind.ExternalName } service)
                return null;
            aliases.AddRange(OwnRecord.Alias(owner, service.Target, _zone.Ttl));
            if (ClusterName.Parse(service.Target, _domain).Kind == ClusterNameKind.Outside)
                return new Detour { Asked = [.. service.Target, .. query.Key[^5..]], Aliases = [.. aliases], AliasTtl = _zone.Ttl };
            owner = at = service.Target;
        }

        return null;
    }
}

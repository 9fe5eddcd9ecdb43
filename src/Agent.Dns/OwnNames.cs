using System.Diagnostics.CodeAnalysis;

namespace Agent.Dns;

/// <summary>
/// What the configuration says of names: hosts, fixed zones, rewritten suffixes, filtered AAAA, DNS64. Immutable; for all threads. A look-up walks
/// from the root down and ends at the first label that nothing is said about, so most names cost one hash.
/// </summary>
public sealed class OwnNames
{
    private const uint ReverseTtl = 3600;

    private readonly OwnNode _root;
    private readonly Dictionary<byte[], OwnNode>.AlternateLookup<ReadOnlySpan<byte>> _nodes;

    internal OwnNames(Dictionary<byte[], OwnNode> nodes, Dns64? dns64)
    {
        _nodes = nodes.GetAlternateLookup<ReadOnlySpan<byte>>();
        _root = _nodes[[0]];
        Dns64 = dns64;
    }

    public Dns64? Dns64 { get; }

    /// <summary>Answers a question about a name of the agent's own.</summary>
    /// <returns>False when it is for the cache and the upstreams.</returns>
    public bool TryAnswer(in Query query, bool isUdp, Span<byte> reply, out int length)
    {
        OwnNode node = Find(query.Name, out bool isExact);
        if (node.Rewrite != null)
            return TryAnswerRewritten(query, node, isUdp, reply, out length);
        length = node.Answer(isExact, query.Type)?.WriteTo(query, reply) ?? 0;
        return length > 0;
    }

    /// <summary>Which key of the configuration says something about a question.</summary>
    internal string SourceOf(in Query query)
    {
        OwnNode node = Find(query.Name, out _);
        if (node.Rewrite != null)
            return "rewrite";
        return query.Type == RecordType.Aaaa && node.NoAaaa != null ? "filterAaaa" : node.Zone == null ? "hosts" : "zones";
    }

    /// <summary>What upstreams are to be asked in place of a question; null when that is the question itself.</summary>
    public Detour? FindDetour(in Query query)
    {
        OwnNode node = Find(query.Name, out bool isExact);
        Detour? detour = null;
        scoped ReadOnlySpan<byte> key = query.Key;
        Span<byte> rewritten = stackalloc byte[Query.MaxKeyLength];
        if (node.Rewrite is { } rewrite && rewrite.Write(key, rewritten) is > 0 and int length)
        {
            key = rewritten[..length];
            detour = new Detour { Asked = key.ToArray(), RewrittenLength = rewrite.From.Length };
            node = Find(key[..^5], out isExact);
        }

        if (node.Source(isExact)?.WayOut is { } wayOut)
            return new Detour { Asked = [.. wayOut.Target, .. key[^5..]], Aliases = wayOut.Aliases, AliasTtl = wayOut.Ttl };
        if (Dns64 != null && query.Type == RecordType.Ptr && Dns64.FindIpv4Reverse(key[..^5]) is { } reverse)
        {
            byte[] alias = OwnRecord.Alias(OwnRecord.QuestionName, reverse, ReverseTtl);
            return new Detour { Asked = [.. reverse, .. key[^5..]], Aliases = alias, AliasTtl = ReverseTtl };
        }

        return detour;
    }

    /// <summary>The longest name at or above this one that something is said about.</summary>
    /// <param name="isExact">Whether it is the name itself.</param>
    internal OwnNode Find(ReadOnlySpan<byte> name, out bool isExact)
    {
        Span<byte> labels = stackalloc byte[DnsName.MaxLength / 2];
        int left = 0;
        for (int i = 0; name[i] != 0; i += name[i] + 1)
            labels[left++] = (byte)i;
        OwnNode node = _root;
        for (; left > 0 && _nodes.TryGetValue(name[labels[left - 1]..], out OwnNode? below); left--)
            node = below;
        isExact = left == 0;
        return node;
    }

    /// <summary>Looks up the rewritten name, once; the answer is written under the client's.</summary>
    private bool TryAnswerRewritten(in Query query, OwnNode node, bool isUdp, Span<byte> reply, out int length)
    {
        Span<byte> key = stackalloc byte[Query.MaxKeyLength];
        int keyLength = node.Rewrite!.Write(query.Key, key);
        // A name that would be too long is left as it is.
        Query asked = query.Under(keyLength == 0 ? query.Key : key[..keyLength]);
        OwnAnswer? answer = Find(asked.Name, out bool isExact).Answer(isExact, asked.Type);
        length = answer?.WriteTo(query, reply) ?? 0;
        return length > 0 || SpecialNames.TryAnswer(asked, isUdp, reply, out length);
    }

    /// <summary>Names in wire form as keys. Nobody but the configuration adds any, so what clients ask cannot make them collide.</summary>
    internal sealed class NameComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        private readonly SipHash _hash = SipHash.CreateRandom();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] name) => GetHashCode(name.AsSpan());

        public bool Equals(ReadOnlySpan<byte> name, byte[] other) => name.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> name) => (int)_hash.Compute(name);

        public byte[] Create(ReadOnlySpan<byte> name) => name.ToArray();
    }
}

namespace Agent.Dns;

/// <summary>
/// The names that a pod's resolver asks for when it is given one with fewer dots than <c>ndots</c> (resolv.conf(5)): in each domain of the list, in
/// their order, and last as it is. Immutable; for all threads.
/// </summary>
public sealed class SearchList
{
    // What every libc reads whole: glibc before 2.26 six domains and 256 bytes, musl a line of 255.
    private const int MostDomains = 6;
    private const int MostCharacters = 255;
    private const int MostDots = 15; // both libcs take no more

    private static readonly byte[] _root = [0];

    private readonly byte[][] _domains;

    /// <param name="domains">Expanded, lower case.</param>
    public SearchList(IEnumerable<byte[]> domains, int ndots)
    {
        _domains = [.. domains];
        Ndots = Math.Min(ndots, MostDots);
        // A root among the domains is the name as it is for glibc, and a name that cannot be for musl.
        IsReadAlike = _domains.Length is > 0 and <= MostDomains && _domains.Sum(domain => domain.Length - 1) <= MostCharacters && _domains.All(domain => domain.Length > 1);
    }

    public IReadOnlyList<byte[]> Domains => _domains;

    public int Ndots { get; }

    /// <summary>Whether all libcs walk along it alike.</summary>
    public bool IsReadAlike { get; }

    /// <summary>Steps of a walk.</summary>
    public int Count => _domains.Length + 1;

    /// <summary>Whether a name may be the first one that is asked for in a walk.</summary>
    /// <remarks>
    /// Not for names of one label: in the pod's own namespace that is what Services are called in full, and who asks for one that is gone must
    /// not get what somebody else calls so.
    /// </remarks>
    /// <param name="name">Expanded, lower case.</param>
    /// <param name="length">Bytes of the name that the pod's resolver was given, without its root.</param>
    public bool Begins(ReadOnlySpan<byte> name, out int length)
    {
        length = name.Length - _domains[0].Length;
        if (length <= 0 || !name.EndsWith(_domains[0]))
            return false;
        int labels = 0;
        int at = 0;
        for (; at < length; at += 1 + name[at])
            labels++;
        // Else the domain's bytes, but within a label.
        return at == length && labels > 1 && labels <= Ndots;
    }

    /// <summary>Writes the question of one step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="key">Of the first step's question.</param>
    /// <param name="length">From <see cref="Begins"/>.</param>
    /// <returns>Bytes written; 0 when the name would be longer than names can be.</returns>
    public int Write(int step, ReadOnlySpan<byte> key, int length, Span<byte> written)
    {
        byte[] domain = step < _domains.Length ? _domains[step] : _root;
        if (length + domain.Length > DnsName.MaxLength)
            return 0;
        key[..length].CopyTo(written);
        domain.CopyTo(written[length..]);
        key[^5..].CopyTo(written[(length + domain.Length)..]);
        return length + domain.Length + 5;
    }
}

/// <summary>Whose search list is which. Immutable; for all threads.</summary>
public sealed class SearchLists(Dictionary<ClientAddress, SearchList> lists)
{
    /// <summary>Null for all whose walks are not to be shortened.</summary>
    public SearchList? Find(ClientAddress client) => lists.GetValueOrDefault(client);
}

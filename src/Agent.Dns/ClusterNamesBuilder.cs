namespace Agent.Dns;

/// <summary>
/// Makes one version of the table after the other, each sharing with the one before all that did not change. Not for more than one thread; what it
/// builds is for all.
/// </summary>
public sealed class ClusterNamesBuilder(ClusterZone zone)
{
    private readonly SipHash _hash = SipHash.CreateRandom();
    private ClusterNames? _last;
    private Edit _edit = new(ClusterTables.Empty);

    /// <summary>Puts a Service in place of the one with its key.</summary>
    /// <param name="key">Of <see cref="ClusterService.KeyOf"/>.</param>
    /// <param name="service">Null: it is gone.</param>
    public void Set(byte[] key, ClusterService? service)
    {
        ulong hash = _hash.Compute(key);
        ClusterService? old = _edit.Services.Find(hash);
        _edit.Services.Set(hash, service);
        foreach (byte[] gone in AddressesOf(old, exceptThoseOf: service))
            SetAddressName(gone, key, isNamed: false);
        foreach (byte[] added in AddressesOf(service, exceptThoseOf: old))
            SetAddressName(added, key, isNamed: true);
        EndpointDifference endpoints = new(old, service);
        foreach (ClusterEndpoint gone in endpoints.Gone)
            SetAddressName(gone.Address, NameOf(gone.Host, key), isNamed: false);
        foreach (ClusterEndpoint added in endpoints.Added)
            SetAddressName(added.Address, NameOf(added.Host, key), isNamed: true);
        // Nobody has seen what was before the first version.
        if (_last != null)
            _edit.Touched.AddService(key, old, service, endpoints);
    }

    /// <param name="label">Of <see cref="ClusterService.LabelOf"/>.</param>
    public void SetNamespace(byte[] label, bool exists)
    {
        _edit.Namespaces.Set(_hash.Compute(label), exists ? label : null);
        if (_last != null)
            _edit.Touched.AddNamespace(label);
    }

    /// <summary>Says whether a pod has this address; of use for <see cref="PodNames.Verified"/> alone.</summary>
    /// <param name="namespaceLabel">Of <see cref="ClusterService.LabelOf"/>.</param>
    /// <param name="address">4 or 16 bytes.</param>
    public void SetPod(byte[] namespaceLabel, byte[] address, bool exists)
    {
        byte[] key = [.. namespaceLabel, .. address];
        _edit.Pods.Set(_hash.Compute(key), exists ? key : null);
        if (_last != null)
            _edit.Touched.AddPod(namespaceLabel, address);
    }

    /// <summary>Makes the version with all that was set.</summary>
    /// <param name="serial">Of the SOA.</param>
    /// <param name="changes">What it says otherwise than the version before; nothing for the first.</param>
    public ClusterNames Build(uint serial, out IReadOnlyList<NameChange> changes)
    {
        ClusterTables tables = _edit.ToTables();
        ClusterNames names = new(zone, _hash, tables, serial);
        List<NameChange> found = [];
        foreach (byte[] name in _edit.Touched.ToNames(zone))
        {
            (bool existed, bool exists) = (_last!.Has(name), names.Has(name));
            if (existed || exists)
                found.Add(new NameChange(name, existed, exists));
        }

        changes = found;
        _edit = new Edit(tables);
        return _last = names;
    }

    private void SetAddressName(byte[] address, byte[] name, bool isNamed)
    {
        ulong hash = _hash.Compute(address);
        byte[]? names = _edit.Addresses.Find(hash);
        _edit.Addresses.Set(hash, isNamed ? AddressNames.With(names, address, name) : AddressNames.Without(names, name));
        if (_last != null)
            _edit.Touched.AddAddress(address);
    }

    private static IEnumerable<byte[]> AddressesOf(ClusterService? service, ClusterService? exceptThoseOf) =>
        (service?.Addresses ?? []).Where(address => exceptThoseOf?.Addresses.Any(other => other.AsSpan().SequenceEqual(address)) != true);

    private static byte[] NameOf(byte[] host, byte[] key) => [(byte)host.Length, .. host, .. key];

    /// <summary>The next version in the making.</summary>
    private sealed class Edit(ClusterTables from)
    {
        public HashTrie<ClusterService>.Editor Services { get; } = new(from.Services);

        public HashTrie<byte[]>.Editor Addresses { get; } = new(from.Addresses);

        public HashTrie<byte[]>.Editor Namespaces { get; } = new(from.Namespaces);

        public HashTrie<byte[]>.Editor Pods { get; } = new(from.Pods);

        public TouchedNames Touched { get; } = new();

        public ClusterTables ToTables() => new(Services.ToTrie(), Addresses.ToTrie(), Namespaces.ToTrie(), Pods.ToTrie());
    }
}

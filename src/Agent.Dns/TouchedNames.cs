namespace Agent.Dns;

/// <summary>The names that changes of objects are about, each once. Rather one too many: who forgets an answer only asks for it again.</summary>
internal sealed class TouchedNames
{
    private readonly HashSet<byte[]> _seen = new(new OwnNames.NameComparer());
    private readonly List<byte[]> _below = []; // without the cluster domain
    private readonly List<byte[]> _whole = [];

    public IEnumerable<byte[]> ToNames(ClusterZone zone) => _below.Select(name => (byte[])[.. name, .. zone.Domain]).Concat(_whole);

    public void AddNamespace(byte[] label)
    {
        AddBelow([.. label, .. "\x03svc"u8]);
        AddBelow([.. label, .. "\x03pod"u8]);
    }

    public void AddPod(byte[] namespaceLabel, byte[] address)
    {
        byte[] host = DashedAddress.ToLabel(address);
        AddBelow([(byte)host.Length, .. host, .. namespaceLabel, .. "\x03pod"u8]);
    }

    public void AddAddress(byte[] address)
    {
        byte[] name = DnsName.ReverseOf(address);
        if (_seen.Add(name))
            _whole.Add(name);
    }

    public void AddService(byte[] key, ClusterService? old, ClusterService? service, EndpointDifference endpoints)
    {
        bool isOther = old == null || service == null || !IsSameButForEndpoints(old, service);
        // Whatever an endpoint's name says follows from these.
        IEnumerable<ClusterEndpoint> touched = isOther ? AllOf(old).Concat(AllOf(service))
            : endpoints.HasOtherPorts ? endpoints.InChangedSlices
            : endpoints.Gone.Concat(endpoints.Added);
        foreach (byte[] host in touched.Select(endpoint => endpoint.Host))
            AddBelow([(byte)host.Length, .. host, .. key, .. "\x03svc"u8]);

        bool isHeadless = old?.Kind == ClusterServiceKind.Headless || service?.Kind == ClusterServiceKind.Headless;
        bool hasOtherEndpoints = endpoints.HasOtherPorts || endpoints.Gone.Count + endpoints.Added.Count > 0;
        if (!isOther && !(isHeadless && hasOtherEndpoints))
            return;
        AddBelow([.. key, .. "\x03svc"u8]);
        foreach (ClusterPort port in PortsOf(old).Concat(PortsOf(service)).Where(port => port.Name.Length > 0))
            AddBelow([.. Underscored(port.Name), .. Underscored(port.Protocol), .. key, .. "\x03svc"u8]);
    }

    private static byte[] Underscored(byte[] text) => [(byte)(text.Length + 1), (byte)'_', .. text];

    private static IEnumerable<ClusterEndpoint> AllOf(ClusterService? service) => (service?.Slices ?? []).SelectMany(slice => slice.Items.ToArray());

    private void AddBelow(byte[] name)
    {
        if (_seen.Add(name))
            _below.Add(name);
    }

    private static bool IsSameButForEndpoints(ClusterService one, ClusterService other) =>
        one.Kind == other.Kind && one.PublishesNotReady == other.PublishesNotReady && one.Target.AsSpan().SequenceEqual(other.Target)
        && one.Addresses.Length == other.Addresses.Length && one.Addresses.Zip(other.Addresses).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second))
        && ClusterPort.AreSame(one.Ports, other.Ports);

    private static IEnumerable<ClusterPort> PortsOf(ClusterService? service) =>
        service == null ? [] : service.Ports.Concat(service.Slices.SelectMany(slice => slice.Ports));
}

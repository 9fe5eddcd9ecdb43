namespace Agent.Dns;

/// <summary>The names that changes of objects are about, each once. Rather one too many: who forgets an answer only asks for it again.</summary>
internal sealed class TouchedNames
{
    private readonly HashSet<string> _seen = [];
    private readonly List<byte[]> _below = []; // without the cluster domain
    private readonly List<byte[]> _whole = [];

    /// <summary>The endpoints that have names, but for slices that another version has too.</summary>
    public static IEnumerable<ClusterEndpoint> Published(ClusterService? service, ClusterService? exceptThoseOf)
    {
        if (service == null)
            yield break;
        bool isComparable = exceptThoseOf != null && exceptThoseOf.PublishesNotReady == service.PublishesNotReady;
        HashSet<ClusterEndpoints> known = isComparable ? [.. exceptThoseOf!.Slices] : [];
        foreach (ClusterEndpoints slice in service.Slices)
        {
            if (known.Contains(slice))
                continue;
            for (int i = 0; i < slice.Items.Length; i++)
            {
                if (service.IsPublished(slice.Items[i]))
                    yield return slice.Items[i];
            }
        }
    }

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
        byte[] name = ReverseName.Of(address);
        if (_seen.Add(Convert.ToBase64String(name)))
            _whole.Add(name);
    }

    public void AddService(byte[] key, ClusterService? old, ClusterService? service)
    {
        bool isOther = old == null || service == null || !IsSameButForEndpoints(old, service);
        bool hasOtherPorts = !HaveSamePorts(EndpointPorts(old), EndpointPorts(service));
        int before = _below.Count;
        foreach ((ClusterService? one, ClusterService? other) in ((ClusterService?, ClusterService?)[])[(old, service), (service, old)])
        {
            // Whatever an endpoint's name says follows from these three.
            bool isEvery = isOther || hasOtherPorts;
            foreach (ClusterEndpoint endpoint in Published(one, exceptThoseOf: isEvery ? null : other))
            {
                if (isEvery || !other!.Publishes(endpoint))
                    AddBelow([(byte)endpoint.Host.Length, .. endpoint.Host, .. key, .. "\x03svc"u8]);
            }
        }

        bool isHeadless = old?.Kind == ClusterServiceKind.Headless || service?.Kind == ClusterServiceKind.Headless;
        if (!isOther && !(isHeadless && (hasOtherPorts || _below.Count > before)))
            return;
        AddBelow([.. key, .. "\x03svc"u8]);
        foreach (ClusterPort port in EndpointPorts(old).Concat(EndpointPorts(service)).Concat(old?.Ports ?? []).Concat(service?.Ports ?? []))
        {
            if (port.Name.Length > 0)
                AddBelow([(byte)(port.Name.Length + 1), (byte)'_', .. port.Name, (byte)(port.Protocol.Length + 1), (byte)'_', .. port.Protocol, .. key, .. "\x03svc"u8]);
        }
    }

    private void AddBelow(byte[] name)
    {
        if (_seen.Add(Convert.ToBase64String(name)))
            _below.Add(name);
    }

    private static bool IsSameButForEndpoints(ClusterService one, ClusterService other) =>
        one.Kind == other.Kind && one.PublishesNotReady == other.PublishesNotReady && one.Target.AsSpan().SequenceEqual(other.Target)
        && one.Addresses.Length == other.Addresses.Length && one.Addresses.Zip(other.Addresses).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second))
        && HaveSamePorts(one.Ports, other.Ports);

    private static bool HaveSamePorts(ClusterPort[] some, ClusterPort[] others) =>
        some.All(port => others.Any(port.IsSame)) && others.All(port => some.Any(port.IsSame));

    private static ClusterPort[] EndpointPorts(ClusterService? service)
    {
        List<ClusterPort> ports = [];
        foreach (ClusterPort port in service?.Slices.SelectMany(slice => slice.Ports) ?? [])
        {
            if (!ports.Exists(port.IsSame))
                ports.Add(port);
        }

        return [.. ports];
    }
}

namespace Agent.Dns;

/// <summary>What two versions of a Service have different endpoints in. Slices that both have cost nothing.</summary>
internal sealed class EndpointDifference
{
    public EndpointDifference(ClusterService? old, ClusterService? service)
    {
        (ClusterEndpoints[] before, ClusterEndpoints[] after) = (SlicesOf(old, service), SlicesOf(service, old));
        Gone = Only(old, before, service, after);
        Added = Only(service, after, old, before);
        HasOtherPorts = before.Length != after.Length || !before.Zip(after).All(pair => ClusterPort.AreSame(pair.First.Ports, pair.Second.Ports));
        InChangedSlices = before.Concat(after).SelectMany(slice => slice.Items.ToArray());
    }

    /// <summary>Those that have a name in the old version alone.</summary>
    public List<ClusterEndpoint> Gone { get; }

    public List<ClusterEndpoint> Added { get; }

    /// <summary>Whether an endpoint may be the same and have other ports.</summary>
    public bool HasOtherPorts { get; }

    /// <summary>All endpoints of slices that one version alone has.</summary>
    public IEnumerable<ClusterEndpoint> InChangedSlices { get; }

    private static ClusterEndpoints[] SlicesOf(ClusterService? service, ClusterService? other)
    {
        HashSet<ClusterEndpoints> known = service != null && other?.PublishesNotReady == service.PublishesNotReady ? [.. other.Slices] : [];
        return [.. (service?.Slices ?? []).Where(slice => !known.Contains(slice))];
    }

    /// <param name="others">Where most of the endpoints are, and the first to be searched.</param>
    private static List<ClusterEndpoint> Only(ClusterService? service, ClusterEndpoints[] slices, ClusterService? other, ClusterEndpoints[] others)
    {
        List<ClusterEndpoint> only = [];
        foreach (ClusterEndpoints slice in slices)
        {
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items)
            {
                if (service!.IsPublished(endpoint) && other?.Publishes(endpoint, others) != true && other?.Publishes(endpoint, other.Slices) != true)
                    only.Add(endpoint);
            }
        }

        return only;
    }
}

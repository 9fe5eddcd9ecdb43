namespace Agent.Dns;

/// <summary>Which endpoints have names in one version of a Service and not in the other. Slices that both versions have cost nothing.</summary>
internal sealed class EndpointDifference
{
    public EndpointDifference(ClusterService? old, ClusterService? service)
    {
        Gone = Only(old, service);
        Added = Only(service, old);
    }

    public List<ClusterEndpoint> Gone { get; }

    public List<ClusterEndpoint> Added { get; }

    private static List<ClusterEndpoint> Only(ClusterService? service, ClusterService? other)
    {
        List<ClusterEndpoint> only = [];
        if (service == null)
            return only;
        HashSet<ClusterEndpoints> known = other?.PublishesNotReady == service.PublishesNotReady ? [.. other.Slices] : [];
        foreach (ClusterEndpoints slice in service.Slices.Where(slice => !known.Contains(slice)))
        {
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items)
            {
                if (service.IsPublished(endpoint) && other?.Publishes(endpoint) != true)
                    only.Add(endpoint);
            }
        }

        return only;
    }
}

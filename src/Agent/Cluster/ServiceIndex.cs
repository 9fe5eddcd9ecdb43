using System.Net;
using Agent.Kubernetes;
using Agent.Kubernetes.Watching;

namespace Agent.Cluster;

/// <summary>The Services and their EndpointSlices, found by what asks for them. For one thread.</summary>
internal sealed class ServiceIndex
{
    private readonly Dictionary<ObjectKey, Service> _services = [];
    private readonly Dictionary<IPAddress, ObjectKey> _byAddress = [];
    private readonly Dictionary<ObjectKey, EndpointSlice[]> _slices = [];

    public Service? Find(ObjectKey service) => _services.GetValueOrDefault(service);

    /// <summary>The Service that has this ClusterIP.</summary>
    public ObjectKey? At(IPAddress clusterIP) => _byAddress.TryGetValue(clusterIP, out ObjectKey service) ? service : null;

    /// <summary>Those of this Service, by their names.</summary>
    public IReadOnlyList<EndpointSlice> SlicesOf(ObjectKey service) => _slices.GetValueOrDefault(service, []);

    public void Apply(Change<Service> change)
    {
        // An address may have passed on before its last Service is gone.
        foreach (IPAddress address in change.Old?.ClusterIPs ?? [])
        {
            if (At(address) == change.Key)
                _byAddress.Remove(address);
        }

        if (change.New == null)
            _services.Remove(change.Key);
        else
            _services[change.Key] = change.New;
        foreach (IPAddress address in change.New?.ClusterIPs ?? [])
            _byAddress[address] = change.Key;
    }

    public void Apply(Change<EndpointSlice> change)
    {
        if (change.Old != null)
        {
            ObjectKey service = ServiceOf(change.Old);
            EndpointSlice[] left = [.. SlicesOf(service).Where(slice => slice.Key != change.Key)];
            if (left.Length > 0)
                _slices[service] = left;
            else
                _slices.Remove(service);
        }

        if (change.New is { ServiceName.Length: > 0 } added)
        {
            _slices[ServiceOf(added)] =
                [.. SlicesOf(ServiceOf(added)).Where(slice => slice.Key != added.Key).Append(added).OrderBy(slice => slice.Key.Name, StringComparer.Ordinal)];
        }
    }

    public static ObjectKey ServiceOf(EndpointSlice slice) => new(slice.Key.Namespace, slice.ServiceName);

    /// <summary>Where a Service's port is answered: by its ready endpoints, or those meant for this node's zone.</summary>
    /// <param name="slices">Of this Service.</param>
    /// <param name="zone">This node's topology zone; null when it is not known.</param>
    public static IPEndPoint[] ReadyEndpoints(IReadOnlyList<EndpointSlice> slices, ServicePort port, string? zone)
    {
        (IPEndPoint EndPoint, IReadOnlyList<string> ForZones)[] ready = [.. slices
            .SelectMany(slice => slice.Ports
                .Where(one => one.Name == port.Name && one.Protocol == port.Protocol && one.Port > 0)
                .SelectMany(one => slice.Endpoints
                    .Where(endpoint => endpoint is { IsReady: true, IsTerminating: false } && endpoint.Addresses.Count > 0)
                    .Select(endpoint => (new IPEndPoint(endpoint.Addresses[0], one.Port), endpoint.ForZones))))
            .DistinctBy(found => found.Item1)];
        // Topology aware routing counts only when every endpoint has a hint, as kube-proxy has it.
        bool hasHints = zone != null && ready.All(found => found.ForZones.Count > 0) && ready.Any(found => found.ForZones.Contains(zone));
        return [.. ready.Where(found => !hasHints || found.ForZones.Contains(zone!)).Select(found => found.EndPoint)];
    }
}

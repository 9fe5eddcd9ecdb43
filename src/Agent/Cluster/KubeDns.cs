using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>What the kube-dns Service says: the addresses that pods ask, and the servers behind them.</summary>
/// <param name="Frontends">One for each ClusterIP and protocol, with the ready endpoints as fallback.</param>
/// <param name="Servers">The ready endpoints over TCP, which cluster names are asked of.</param>
internal sealed record KubeDns(IReadOnlyList<FrontendConfiguration> Frontends, IReadOnlyList<IPEndPoint> Servers)
{
    private const int DnsPort = 53;

    public static KubeDns None { get; } = new([], []);

    /// <param name="slices">Of any Services; those of this one count.</param>
    /// <param name="zone">This node's topology zone; null when it is not known.</param>
    public static KubeDns Of(Service service, IEnumerable<EndpointSlice> slices, string? zone)
    {
        EndpointSlice[] own = [.. slices
            .Where(slice => slice.Key.Namespace == service.Key.Namespace && slice.ServiceName == service.Key.Name)
            .OrderBy(slice => slice.Key.Name, StringComparer.Ordinal)];
        List<FrontendConfiguration> frontends = [];
        foreach (ServicePort port in service.Ports.Where(port => port.Port == DnsPort && port.Protocol is "UDP" or "TCP"))
        {
            IPEndPoint[] endpoints = EndpointsOf(own, port, zone);
            frontends.AddRange(service.ClusterIPs.Select(address => new FrontendConfiguration
            {
                Address = address,
                Port = DnsPort,
                Protocols = [port.Protocol == "TCP" ? TransportProtocol.Tcp : TransportProtocol.Udp],
                Fallback = [.. endpoints.Where(endpoint => endpoint.AddressFamily == address.AddressFamily)],
            }));
        }

        return new KubeDns(frontends, ServersOf(frontends));
    }

    /// <summary>What a kernel that was programmed before still knows: it holds until the API server has been heard.</summary>
    public static KubeDns Remembered(IReadOnlyList<FrontendConfiguration> frontends) => new(frontends, ServersOf(frontends));

    /// <summary>The routes that follow: the cluster's names and all reverse names to these servers, over TCP as NodeLocal DNSCache asks them.</summary>
    /// <remarks>Without a server there is still one for the cluster's names: no other server may say that they do not exist.</remarks>
    public IReadOnlyList<RouteConfiguration> Routes(string clusterDomain) =>
        [.. new[] { clusterDomain, "in-addr.arpa", "ip6.arpa" }
            .Where(zone => zone == clusterDomain || Servers.Count > 0)
            .Select(zone => new RouteConfiguration { Zone = zone, Servers = Servers, Protocol = TransportProtocol.Tcp })];

    /// <summary>The same, but with the endpoints of before where there are none now: a server that is not ready may answer, and none cannot.</summary>
    public KubeDns Keeping(KubeDns before) => this with
    {
        Frontends = [.. Frontends.Select(frontend => frontend.Fallback.Count > 0 ? frontend : frontend with { Fallback = before.FallbackOf(frontend) })],
        Servers = Servers.Count > 0 ? Servers : before.Servers,
    };

    public bool SaysTheSameAs(KubeDns other) =>
        Servers.SequenceEqual(other.Servers)
        && Frontends.Count == other.Frontends.Count
        && Frontends.Zip(other.Frontends).All(pair => IsSameFrontend(pair.First, pair.Second) && pair.First.Fallback.SequenceEqual(pair.Second.Fallback));

    private IReadOnlyList<IPEndPoint> FallbackOf(FrontendConfiguration frontend) =>
        Frontends.FirstOrDefault(other => IsSameFrontend(frontend, other))?.Fallback ?? [];

    private static bool IsSameFrontend(FrontendConfiguration one, FrontendConfiguration other) =>
        one.Address.Equals(other.Address) && one.Port == other.Port && one.Protocols.SequenceEqual(other.Protocols);

    private static IReadOnlyList<IPEndPoint> ServersOf(IEnumerable<FrontendConfiguration> frontends) =>
        [.. frontends.Where(frontend => frontend.Protocols.Contains(TransportProtocol.Tcp)).SelectMany(frontend => frontend.Fallback).Distinct()];

    private static IPEndPoint[] EndpointsOf(EndpointSlice[] slices, ServicePort port, string? zone)
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

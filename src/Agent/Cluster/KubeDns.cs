using System.Net;
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

    /// <param name="slices">Of this Service.</param>
    /// <param name="zone">This node's topology zone; null when it is not known.</param>
    public static KubeDns Of(Service service, IReadOnlyList<EndpointSlice> slices, string? zone)
    {
        List<FrontendConfiguration> frontends = [];
        foreach (ServicePort port in service.Ports.Where(port => port.Port == DnsPort && port.Protocol is "UDP" or "TCP"))
        {
            IPEndPoint[] endpoints = ServiceIndex.ReadyEndpoints(slices, port, zone);
            frontends.AddRange(service.ClusterIPs.Select(address => new FrontendConfiguration
            {
                Address = address,
                Port = DnsPort,
                Protocols = [port.Protocol == "TCP" ? TransportProtocol.Tcp : TransportProtocol.Udp],
                Fallback = [.. endpoints.Where(endpoint => endpoint.AddressFamily == address.AddressFamily)],
                IsClusterDns = true,
            }));
        }

        return new KubeDns(frontends, ServersOf(frontends));
    }

    /// <summary>What frontends that the kernel was told of before still say of kube-dns.</summary>
    public static KubeDns Remembered(IReadOnlyList<FrontendConfiguration> frontends) =>
        new([.. frontends.Where(IsPlain)], ServersOf(frontends.Where(frontend => frontend.IsClusterDns)));

    /// <summary>Whether it is as kube-dns has it without a policy.</summary>
    public static bool IsPlain(FrontendConfiguration frontend) => frontend is { IsClusterDns: true, IsServedByAgent: true, Local.Count: 0 };

    /// <summary>The zones that speak of a cluster's Services, by name or by address.</summary>
    public static IReadOnlyList<string> ZonesOf(string clusterDomain) => [clusterDomain, "in-addr.arpa", "ip6.arpa"];

    /// <summary>The routes that follow: the cluster's names and all reverse names to these servers, over TCP as NodeLocal DNSCache asks them.</summary>
    /// <remarks>Without a server there is still one for the cluster's names: no other server may say that they do not exist.</remarks>
    public IReadOnlyList<RouteConfiguration> Routes(string clusterDomain) =>
        [.. ZonesOf(clusterDomain)
            .Where(zone => zone == clusterDomain || Servers.Count > 0)
            .Select(zone => new RouteConfiguration { Zone = zone, Servers = Servers, Protocol = TransportProtocol.Tcp })];

    /// <summary>The same, but with the endpoints of before where there are none now: a server that is not ready may answer, and none cannot.</summary>
    public KubeDns Keeping(ClusterFindings before) => this with
    {
        Frontends = [.. Frontends.Select(frontend => frontend.Fallback.Count > 0
            ? frontend
            : frontend with { Fallback = before.Frontends.FirstOrDefault(other => other.IsClusterDns && other.Overlaps(frontend))?.Fallback ?? [] })],
        Servers = Servers.Count > 0 ? Servers : before.KubeDns.Servers,
    };

    public bool SaysTheSameAs(KubeDns other) =>
        Servers.SequenceEqual(other.Servers)
        && Frontends.Count == other.Frontends.Count
        && Frontends.Zip(other.Frontends).All(pair => pair.First.SaysTheSameAs(pair.Second));

    private static IReadOnlyList<IPEndPoint> ServersOf(IEnumerable<FrontendConfiguration> frontends) =>
        [.. frontends.Where(frontend => frontend.Protocols.Contains(TransportProtocol.Tcp)).SelectMany(frontend => frontend.Fallback).Distinct()];
}

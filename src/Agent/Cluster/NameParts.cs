using System.Net;
using System.Text;
using Agent.Dns;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>Translates what objects say into parts of names.</summary>
internal static class NameParts
{
    /// <summary>Whether both are labels as the API server lets Services and namespaces be named; only those can be asked for.</summary>
    public static bool AreLabels(ObjectKey key) => IsLabel(key.Name) && IsLabel(key.Namespace);

    public static bool IsLabel(string text) => text.Length is > 0 and <= 63 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    public static DeclaredService Declare(Service service)
    {
        if (service.Type == "ExternalName")
            return DeclareAlias(service);
        // A Service whose address is not there yet has no names yet.
        if (!service.IsHeadless && service.ClusterIPs.Count == 0)
            return new DeclaredService(ClusterServiceKind.None);
        return new DeclaredService(service.IsHeadless ? ClusterServiceKind.Headless : ClusterServiceKind.ClusterIp)
        {
            PublishesNotReady = service.PublishNotReadyAddresses,
            Addresses = [.. service.ClusterIPs.Select(address => address.GetAddressBytes())],
            Ports = [.. service.Ports.Select(port => PortOf(port.Name, port.Protocol, port.Port))],
        };
    }

    public static ClusterEndpoints EndpointsOf(EndpointSlice slice) => new(
        slice.Ports.Select(port => PortOf(port.Name, port.Protocol, port.Port)),
        slice.Endpoints.SelectMany(endpoint => endpoint.Addresses.Select(address => EndpointOf(endpoint, address))));

    private static DeclaredService DeclareAlias(Service service)
    {
        string target = service.ExternalName ?? "";
        // An alias of an address is none; CoreDNS does not answer it either. A number with a leading zero makes it a name for both.
        bool isAddress = IPAddress.TryParse(target, out IPAddress? address) && address.ToString() == target;
        if (target.Length == 0 || isAddress)
            return new DeclaredService(ClusterServiceKind.None);
        try
        {
            return new DeclaredService(ClusterServiceKind.ExternalName) { Target = DnsName.FromText(target) };
        }
        catch (FormatException)
        {
            return new DeclaredService(ClusterServiceKind.None);
        }
    }

    private static ClusterEndpoint EndpointOf(Endpoint endpoint, IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        string hostname = endpoint.Hostname?.ToLowerInvariant() ?? "";
        return new ClusterEndpoint(IsLabel(hostname) ? Encoding.ASCII.GetBytes(hostname) : DashedAddress.ToLabel(bytes), bytes, endpoint.IsReady);
    }

    private static ClusterPort PortOf(string name, string protocol, int port) =>
        new(Encoding.ASCII.GetBytes(name.ToLowerInvariant()), Encoding.ASCII.GetBytes(protocol.ToLowerInvariant()), (ushort)port);
}

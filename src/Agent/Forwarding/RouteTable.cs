using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>Which servers answer which zone: an immutable snapshot, replaced whole.</summary>
internal sealed class RouteTable
{
    private readonly Route[] _routes;

    public RouteTable(IEnumerable<Route> routes) => _routes = [.. routes.OrderByDescending(route => route.Zone.Length)];

    public IReadOnlyList<Route> Routes => _routes;

    /// <summary>The route of the longest zone that encloses the name; null when no zone does.</summary>
    /// <param name="name">Expanded, lower case.</param>
    public Route? Find(ReadOnlySpan<byte> name)
    {
        foreach (Route route in _routes)
        {
            if (DnsName.IsInZone(name, route.Zone))
                return route;
        }

        return null;
    }
}

/// <summary>One zone's upstream servers and how they are asked.</summary>
internal sealed record Route(byte[] Zone, TransportProtocol Protocol, IReadOnlyList<Server> Servers);

/// <summary>An upstream's address, in the form people read and in the kernel's. One object for each address, compared by reference.</summary>
internal sealed class Server(IPEndPoint endPoint)
{
    private readonly SockAddr _address = SockAddr.From(endPoint);

    public IPEndPoint EndPoint => endPoint;

    public ref readonly SockAddr Address => ref _address;
}

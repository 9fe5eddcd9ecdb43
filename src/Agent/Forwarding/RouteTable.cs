using Agent.Configuration;
using Agent.Dns;

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

    /// <summary>Takes notice of a client's question that is one of this agent's own checks for loops.</summary>
    /// <returns>Whether it is one.</returns>
    public bool IsLoop(in Query query, long now)
    {
        if (!LoopCheck.MayBeCheck(query))
            return false;
        foreach (Route route in _routes)
        {
            foreach (LoopCheck check in route.Checks)
            {
                if (check.CameBack(query.Name, now))
                    return true;
            }
        }

        return false;
    }
}

/// <summary>One zone's upstream servers and how they are asked.</summary>
/// <param name="Servers">Those that may be asked: none that is known to be a loop.</param>
internal sealed record Route(byte[] Zone, TransportProtocol Protocol, IReadOnlyList<Server> Servers)
{
    private uint _turn;

    /// <summary>Who names the servers: <c>configuration</c>, the path of a resolv.conf, or <c>EndpointSlices</c>.</summary>
    public string Origin { get; init; } = "configuration";

    /// <summary>Which server is asked first.</summary>
    public ServerPolicy Policy { get; init; }

    /// <summary>Bounds what is sent; null: nothing does.</summary>
    public SendPace? Pace { get; init; }

    /// <summary>For each server of the configuration, loops included, whether it is one.</summary>
    public IReadOnlyList<LoopCheck> Checks { get; init; } = [];

    /// <summary>Counts up, for all threads together.</summary>
    public uint NextTurn() => Interlocked.Increment(ref _turn);
}

using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Microsoft.Extensions.Logging;

namespace Agent.Forwarding;

/// <summary>
/// The routes as they are now: from the configuration, from resolv.conf files, which are looked at again every second, and from what the cluster
/// says of its DNS servers; without the servers that were found to bring questions back to this agent.
/// </summary>
internal sealed partial class RouteSource
{
    private readonly ILogger _logger;
    private readonly Dictionary<string, Server[]> _files = [];
    private readonly Dictionary<string, string> _contents = [];
    private readonly Dictionary<(IPEndPoint, TlsConfiguration?), Server> _servers = [];
    private readonly Dictionary<(string Zone, Server Server), LoopCheck> _checks = [];
    private readonly HashSet<LoopCheck> _loops = [];
    private IReadOnlyList<RouteConfiguration> _configured = [];
    private IReadOnlyList<RouteConfiguration> _discovered = [];
    private HashSet<IPAddress> _ownAddresses = [];
    private HashSet<IPAddress> _discoveredAddresses = [];
    private Dictionary<string, SendPace> _paces = []; // by zone; no route, however often it is made anew, starts with a new one
    private bool _isStale = true;
    private volatile RouteTable _current;

    /// <param name="routes">What the configuration says.</param>
    /// <param name="ownAddresses">Addresses that lead back to this agent: its own, and the frontends that are redirected to it.</param>
    public RouteSource(IReadOnlyList<RouteConfiguration> routes, IEnumerable<IPAddress> ownAddresses, ILogger logger)
    {
        _logger = logger;
        _current = new RouteTable([]);
        Configure(routes, ownAddresses);
    }

    public RouteTable Current => _current;

    /// <summary>How often a server was found to be a loop.</summary>
    public long LoopsFound { get; private set; }

    /// <summary>Goes by another configuration; what is known of servers that stay is kept. Call from one thread at a time.</summary>
    /// <inheritdoc cref="RouteSource(IReadOnlyList{RouteConfiguration}, IEnumerable{IPAddress}, ILogger)" path="/param"/>
    public void Configure(IReadOnlyList<RouteConfiguration> routes, IEnumerable<IPAddress> ownAddresses)
    {
        _paces = routes.Where(route => route.QueriesPerSecond > 0).ToDictionary(route => route.Zone, PaceOf);
        _configured = routes;
        _ownAddresses = [.. ownAddresses];
        RefreshAll();
    }

    /// <summary>Takes over what was discovered, for zones that the configuration does not name. Call from one thread at a time.</summary>
    /// <param name="frontends">Addresses that are redirected to this agent, so that no resolv.conf may name them.</param>
    public void Discover(IReadOnlyList<RouteConfiguration> routes, IEnumerable<IPAddress> frontends)
    {
        _discovered = routes;
        _discoveredAddresses = [.. frontends];
        RefreshAll();
    }

    /// <summary>
    /// Reads the resolv.conf files again and publishes new routes if one changed, or a server became a loop or is none any more. Call from one
    /// thread at a time.
    /// </summary>
    public void Refresh()
    {
        bool changed = _isStale;
        _isStale = false;
        foreach (string path in _configured.Select(route => route.ResolvConf).OfType<string>().Distinct())
            changed |= RefreshFile(path);
        changed |= RefreshLoops();
        if (!changed)
            return;
        _current = new RouteTable(_configured.Concat(_discovered.Where(route => _configured.All(other => other.Zone != route.Zone))).Select(ToRoute));
        Forget();
    }

    private void RefreshAll()
    {
        _contents.Clear(); // so that the files are judged anew
        _isStale = true;
        Refresh();
    }

    /// <summary>Lets go of servers that no route has any more: endpoints of the cluster come and go without end.</summary>
    private void Forget()
    {
        HashSet<LoopCheck> used = [.. _current.Routes.SelectMany(route => route.Checks)];
        foreach (KeyValuePair<(string, Server), LoopCheck> check in _checks.Where(check => !used.Contains(check.Value)).ToArray())
        {
            _checks.Remove(check.Key);
            _loops.Remove(check.Value);
        }

        HashSet<Server> servers = [.. used.Select(check => check.Server)];
        foreach (KeyValuePair<(IPEndPoint, TlsConfiguration?), Server> server in _servers.Where(server => !servers.Contains(server.Value)).ToArray())
            _servers.Remove(server.Key);
    }

    private SendPace PaceOf(RouteConfiguration route)
    {
        bool isSame = _configured.Any(other => other.Zone == route.Zone && other.QueriesPerSecond == route.QueriesPerSecond);
        return isSame ? _paces[route.Zone] : new SendPace(route.QueriesPerSecond);
    }

    private bool IsOwn(IPAddress address) => _ownAddresses.Contains(address) || _discoveredAddresses.Contains(address);

    private bool RefreshFile(string path)
    {
        string content;
        try
        {
            content = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            content = "";
        }

        if (_contents.TryGetValue(path, out string? known) && known == content)
            return false;
        _contents[path] = content;
        IReadOnlyList<IPAddress> named = ResolvConf.Nameservers(content);
        foreach (IPAddress loop in named.Where(IsOwn))
            ServerIsLoop(_logger, path, loop);
        Server[] servers = [.. named.Where(address => !IsOwn(address)).Select(address => ServerOf(new IPEndPoint(address, 53)))];
        if (servers.Length == 0)
        {
            // A file that is being replaced is empty for a moment, and an answer from an old server beats none.
            NoServers(_logger, path, _files.ContainsKey(path) ? "keeping those of before" : "its zones get no answer until there are some");
            return false;
        }

        _files[path] = servers;
        ServersRead(_logger, path, string.Join(", ", servers.Select(server => server.EndPoint)));
        return true;
    }

    private bool RefreshLoops()
    {
        bool changed = false;
        foreach (((string zone, Server server), LoopCheck check) in _checks)
        {
            bool isLoop = check.IsLoop;
            if (isLoop ? !_loops.Add(check) : !_loops.Remove(check))
                continue;
            changed = true;
            LoopsFound += isLoop ? 1 : 0;
            if (isLoop)
                LoopFound(_logger, server.EndPoint, zone + ".");
            else
                LoopEnded(_logger, server.EndPoint, zone + ".");
        }

        return changed;
    }

    private Route ToRoute(RouteConfiguration route)
    {
        Server[] servers = route.ResolvConf == null
            ? [.. route.Servers.Select(server => ServerOf(server, route.Tls))]
            : _files.GetValueOrDefault(route.ResolvConf, []);
        byte[] zone = DnsName.FromText(route.Zone);
        LoopCheck[] checks = [.. servers.Select(server => CheckOf(route.Zone, server, zone))];
        return new Route(zone, route.Protocol, [.. checks.Where(check => !_loops.Contains(check)).Select(check => check.Server)])
        {
            Origin = route.ResolvConf ?? (_discovered.Contains(route) ? "EndpointSlices" : "configuration"),
            Policy = route.Policy,
            Pace = _paces.GetValueOrDefault(route.Zone),
            Checks = checks,
        };
    }

    private LoopCheck CheckOf(string zoneName, Server server, byte[] zone)
    {
        if (!_checks.TryGetValue((zoneName, server), out LoopCheck? check))
            _checks.Add((zoneName, server), check = new LoopCheck(server, zone));
        return check;
    }

    private Server ServerOf(IPEndPoint endPoint, TlsConfiguration? tls = null)
    {
        if (!_servers.TryGetValue((endPoint, tls), out Server? server))
            _servers.Add((endPoint, tls), server = new Server(endPoint, tls == null ? null : new TlsTunnel(endPoint, tls, _logger)));
        return server;
    }

    [LoggerMessage(300, LogLevel.Information, "Servers of {Path}: {Servers}")]
    private static partial void ServersRead(ILogger logger, string path, string servers);

    [LoggerMessage(301, LogLevel.Warning, "{Path} names no server that can be used; {Consequence}")]
    private static partial void NoServers(ILogger logger, string path, string consequence);

    [LoggerMessage(302, LogLevel.Warning, "{Path} names {Address}, which leads back to this agent: not used")]
    private static partial void ServerIsLoop(ILogger logger, string path, IPAddress address);

    [LoggerMessage(303, LogLevel.Warning, "{Server} brings questions of the zone {Zone} back to this agent: not asked for them until that ends. Let it forward to other servers than this node's resolver, or take it out of the route")]
    private static partial void LoopFound(ILogger logger, IPEndPoint server, string zone);

    [LoggerMessage(304, LogLevel.Information, "{Server} does not bring questions of the zone {Zone} back any more: asked again")]
    private static partial void LoopEnded(ILogger logger, IPEndPoint server, string zone);
}

using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Microsoft.Extensions.Logging;

namespace Agent.Forwarding;

/// <summary>
/// The routes as they are now: from the configuration, and from resolv.conf files, which are looked at again every second.
/// </summary>
internal sealed partial class RouteSource
{
    private readonly IReadOnlyList<RouteConfiguration> _configured;
    private readonly HashSet<IPAddress> _ownAddresses;
    private readonly ILogger _logger;
    private readonly Dictionary<string, Server[]> _files = [];
    private readonly Dictionary<string, string> _contents = [];
    private readonly Dictionary<IPEndPoint, Server> _servers = [];
    private volatile RouteTable _current;

    /// <param name="routes">What the configuration says.</param>
    /// <param name="ownAddresses">Addresses that lead back to this agent: its own, and the frontends that are redirected to it.</param>
    public RouteSource(IReadOnlyList<RouteConfiguration> routes, IEnumerable<IPAddress> ownAddresses, ILogger logger)
    {
        _configured = routes;
        _ownAddresses = [.. ownAddresses];
        _logger = logger;
        _current = new RouteTable([]);
        Refresh();
    }

    public RouteTable Current => _current;

    /// <summary>Reads the resolv.conf files again and publishes new routes if one changed. Call from one thread.</summary>
    public void Refresh()
    {
        bool changed = _current.Routes.Count != _configured.Count;
        foreach (string path in _configured.Select(route => route.ResolvConf).OfType<string>().Distinct())
            changed |= RefreshFile(path);
        if (changed)
            _current = new RouteTable(_configured.Select(ToRoute));
    }

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
        foreach (IPAddress loop in named.Where(_ownAddresses.Contains))
            ServerIsLoop(_logger, path, loop);
        Server[] servers = [.. named.Where(address => !_ownAddresses.Contains(address)).Select(address => ServerOf(new IPEndPoint(address, 53)))];
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

    private Route ToRoute(RouteConfiguration route)
    {
        Server[] servers = route.ResolvConf == null
            ? [.. route.Servers.Select(ServerOf)]
            : _files.GetValueOrDefault(route.ResolvConf, []);
        return new Route(DnsName.FromText(route.Zone), route.Protocol, servers);
    }

    private Server ServerOf(IPEndPoint endPoint)
    {
        if (!_servers.TryGetValue(endPoint, out Server? server))
            _servers.Add(endPoint, server = new Server(endPoint));
        return server;
    }

    [LoggerMessage(300, LogLevel.Information, "Servers of {Path}: {Servers}")]
    private static partial void ServersRead(ILogger logger, string path, string servers);

    [LoggerMessage(301, LogLevel.Warning, "{Path} names no server that can be used; {Consequence}")]
    private static partial void NoServers(ILogger logger, string path, string consequence);

    [LoggerMessage(302, LogLevel.Warning, "{Path} names {Address}, which leads back to this agent: not used")]
    private static partial void ServerIsLoop(ILogger logger, string path, IPAddress address);
}

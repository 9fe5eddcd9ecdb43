using System.Net;
using Agent.Dns;
using Microsoft.Extensions.Logging;

namespace Agent.Forwarding;

/// <summary>Says in the log which servers do not answer any more, and which do again. Call from one thread at a time.</summary>
internal sealed partial class ServerNews(ILogger logger)
{
    private const long Settled = 10_000; // milliseconds without trouble, or one that drops every second question would fill the log

    private readonly Dictionary<Server, long> _silent = []; // when each was last avoided
    private readonly HashSet<string> _deadZones = [];

    /// <param name="now">Monotonic milliseconds.</param>
    public void Tell(RouteTable routes, long now)
    {
        Server[] servers = [.. routes.Routes.SelectMany(route => route.Servers).Distinct()];
        foreach (Server server in servers)
            Tell(server, now);
        foreach (Server gone in _silent.Keys.Except(servers).ToArray())
            _silent.Remove(gone);
        foreach (Route route in routes.Routes)
            Tell(route);
    }

    private void Tell(Server server, long now)
    {
        if (server.IsAvoided)
        {
            if (!_silent.ContainsKey(server))
                Silent(logger, server.EndPoint);
            _silent[server] = now;
        }
        else if (_silent.TryGetValue(server, out long last) && now - last >= Settled)
        {
            _silent.Remove(server);
            Answers(logger, server.EndPoint);
        }
    }

    private void Tell(Route route)
    {
        string zone = DnsName.ToText(route.Zone);
        if (route.Servers.Count == 0 || !route.Servers.All(_silent.ContainsKey))
            _deadZones.Remove(zone);
        else if (_deadZones.Add(zone))
            NoneAnswers(logger, zone, string.Join(", ", route.Servers.Select(server => server.EndPoint)));
    }

    [LoggerMessage(305, LogLevel.Warning, "{Server} does not answer: it is asked last, and probed until it does")]
    private static partial void Silent(ILogger logger, IPEndPoint server);

    [LoggerMessage(306, LogLevel.Information, "{Server} answers again")]
    private static partial void Answers(ILogger logger, IPEndPoint server);

    [LoggerMessage(307, LogLevel.Error, "No server of the route {Zone} answers ({Servers}): what is not cached fails, what expired is given on. Do they run, and does this node reach them?")]
    private static partial void NoneAnswers(ILogger logger, string zone, string servers);
}

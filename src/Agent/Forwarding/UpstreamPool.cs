using Agent.Configuration;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>The servers that one thread asks, and its TCP connections to them.</summary>
internal sealed class UpstreamPool(Poller poller, SecureRandom random)
{
    private const ulong Exploration = 32; // of so many questions to a route's fastest server, one goes to any

    private readonly Dictionary<Server, Upstream> _upstreams = [];
    private readonly List<TcpUpstream?> _connections = [];
    private readonly List<TcpUpstream> _unflushed = [];

    /// <summary>Connections with queries to write.</summary>
    public List<TcpUpstream> Unflushed => _unflushed;

    public IEnumerable<TcpUpstream> Connections => _connections.OfType<TcpUpstream>();

    /// <summary>Where in a route's servers a new flight starts, by the route's policy.</summary>
    public int First(Route route)
    {
        uint count = (uint)route.Servers.Count;
        return route.Policy switch
        {
            ServerPolicy.Sequential => 0,
            ServerPolicy.RoundRobin => (int)(route.NextTurn() % count),
            // Now and then another one, or who was slow once, or never asked, would stay so for ever.
            ServerPolicy.Fastest when random.Next() % Exploration != 0 && Fastest(route) is { } fastest => fastest,
            _ => (int)(random.Next() % count),
        };
    }

    /// <summary>The flight's next server in turn that answers lately; simply the next in turn when none does. Only for a flight that may try again.</summary>
    public Upstream Choose(Flight flight)
    {
        IReadOnlyList<Server> servers = flight.Route.Servers;
        for (int i = 0; i < servers.Count; i++)
        {
            Upstream upstream = UpstreamOf(servers[(flight.NextServer + i) % servers.Count]);
            if (upstream.Server.IsAvoided || flight.HasExhausted(upstream))
                continue;
            flight.NextServer += i + 1;
            return upstream;
        }

        Upstream next = UpstreamOf(servers[flight.NextServer++ % servers.Count]);
        while (flight.HasExhausted(next))
            next = UpstreamOf(servers[flight.NextServer++ % servers.Count]);
        return next;
    }

    /// <summary>The connection to a server, begun if there is none; null when that fails at once.</summary>
    /// <param name="isExhausted">Whether it fails because this process lacks something.</param>
    public TcpUpstream? Connect(Upstream upstream, out bool isExhausted)
    {
        isExhausted = false;
        if (upstream.Connection != null)
        {
            upstream.Counters.ConnectionsReused++;
            return upstream.Connection;
        }

        if (!TryOpen(upstream.Server, out NativeSocket socket, out isExhausted))
            return null;
        int slot = _connections.IndexOf(null);
        if (slot < 0)
        {
            slot = _connections.Count;
            _connections.Add(null);
        }

        PollToken token = new(Forwarder.TcpKind, slot, random.NextId());
        if (!poller.Add(socket, PollEvents.Readable | PollEvents.Writable, token.Value))
        {
            isExhausted = true;
            socket.Close();
            return null;
        }

        upstream.Counters.ConnectionsOpened++;
        return upstream.Connection = _connections[slot] = new TcpUpstream(upstream, socket, token.Value);
    }

    /// <summary>The connection that an event is for; null when it is closed already.</summary>
    public TcpUpstream? Find(ulong token)
    {
        TcpUpstream? connection = _connections[new PollToken(token).Slot];
        return connection?.Token == token ? connection : null;
    }

    /// <summary>Remembers that there is something to write, unless the poller will tell when that is possible.</summary>
    public void NoteOutput(TcpUpstream connection)
    {
        if (!connection.WaitsToWrite && !_unflushed.Contains(connection))
            _unflushed.Add(connection);
    }

    public void WaitToWrite(TcpUpstream connection, bool wait)
    {
        if (connection.WaitsToWrite == wait)
            return;
        connection.WaitsToWrite = wait;
        poller.Modify(connection.Socket, PollEvents.Readable | (wait ? PollEvents.Writable : 0), connection.Token);
    }

    public void Close(TcpUpstream connection)
    {
        _connections[new PollToken(connection.Token).Slot] = null;
        _unflushed.Remove(connection);
        connection.Upstream.Connection = null;
        connection.Socket.Close();
    }

    /// <summary>
    /// Forgets servers that no route names any more; their connections close when they are idle. One that still owes an answer, or has a connection,
    /// counts on and is forgotten with the next change.
    /// </summary>
    public void Keep(RouteTable routes)
    {
        HashSet<Server> used = [.. routes.Routes.SelectMany(route => route.Checks).Select(check => check.Server)];
        foreach (Upstream upstream in _upstreams.Values.Where(upstream => !used.Contains(upstream.Server) && upstream.IsIdle).ToArray())
        {
            _upstreams.Remove(upstream.Server);
            upstream.Server.Fold(upstream.Counters);
        }
    }

    /// <summary>The place of the server that answers soonest; null while no answer came from any that is not avoided.</summary>
    private static int? Fastest(Route route)
    {
        int? fastest = null;
        double least = double.PositiveInfinity;
        for (int i = 0; i < route.Servers.Count; i++)
        {
            Server server = route.Servers[i];
            if (server.IsAvoided || server.SmoothedTime >= least)
                continue;
            fastest = i;
            least = server.SmoothedTime;
        }

        return fastest;
    }

    private static bool TryOpen(Server server, out NativeSocket socket, out bool isExhausted)
    {
        if (server.Tls == null)
            return NativeSocket.TryConnectTcp(server.Address, out socket, out isExhausted);
        isExhausted = !server.Tls.TryOpen(out socket);
        return !isExhausted;
    }

    private Upstream UpstreamOf(Server server)
    {
        if (!_upstreams.TryGetValue(server, out Upstream? upstream))
            _upstreams.Add(server, upstream = new Upstream(server));
        return upstream;
    }
}

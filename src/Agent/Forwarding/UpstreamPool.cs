using Agent.Native;

namespace Agent.Forwarding;

/// <summary>The servers that one thread asks, and its TCP connections to them.</summary>
internal sealed class UpstreamPool(Poller poller, SecureRandom random)
{
    private readonly Dictionary<Server, Upstream> _upstreams = [];
    private readonly List<TcpUpstream?> _connections = [];
    private readonly List<TcpUpstream> _unflushed = [];

    /// <summary>Connections with queries to write.</summary>
    public List<TcpUpstream> Unflushed => _unflushed;

    public IEnumerable<TcpUpstream> Connections => _connections.OfType<TcpUpstream>();

    /// <summary>The flight's next server in turn that answers lately; simply the next in turn when none does. Only for a flight that may try again.</summary>
    public Upstream Choose(Flight flight, long now)
    {
        IReadOnlyList<Server> servers = flight.Route.Servers;
        for (int i = 0; i < servers.Count; i++)
        {
            Upstream upstream = UpstreamOf(servers[(flight.NextServer + i) % servers.Count]);
            if (upstream.IsAvoided(now) || flight.HasExhausted(upstream))
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
    public TcpUpstream? Connect(Upstream upstream)
    {
        if (upstream.Connection != null)
            return upstream.Connection;
        if (!NativeSocket.TryConnectTcp(upstream.Server.Address, out NativeSocket socket))
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
            socket.Close();
            return null;
        }

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

    /// <summary>Forgets servers that no route names any more; their connections close when they are idle.</summary>
    public void Keep(RouteTable routes)
    {
        HashSet<Server> used = [.. routes.Routes.SelectMany(route => route.Servers)];
        foreach (Server server in _upstreams.Keys.Where(server => !used.Contains(server)).ToArray())
            _upstreams.Remove(server);
    }

    private Upstream UpstreamOf(Server server)
    {
        if (!_upstreams.TryGetValue(server, out Upstream? upstream))
            _upstreams.Add(server, upstream = new Upstream(server));
        return upstream;
    }
}

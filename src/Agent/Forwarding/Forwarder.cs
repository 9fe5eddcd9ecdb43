using System.Buffers.Binary;
using System.Security.Cryptography;
using Agent.Configuration;
using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>What the forwarders of all threads share.</summary>
internal sealed record ForwardingContext(RouteSource Routes, ResponseCache Cache, CacheLimits Limits);

/// <summary>
/// The misses of one serving thread, in that thread's own loop: identical questions share a flight; each flight is sent to a server of its
/// route, to the next when that one is slow or fails, and ends with an answer for all who wait or, at its deadline, without.
/// </summary>
internal sealed class Forwarder
{
    /// <summary>Kinds of poll tokens that <see cref="Handle"/> takes.</summary>
    public const byte UdpKind = 1;
    public const byte TcpKind = 2;

    private const int MaxFlights = 8192;
    private const int MaxWaiters = 32768;
    private const int MaxPooled = 1024;

    // Milliseconds.
    private const long Deadline = 3_800; // inside glibc's 5 s and below RFC 9520's 4 s of this project
    public const int TickInterval = 50;
    private const long PauseAfterFailure = 200; // lets a server that is being restarted come back
    private static readonly long[] SlowAfter = [400, 800, 1_200, Deadline];

    private readonly Poller _poller;
    private readonly ForwardingContext _context;
    private readonly IReplySink _sink;
    private readonly UpstreamResponse _response;
    private readonly UpstreamPool _pool;
    private readonly RandomIds _ids = new();
    private readonly Flights _flights = new();
    private readonly Stack<Waiter> _freeWaiters = new();
    private readonly List<Flight> _due = [];
    private readonly byte[] _datagram = new byte[4096];
    private RouteTable _routes;
    private int _waiterCount;
    private long _nextTick;

    public Forwarder(Poller poller, ForwardingContext context, IReplySink sink)
    {
        _poller = poller;
        _context = context;
        _sink = sink;
        _response = new UpstreamResponse(context.Limits);
        _pool = new UpstreamPool(poller, _ids);
        _routes = context.Routes.Current;
    }

    /// <summary>Whether nothing is on its way, so that the thread may wait for its clients alone.</summary>
    public bool IsIdle => _flights.Active.Count == 0;

    /// <summary>Sends a question on its way, or joins the flight that is there already.</summary>
    /// <returns>False when there is no route or no room: the client must be answered without an upstream.</returns>
    public bool TryForward(in Query query, in SockAddr client, object? connection, long now)
    {
        if (_waiterCount >= MaxWaiters)
            return false;
        bool isNew = !_flights.TryFind(query.Key, out Flight? flight);
        if (flight == null)
        {
            Route? route = _routes.Find(query.Name);
            if (route == null || route.Servers.Count == 0 || _flights.Active.Count >= MaxFlights)
                return false;
            flight = _flights.Add(query.Key, route, now + Deadline);
            flight.NextServer = RandomNumberGenerator.GetInt32(route.Servers.Count);
        }

        Waiter waiter = _freeWaiters.TryPop(out Waiter? free) ? free : new Waiter();
        waiter.Begin(query, client, connection);
        flight.AddWaiter(waiter);
        _waiterCount++;
        if (isNew)
            Send(flight, flight.Route.Protocol, now);
        return true;
    }

    /// <summary>Handles one event whose token's kind is <see cref="UdpKind"/> or <see cref="TcpKind"/>.</summary>
    public void Handle(ulong token, PollEvents events, long now)
    {
        PollToken parts = new(token);
        if (parts.Kind == TcpKind)
        {
            if (_pool.Find(token) is { } connection)
                HandleTcp(connection, events, now);
            return;
        }

        Flight flight = _flights[parts.Slot];
        if (flight.Generation == parts.Generation)
            HandleUdp(flight, parts.Exchange, now);
    }

    /// <summary>Writes what was queued since the last call, and at intervals looks for what is late.</summary>
    public void Flush(long now)
    {
        List<TcpUpstream> unflushed = _pool.Unflushed;
        for (int i = unflushed.Count - 1; i >= 0; i--)
        {
            TcpUpstream connection = unflushed[i];
            unflushed.RemoveAt(i);
            FlushTcp(connection, now);
        }

        if (now >= _nextTick)
            Tick(now);
    }

    /// <summary>Ends every flight without an answer and closes what is open.</summary>
    public void Stop(long now)
    {
        foreach (Flight flight in _flights.Active.ToArray())
            Complete(flight, default, now);
        foreach (TcpUpstream connection in _pool.Connections.ToArray())
            _pool.Close(connection);
    }

    /// <summary>Sends the question to the next server that takes it.</summary>
    private void Send(Flight flight, TransportProtocol protocol, long now)
    {
        flight.RetryAt = now + SlowAfter[Math.Min(flight.ExchangeCount, SlowAfter.Length - 1)];
        for (int left = flight.Route.Servers.Count; left > 0 && flight.MayTryAgain; left--)
        {
            ref Exchange exchange = ref flight.AddExchange(_pool.Choose(flight, now), _ids.Next());
            if (protocol == TransportProtocol.Udp ? SendUdp(flight, ref exchange) : SendTcp(flight, ref exchange, now))
                return;
            exchange.Upstream.Failed(now);
        }
    }

    private bool SendUdp(Flight flight, ref Exchange exchange)
    {
        if (!NativeSocket.TryConnectUdp(exchange.Upstream.Server.Address, out NativeSocket socket))
            return false;
        Span<byte> message = stackalloc byte[UpstreamQuery.MaxLength];
        int length = UpstreamQuery.Write(flight.Key, exchange.Id, message);
        PollToken token = new(UdpKind, flight.Slot, (byte)(flight.ExchangeCount - 1), flight.Generation);
        if (socket.Send(message[..length]) == length && _poller.Add(socket, PollEvents.Readable, token.Value))
        {
            exchange.Socket = socket;
            return true;
        }

        socket.Close();
        return false;
    }

    private bool SendTcp(Flight flight, ref Exchange exchange, long now)
    {
        TcpUpstream? connection = _pool.Connect(exchange.Upstream);
        if (connection == null)
            return false;
        while (!connection.IsFree(exchange.Id))
            exchange.Id = _ids.Next();
        Span<byte> message = stackalloc byte[UpstreamQuery.MaxLength];
        int length = UpstreamQuery.Write(flight.Key, exchange.Id, message);
        if (!connection.TryQueue(flight, message[..length], exchange.Id, now))
            return false;
        exchange.Connection = connection;
        _pool.NoteOutput(connection);
        return true;
    }

    private void HandleUdp(Flight flight, int index, long now)
    {
        ref Exchange exchange = ref flight.Exchanges[index];
        if (exchange.Socket is not { } socket)
            return;
        int received = socket.Receive(_datagram);
        if (received < 0)
        {
            // ECONNREFUSED: the server's port is closed.
            exchange.Upstream.Failed(now);
            exchange.Close();
            AskNext(flight, now);
        }
        else if (received >= Header.Size && BinaryPrimitives.ReadUInt16BigEndian(_datagram) == exchange.Id)
        {
            HandleResponse(flight, ref exchange, _datagram.AsSpan(0, received), now);
        }
    }

    private void HandleTcp(TcpUpstream connection, PollEvents events, long now)
    {
        if ((events & PollEvents.Writable) != 0 && !FlushTcp(connection, now))
            return;
        if ((events & ~PollEvents.Writable) == 0)
            return;
        bool isOpen = connection.TryReceive(now);
        for (int offset = 0; connection.TryTake(ref offset, out ReadOnlySpan<byte> response);)
        {
            if (response.Length < Header.Size)
                continue;
            ushort id = BinaryPrimitives.ReadUInt16BigEndian(response);
            if (!connection.TryFind(id, out Flight? flight))
                continue;
            foreach (ref Exchange exchange in flight.Exchanges)
            {
                if (exchange.Connection == connection && exchange.Id == id)
                {
                    HandleResponse(flight, ref exchange, response, now);
                    break;
                }
            }
        }

        if (!isOpen)
            Lose(connection, now);
    }

    private void HandleResponse(Flight flight, ref Exchange exchange, ReadOnlySpan<byte> response, long now)
    {
        switch (_response.Read(response, flight.Key, now, out CacheEntry entry))
        {
            case ResponseVerdict.Answered:
                exchange.Upstream.Succeeded();
                _context.Cache.Store(flight.Key, entry);
                Complete(flight, entry, now);
                break;
            case ResponseVerdict.Truncated:
                exchange.Close();
                Send(flight, TransportProtocol.Tcp, now);
                break;
            case ResponseVerdict.Failed:
                // The server works, only this question is beyond it: another server may do better, waiting will not help.
                exchange.Close();
                if (flight.ExchangeCount < flight.Route.Servers.Count)
                    Send(flight, flight.Route.Protocol, now);
                else if (!flight.HasOpenExchange)
                    Complete(flight, default, now);
                break;
        }
    }

    /// <summary>An exchange failed: asks a server that was not asked yet at once, else again after a pause.</summary>
    private void AskNext(Flight flight, long now)
    {
        if (flight.ExchangeCount < Math.Min(flight.Route.Servers.Count, Flight.MaxExchanges))
            Send(flight, flight.Route.Protocol, now);
        else if (flight.MayTryAgain)
            flight.RetryAt = Math.Min(flight.RetryAt, now + PauseAfterFailure);
        else if (!flight.HasOpenExchange)
            Complete(flight, default, now);
    }

    private bool FlushTcp(TcpUpstream connection, long now)
    {
        if (connection.TryFlush())
        {
            _pool.WaitToWrite(connection, connection.HasOutput);
            return true;
        }

        Lose(connection, now);
        return false;
    }

    /// <summary>A connection broke. One that worked before was perhaps closed while idle: then the server is asked anew, at once.</summary>
    private void Lose(TcpUpstream connection, long now)
    {
        Flight[] flights = connection.Pending();
        _pool.Close(connection);
        if (!connection.HasHeard)
            connection.Upstream.Failed(now);
        foreach (Flight flight in flights)
        {
            foreach (ref Exchange exchange in flight.Exchanges)
            {
                if (exchange.Connection == connection)
                    exchange.Close();
            }

            if (connection.HasHeard && flight.MayTryAgain)
                Send(flight, TransportProtocol.Tcp, now);
            else
                AskNext(flight, now);
        }
    }

    private void Tick(long now)
    {
        _nextTick = now + TickInterval;
        foreach (Flight flight in _flights.Active)
        {
            if (now >= Math.Min(flight.RetryAt, flight.Deadline))
                _due.Add(flight);
        }

        foreach (Flight flight in _due)
        {
            if (now >= flight.Deadline)
                Complete(flight, default, now);
            else
                AskBeside(flight, now);
        }

        _due.Clear();
        foreach (TcpUpstream connection in _pool.Connections.Where(connection => connection.IsIdle(now) || connection.IsSilent(now)).ToArray())
            Lose(connection, now);

        if (_routes == _context.Routes.Current)
            return;
        _routes = _context.Routes.Current;
        _pool.Keep(_routes);
    }

    /// <summary>A server is slow: the next is asked beside it, and whoever answers first wins.</summary>
    private void AskBeside(Flight flight, long now)
    {
        foreach (ref Exchange exchange in flight.Exchanges)
        {
            if (exchange.IsOpen)
                exchange.Upstream.Failed(now);
        }

        // The same server again makes sense only over UDP, which may have lost the query.
        bool hasAnother = flight.Route.Protocol == TransportProtocol.Udp || flight.ExchangeCount < flight.Route.Servers.Count || !flight.HasOpenExchange;
        if (hasAnother && flight.MayTryAgain)
            Send(flight, flight.Route.Protocol, now);
        else if (flight.HasOpenExchange)
            flight.RetryAt = flight.Deadline;
        else
            Complete(flight, default, now);
    }

    private void Complete(Flight flight, CacheEntry entry, long now)
    {
        foreach (ref Exchange exchange in flight.Exchanges)
            exchange.Close();
        for (Waiter? waiter = flight.FirstWaiter; waiter != null;)
        {
            Waiter? next = waiter.Next;
            _sink.Reply(waiter, flight.Key, entry, now);
            waiter.End();
            _waiterCount--;
            if (_freeWaiters.Count < MaxPooled)
                _freeWaiters.Push(waiter);
            waiter = next;
        }

        _flights.Remove(flight);
    }
}

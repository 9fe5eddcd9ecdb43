using Agent.Native;

namespace Agent.Forwarding;

/// <summary>
/// The sockets of one thread's exchanges over UDP. Each exchange gets a socket connected to its server on a port of its own, drawn by the
/// kernel; a socket that brought its answer is disconnected, which gives the port back, and serves another exchange on another port: that
/// spares opening, closing and polling anew, a third of what a miss costs.
/// </summary>
internal sealed class UdpSockets(Poller poller, SocketBudget budget)
{
    private readonly List<UdpSocket?> _slots = [];
    private readonly Stack<int> _freeSlots = new();
    private readonly Stack<UdpSocket> _freeV4 = new();
    private readonly Stack<UdpSocket> _freeV6 = new();

    /// <summary>The socket that an event is for; null when it is closed already.</summary>
    public UdpSocket? Find(int slot) => _slots[slot];

    /// <summary>A socket connected to a server.</summary>
    /// <param name="isExhausted">Whether there is none because the budget, or the process, has none left.</param>
    /// <returns>Null when it is so, or the server is unreachable.</returns>
    public UdpSocket? Rent(in SockAddr server, Flight flight, int exchange, out bool isExhausted)
    {
        isExhausted = false;
        if (FreeOf(server).TryPop(out UdpSocket? socket) && !socket.Socket.TryConnect(server))
        {
            Close(socket);
            socket = null;
        }

        socket ??= Open(server, out isExhausted);
        socket?.Begin(flight, exchange);
        return socket;
    }

    /// <summary>Takes a socket back.</summary>
    /// <param name="isAnswered">Whether its answer came: else one may still come, and the next exchange must not meet it.</param>
    public void Return(UdpSocket socket, bool isAnswered)
    {
        socket.End();
        Stack<UdpSocket> free = FreeOf(socket.Server);
        if (isAnswered && free.Count < budget.MaxFree && socket.Socket.TryDisconnect())
            free.Push(socket);
        else
            Close(socket);
    }

    public void CloseFree()
    {
        while (_freeV4.TryPop(out UdpSocket? socket) || _freeV6.TryPop(out socket))
            Close(socket);
    }

    private Stack<UdpSocket> FreeOf(in SockAddr server) => server.IsV4 ? _freeV4 : _freeV6;

    private UdpSocket? Open(in SockAddr server, out bool isExhausted)
    {
        isExhausted = !budget.TryTake();
        if (isExhausted)
            return null;
        if (!NativeSocket.TryConnectUdp(server, out NativeSocket socket, out isExhausted))
        {
            budget.Give();
            return null;
        }

        if (!_freeSlots.TryPop(out int slot))
        {
            slot = _slots.Count;
            _slots.Add(null);
        }

        if (!poller.Add(socket, PollEvents.Readable, new PollToken(Forwarder.UdpKind, slot, 0).Value))
        {
            isExhausted = true;
            socket.Close();
            budget.Give();
            _freeSlots.Push(slot);
            return null;
        }

        return _slots[slot] = new UdpSocket(socket, server, slot, this);
    }

    private void Close(UdpSocket socket)
    {
        _slots[socket.Slot] = null;
        _freeSlots.Push(socket.Slot);
        socket.Socket.Close();
        budget.Give();
    }
}

/// <summary>One socket, and the exchange that it serves now.</summary>
internal sealed class UdpSocket(NativeSocket socket, SockAddr server, int slot, UdpSockets owner)
{
    private readonly SockAddr _server = server;

    public NativeSocket Socket => socket;

    /// <summary>A server of the socket's address family.</summary>
    public ref readonly SockAddr Server => ref _server;

    public int Slot => slot;

    /// <summary>Null while it is free.</summary>
    public Flight? Flight { get; private set; }

    public int Exchange { get; private set; }

    public void Begin(Flight flight, int exchange)
    {
        Flight = flight;
        Exchange = exchange;
    }

    public void End() => Flight = null;

    public void Return(bool isAnswered) => owner.Return(this, isAnswered);
}

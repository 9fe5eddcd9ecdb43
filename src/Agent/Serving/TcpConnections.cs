using System.Net;
using Agent.Forwarding;
using Agent.Native;

namespace Agent.Serving;

/// <summary>The open connections, bounded in all and for each client address.</summary>
internal sealed class TcpConnections(int maximum)
{
    private readonly TcpConnection?[] _slots = new TcpConnection?[maximum];
    private readonly Dictionary<IPAddress, int> _byClient = [];
    private volatile int _maximumOfClient = int.MaxValue;
    private int _lastSlot;
    private ushort _generation;

    /// <summary>Connections that one client may have open; who has more keeps them. Set by any thread.</summary>
    public int MaximumOfClient
    {
        set => _maximumOfClient = value;
    }

    /// <summary>The connections at this moment.</summary>
    public TcpConnection[] All() => [.. _slots.OfType<TcpConnection>()];

    /// <summary>The connection that an event is for; null when it is closed already.</summary>
    public TcpConnection? Find(ulong token)
    {
        TcpConnection? connection = _slots[new PollToken(token).Slot];
        return connection?.Token == token ? connection : null;
    }

    /// <summary>Finds a place for one more; false when the client, or all clients together, have their fill.</summary>
    public bool TryReserve(in SockAddr client, out int slot, out ushort generation)
    {
        generation = ++_generation;
        slot = 0;
        if (_byClient.GetValueOrDefault(AddressOf(client)) >= _maximumOfClient)
            return false;
        for (int i = 1; i <= maximum; i++)
        {
            slot = (_lastSlot + i) % maximum;
            if (_slots[slot] != null)
                continue;
            _lastSlot = slot;
            return true;
        }

        return false;
    }

    public void Add(TcpConnection connection)
    {
        _slots[new PollToken(connection.Token).Slot] = connection;
        IPAddress client = AddressOf(connection.Client);
        _byClient[client] = _byClient.GetValueOrDefault(client) + 1;
    }

    public void Remove(TcpConnection connection)
    {
        _slots[new PollToken(connection.Token).Slot] = null;
        IPAddress client = AddressOf(connection.Client);
        if (--_byClient[client] == 0)
            _byClient.Remove(client);
    }

    private static IPAddress AddressOf(in SockAddr client) => client.ToEndPoint().Address;
}

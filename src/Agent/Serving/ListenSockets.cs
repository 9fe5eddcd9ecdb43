using System.Net;
using Agent.Native;

namespace Agent.Serving;

/// <summary>
/// The sockets that clients send to: those of an agent that still runs, which then both agents read, or new ones. What waits in a socket
/// that is handed on is not lost when one of its owners goes.
/// </summary>
internal sealed class ListenSockets : IDisposable
{
    private readonly List<NativeSocket> _inherited;
    private readonly List<NativeSocket> _used = [];

    /// <param name="inherited">Belong to this object from now on.</param>
    public ListenSockets(IEnumerable<NativeSocket> inherited) => _inherited = [.. inherited];

    /// <summary>Those that serve clients; whoever asked for one closes it.</summary>
    public IReadOnlyList<NativeSocket> Used => _used;

    /// <summary>How many of them another agent has handed on.</summary>
    public int InheritedCount { get; private set; }

    /// <exception cref="System.ComponentModel.Win32Exception">The address cannot be bound.</exception>
    public NativeSocket Udp(IPEndPoint address) => Take(address, isStream: false) ?? Use(NativeSocket.ListenUdp(address, ServingThread.LongestTurn));

    /// <inheritdoc cref="Udp"/>
    public NativeSocket Tcp(IPEndPoint address) => Take(address, isStream: true) ?? Use(NativeSocket.ListenTcp(address));

    /// <summary>Closes what was inherited and is not wanted: of an address that is no longer served, or of a worker too many.</summary>
    public void Dispose()
    {
        _inherited.ForEach(socket => socket.Close());
        _inherited.Clear();
    }

    private NativeSocket? Take(IPEndPoint address, bool isStream)
    {
        int index = _inherited.FindIndex(socket => socket.IsStream == isStream && socket.LocalEndPoint().Equals(address));
        if (index < 0)
            return null;
        NativeSocket socket = _inherited[index];
        _inherited.RemoveAt(index);
        InheritedCount++;
        return Use(socket);
    }

    private NativeSocket Use(NativeSocket socket)
    {
        _used.Add(socket);
        return socket;
    }
}

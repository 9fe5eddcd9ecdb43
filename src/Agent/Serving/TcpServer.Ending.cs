using Agent.Native;

namespace Agent.Serving;

// The end: nobody who has asked, or is about to, goes without an answer.
internal sealed partial class TcpServer
{
    private const long LastQuestionDeadline = 2_000; // milliseconds: what a message may take in any case

    protected override void Close()
    {
        StopListening();
        // A client that has just connected is about to ask; what others have asked lies in their sockets until a turn finds nothing there.
        long end = Environment.TickCount64 + LastQuestionDeadline;
        while ((Turn(patience: 10) > 0 || _connections.All().Any(connection => connection.IsOwed)) && Environment.TickCount64 < end)
            continue;
        _forwarder.Stop(Environment.TickCount64);
        FlushReplies(Environment.TickCount64);
        foreach (TcpConnection connection in _connections.All())
            Close(connection);
        _poller.Dispose();
    }

    /// <summary>
    /// Takes the connections that wait, which closing would reset, and no more. Where another agent has the listeners too, it takes those that come.
    /// </summary>
    private void StopListening()
    {
        WatchListeners(0);
        _areListenersWatched = true; // so that no sweep watches them again
        foreach (NativeSocket listener in _listeners)
        {
            for (int left = NativeSocket.Backlog; left > 0 && Accept(listener, Environment.TickCount64); left -= AcceptedAtOnce)
                continue;
            listener.Close();
        }

        _listeners.Clear();
    }
}

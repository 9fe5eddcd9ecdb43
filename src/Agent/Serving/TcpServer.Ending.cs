using Agent.Native;

namespace Agent.Serving;

// The end: nobody who has asked, or is about to, goes without an answer.
internal sealed partial class TcpServer
{
    private const long LastQuestionDeadline = 1_000; // milliseconds

    protected override void Close()
    {
        StopListening();
        // A client that has just connected is about to ask.
        long end = Environment.TickCount64 + LastQuestionDeadline;
        while (_connections.All().Any(connection => connection.IsOwed) && Environment.TickCount64 < end)
            Turn(patience: 10);
        _forwarder.Stop(Environment.TickCount64);
        FlushReplies(Environment.TickCount64);
        foreach (TcpConnection connection in _connections.All())
            Close(connection);
        _poller.Dispose();
    }

    /// <summary>Takes the connections that wait, and no more. Where another agent has the listeners too, it takes those that come.</summary>
    private void StopListening()
    {
        WatchListeners(0);
        _areListenersWatched = true; // so that no sweep watches them again
        foreach (NativeSocket listener in _listeners)
        {
            Accept(listener, Environment.TickCount64);
            listener.Close();
        }

        _listeners.Clear();
    }
}

using System.Net;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Serving;

/// <summary>All TCP clients of the agent in one thread: pipelined queries, the same decisions and the same forwarding as over UDP.</summary>
internal sealed partial class TcpServer : ServingThread, IReplySink
{
    private const byte ListenKind = 0;
    private const byte ClientKind = 3;
    private const int MaxConnections = 2048;
    private const int AcceptedAtOnce = 64;

    private readonly List<NativeSocket> _listeners = [];
    private readonly Poller _poller = new();
    private readonly TcpConnections _connections = new(MaxConnections);
    private readonly byte[] _reply = new byte[ushort.MaxValue];
    private readonly PublishedRules _rules;
    private readonly Resolver _resolver;
    private readonly Forwarder _forwarder;
    private HashSet<TcpConnection> _changed = [];
    private HashSet<TcpConnection> _flushing = []; // changes places with the other, so that a hit allocates nothing
    private bool _areListenersWatched = true;
    private long _nextSweep;

    /// <exception cref="System.ComponentModel.Win32Exception">An address cannot be bound.</exception>
    public TcpServer(IReadOnlyList<IPEndPoint> addresses, ListenSockets sockets, ForwardingContext context, ILogger logger)
        : base("tcp", logger)
    {
        _rules = context.Rules;
        _resolver = new Resolver(context.Cache, Counters, isUdp: false, _rules, context.Cluster);
        _forwarder = new Forwarder(_poller, context, this);
        try
        {
            foreach (IPEndPoint address in addresses)
                Listen(sockets.Tcp(address));
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <inheritdoc cref="TcpConnections.MaximumOfClient"/>
    public int ConnectionsOfClient
    {
        set => _connections.MaximumOfClient = value;
    }

    /// <inheritdoc/>
    public override bool IsIdle => _forwarder.IsIdle;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Reply(Waiter waiter, ReadOnlySpan<byte> key, CacheEntry entry, long now)
    {
        TcpConnection connection = (TcpConnection)waiter.Connection!;
        Query query = waiter.Query(key);
        int length = connection.IsClosed ? 0 : _resolver.AnswerWith(entry, ref query, now, _reply);
        if (length == Resolver.Forward)
            return query.Key;
        connection.Pending--;
        if (connection.IsClosed)
            return [];
        Recorder.RecordLate(query, _resolver.Verdict, _reply.AsSpan(0, length), waiter);
        connection.Queue(_reply.AsSpan(0, length));
        if (connection.IsOverfull)
            Close(connection);
        else
            _changed.Add(connection);
        return [];
    }

    protected override void Run()
    {
        while (!IsStopping)
            Turn((int)LongestTurn.TotalMilliseconds);
    }

    /// <param name="patience">Milliseconds to wait at the most while no upstream is waited for.</param>
    /// <returns>How much has happened: 0, nothing.</returns>
    private int Turn(int patience)
    {
        int count = _poller.Wait(_forwarder.IsIdle ? patience : _forwarder.Patience);
        long now = Environment.TickCount64;
        _resolver.TakeRules();
        Recorder.BeginBatch();
        for (int i = 0; i < count; i++)
            Handle(_poller.Token(i), _poller.Events(i), now);
        Recorder.EndBatch();
        _forwarder.Flush(now);
        FlushReplies(now);
        Sweep(now);
        CountTurn();
        return count;
    }

    private void Listen(NativeSocket listener)
    {
        _poller.Add(listener, PollEvents.Readable, new PollToken(ListenKind, _listeners.Count, 0).Value);
        _listeners.Add(listener);
    }

    private void Handle(ulong token, PollEvents events, long now)
    {
        PollToken parts = new(token);
        switch (parts.Kind)
        {
            case ListenKind when parts.Slot < _listeners.Count:
                Accept(_listeners[parts.Slot], now);
                break;
            case ClientKind when _connections.Find(token) is { } connection:
                HandleClient(connection, events, now);
                break;
            case Forwarder.UdpKind or Forwarder.TcpKind or Forwarder.WakeKind:
                _forwarder.Handle(token, events, now);
                break;
        }
    }

    /// <returns>Whether it took all that it takes at once, so that more may wait.</returns>
    private bool Accept(NativeSocket listener, long now)
    {
        // Bounded, so that a flood of connections does not keep the others waiting.
        bool isExhausted = false;
        int taken = 0;
        for (; taken < AcceptedAtOnce && listener.TryAccept(out NativeSocket socket, out SockAddr client, out isExhausted); taken++)
        {
            if (!TryAdmit(client, out int slot, out ushort generation))
            {
                socket.Close();
                continue;
            }

            TcpConnection connection = new(socket, client, new PollToken(ClientKind, slot, generation).Value, now);
            _connections.Add(connection);
            _poller.Add(socket, connection.Watched, connection.Token);
        }

        if (isExhausted)
            WatchListeners(0); // until the next sweep: the poller would tell of the waiting connection without end
        return taken == AcceptedAtOnce;
    }

    private bool TryAdmit(in SockAddr client, out int slot, out ushort generation)
    {
        slot = generation = 0;
        if (_rules.Current.Clients?.IsDropped(ClientAddress.From(client.AddressBytes)) == true)
        {
            Counters.Count(Verdict.Denied);
            return false;
        }

        if (_connections.TryReserve(client, out slot, out generation))
            return true;
        Counters.Count(Verdict.Limited);
        return false;
    }

    private void WatchListeners(PollEvents events)
    {
        for (int i = 0; i < _listeners.Count; i++)
            _poller.Modify(_listeners[i], events, new PollToken(ListenKind, i, 0).Value);
        _areListenersWatched = events != 0;
    }

    private void HandleClient(TcpConnection connection, PollEvents events, long now)
    {
        if ((events & PollEvents.Writable) != 0)
            _changed.Add(connection);
        if ((events & ~PollEvents.Writable) == 0)
            return;
        // A connection that is shut in both directions takes no reply any more.
        if ((events & (PollEvents.HangUp | PollEvents.Error)) != 0 || !connection.TryReceive(now))
        {
            Close(connection);
            return;
        }

        AnswerAll(connection, now);
    }

    /// <summary>Answers the queries that were read, until the connection has enough to do.</summary>
    private void AnswerAll(TcpConnection connection, long now)
    {
        int offset = 0;
        bool isMalformed = false;
        while (!connection.IsPaused && connection.TryTake(ref offset, out ReadOnlySpan<byte> message, out isMalformed))
            Answer(connection, message, now);
        connection.Keep(offset, now);
        connection.IsHeld = connection.IsPaused;
        if (isMalformed)
            Close(connection);
        else
            _changed.Add(connection);
    }

    private void Answer(TcpConnection connection, ReadOnlySpan<byte> message, long now)
    {
        SockAddr client = connection.Client;
        int length = _resolver.Answer(message, now, _reply, out Query query, client.AddressBytes);
        if (length == Resolver.Forward)
            length = Forward(ref query, connection, now);
        if (length != Resolver.Forward)
            Recorder.Record(query, _resolver.Verdict, _reply.AsSpan(0, length), client);
        if (length > 0)
            connection.Queue(_reply.AsSpan(0, length));
        if (_resolver.IsRefreshDue && _forwarder.Refresh(_resolver.DueOf(query), now))
            Recorder.RecordRefresh();
    }

    /// <returns>The length of the reply that there is already; <see cref="Resolver.Forward"/> when it comes later.</returns>
    private int Forward(ref Query query, TcpConnection connection, long now)
    {
        connection.Pending++; // before: the flight may end within the call
        ForwardOutcome outcome = _forwarder.Forward(query, connection.Client, connection, now);
        if (outcome == ForwardOutcome.OnItsWay)
            return Resolver.Forward;
        connection.Pending--;
        return outcome == ForwardOutcome.ClientHasItsFill
            ? _resolver.RefuseExcess(query, _reply)
            : _resolver.AnswerWithoutUpstream(ref query, now, _reply);
    }

    private void FlushReplies(long now)
    {
        while (_changed.Count > 0)
        {
            (_changed, _flushing) = (_flushing, _changed);
            foreach (TcpConnection connection in _flushing)
                Flush(connection, now);
            _flushing.Clear();
        }
    }

    private void Flush(TcpConnection connection, long now)
    {
        if (connection.IsClosed)
            return;
        if (!connection.TryFlush(now))
            Close(connection);
        else if (connection.IsHeld && !connection.IsPaused)
            AnswerAll(connection, now);
        else if (connection.IsDone)
            Close(connection);
        else
            Watch(connection);
    }

    /// <summary>Reads no more from a client that does not take its replies, or that has ended its side.</summary>
    private void Watch(TcpConnection connection)
    {
        PollEvents watched = (connection.HasOutput ? PollEvents.Writable : 0)
            | (connection.IsPaused || connection.HasEnded ? 0 : PollEvents.Readable);
        if (watched == connection.Watched)
            return;
        connection.Watched = watched;
        _poller.Modify(connection.Socket, watched, connection.Token);
    }

    private void Sweep(long now)
    {
        if (now < _nextSweep)
            return;
        _nextSweep = now + 500;
        if (!_areListenersWatched)
            WatchListeners(PollEvents.Readable);
        // No lambda here: it would be made with every turn, also those that are not due.
        foreach (TcpConnection connection in _connections.All())
        {
            if (connection.IsOverdue(now))
                Close(connection);
        }
    }

    private void Close(TcpConnection connection)
    {
        if (connection.IsClosed)
            return;
        _connections.Remove(connection);
        connection.Close();
    }
}

using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Serving;

/// <summary>
/// One UDP worker: a socket that shares its address with the other workers', and the way of every query that reaches it, misses included.
/// </summary>
internal sealed class UdpServer : ServingThread, IReplySink
{
    private const byte ListenKind = 0;
    private const long LastAnswerDeadline = 1_000; // milliseconds
    private const int LastTurns = 64;

    private static readonly ulong _listenToken = new PollToken(ListenKind, 0, 0).Value;

    private readonly NativeSocket _socket;
    private readonly Poller _poller;
    private readonly UdpBatch _batch = new();
    private readonly UdpBatch _late = new(); // replies that had to wait for an upstream
    private readonly Resolver _resolver;
    private readonly Forwarder _forwarder;

    /// <param name="socket">Bound, and with a time-out of <see cref="ServingThread.LongestTurn"/>; closed by this object.</param>
    public UdpServer(NativeSocket socket, string name, ForwardingContext context, ILogger logger)
        : base(name, logger)
    {
        _socket = socket;
        _poller = new Poller();
        _poller.Add(_socket, PollEvents.Readable, _listenToken);
        _resolver = new Resolver(context.Cache, Counters, isUdp: true, context.Rules, context.Cluster);
        _forwarder = new Forwarder(_poller, context, this);
    }

    /// <inheritdoc/>
    public override bool IsIdle => _forwarder.IsIdle;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Reply(Waiter waiter, ReadOnlySpan<byte> key, CacheEntry entry, long now)
    {
        int slot = _late.TakeSlot(waiter.Client);
        if (slot < 0)
        {
            _late.Send(_socket);
            slot = _late.TakeSlot(waiter.Client);
        }

        Query query = waiter.Query(key);
        Span<byte> reply = _late.Reply(slot);
        int length = _resolver.AnswerWith(entry, ref query, now, reply);
        if (length == Resolver.Forward)
            return query.Key;
        Recorder.RecordLate(query, _resolver.Verdict, reply[..length], waiter);
        _late.SetReplyLength(slot, length);
        return [];
    }

    protected override void Run()
    {
        while (!IsStopping)
        {
            // With nothing on its way to an upstream, the thread waits in recvmmsg: two system calls a batch, no more.
            bool isIdle = _forwarder.IsIdle;
            if (isIdle || PollUpstreams())
                AnswerBatch(wait: isIdle);
            _forwarder.Flush(Environment.TickCount64);
            _late.Send(_socket);
            CountTurn();
        }
    }

    protected override void Close()
    {
        // What came since the last turn; bounded, since a client may send without end.
        for (int turn = 0; turn < LastTurns && AnswerBatch(wait: false) > 0; turn++)
            _forwarder.Flush(Environment.TickCount64);
        _poller.Modify(_socket, 0, _listenToken); // what comes from now on is another agent's, if one shares the socket
        for (long end = Environment.TickCount64 + LastAnswerDeadline; !_forwarder.IsIdle && Environment.TickCount64 < end; _late.Send(_socket))
        {
            PollUpstreams();
            _forwarder.Flush(Environment.TickCount64);
        }

        _forwarder.Stop(Environment.TickCount64);
        _late.Send(_socket);
        _socket.Close();
        _poller.Dispose();
    }

    /// <returns>How many queries came.</returns>
    private int AnswerBatch(bool wait)
    {
        int received = _batch.Receive(_socket, wait);
        Recorder.BeginBatch();
        long now = Environment.TickCount64;
        _resolver.TakeRules();
        for (int slot = 0; slot < received; slot++)
            _resolver.Read(slot, _batch.Query(slot), _batch.Sender(slot).AddressBytes);
        _resolver.Fetch(received);
        for (int slot = 0; slot < received; slot++)
        {
            Span<byte> reply = _batch.Reply(slot);
            int length = _resolver.Answer(slot, _batch.Query(slot), now, reply, out Query query);
            if (length == Resolver.Forward)
                length = Forward(ref query, slot, now);
            if (length != Resolver.Forward)
                Recorder.Record(query, _resolver.Verdict, reply[..length], _batch.Sender(slot));
            _batch.SetReplyLength(slot, length);
            if (_resolver.IsRefreshDue && _forwarder.Refresh(_resolver.DueOf(query), now))
                Recorder.RecordRefresh();
        }

        _batch.Send(_socket);
        Recorder.EndBatch();
        return received;
    }

    /// <returns>The length of the reply that there is already; <see cref="Resolver.Forward"/> when it comes later.</returns>
    private int Forward(ref Query query, int slot, long now) => _forwarder.Forward(query, _batch.Sender(slot), connection: null, now) switch
    {
        ForwardOutcome.OnItsWay => Resolver.Forward,
        ForwardOutcome.ClientHasItsFill => _resolver.RefuseExcess(query, _batch.Reply(slot)),
        _ => _resolver.AnswerWithoutUpstream(ref query, now, _batch.Reply(slot)),
    };

    /// <summary>Waits for an upstream or a client.</summary>
    /// <returns>Whether clients have sent something.</returns>
    private bool PollUpstreams()
    {
        bool hasQueries = false;
        int count = _poller.Wait(_forwarder.Patience);
        long now = Environment.TickCount64;
        for (int i = 0; i < count; i++)
        {
            ulong token = _poller.Token(i);
            if (new PollToken(token).Kind == ListenKind)
                hasQueries = true;
            else
                _forwarder.Handle(token, _poller.Events(i), now);
        }

        return hasQueries;
    }
}

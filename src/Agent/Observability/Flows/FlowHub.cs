using Agent.Cluster;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent.Observability.Flows;

/// <summary>
/// Brings flows from the serving threads and the kernel to those who watch. Nothing is noted until somebody does; noting goes on for a while after
/// the last has left, and then what was noted is forgotten.
/// </summary>
internal sealed partial class FlowHub(NodeAgent agent, ILogger logger) : IDisposable
{
    public const int MaxWatchers = 16;

    /// <summary>The newest flows, for who wants to see what was before.</summary>
    public const int MaxKept = 4096;

    public const int SecondsAfterwards = 60;

    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(20);
    private readonly Lock _gate = new();
    private readonly List<FlowWatcher> _watchers = [];
    private readonly Queue<Flow> _kept = [];
    private readonly ManualResetEventSlim _stop = new();
    private List<(ServingThread Thread, FlowRing Ring)> _rings = [];
    private Thread? _thread;
    private bool _wantsKernel;
    private long _until; // when noting ends, once nobody watches

    /// <summary>How long noting goes on for those who come back.</summary>
    public TimeSpan Afterwards { get; set; } = TimeSpan.FromSeconds(SecondsAfterwards);

    /// <summary>Whether flows are being noted.</summary>
    public bool IsNoting
    {
        get
        {
            lock (_gate)
                return _thread != null;
        }
    }

    /// <summary>Begins to watch; ends when the watcher is disposed of.</summary>
    /// <param name="kept">What was noted before, the oldest first; what comes later is in the watcher's queue.</param>
    /// <returns>Null when there are <see cref="MaxWatchers"/>, or the agent stops.</returns>
    public FlowWatcher? TryWatch(FlowFilter filter, out IReadOnlyList<Flow> kept)
    {
        lock (_gate)
        {
            kept = [.. _kept];
            if (_watchers.Count >= MaxWatchers || _stop.IsSet)
                return null;
            FlowWatcher watcher = new(filter, Leave);
            _watchers.Add(watcher);
            if (_thread == null)
                Begin();
            return watcher;
        }
    }

    /// <summary>Ends every watcher's queue.</summary>
    public void Dispose()
    {
        _stop.Set();
        Thread? thread;
        lock (_gate)
        {
            thread = _thread;
            _watchers.ForEach(watcher => watcher.Complete());
        }

        thread?.Join();
    }

    private void Leave(FlowWatcher watcher)
    {
        lock (_gate)
        {
            _watchers.Remove(watcher);
            _until = Environment.TickCount64 + (long)Afterwards.TotalMilliseconds;
        }
    }

    private void Begin()
    {
        _rings = [.. agent.Threads.Select(thread => (thread, new FlowRing(thread is TcpServer)))];
        foreach ((ServingThread thread, FlowRing ring) in _rings)
            thread.Recorder.Flows = ring;
        _thread = new Thread(Run) { Name = "observe", IsBackground = true };
        _thread.Start();
    }

    private void Run()
    {
        FlowReader reader = new();
        using KernelSource kernel = new(agent, logger);
        List<Flow> flows = [];
        long[] lost = new long[_rings.Count];
        while (IsWanted())
        {
            _stop.Wait(_interval);
            try
            {
                flows.Clear();
                long missing = Collect(reader, flows, lost) + kernel.Read(_wantsKernel, flows, reader);
                flows.Sort((a, b) => a.Time.CompareTo(b.Time));
                Deliver(flows, missing);
            }
            catch (Exception error)
            {
                Broken(logger, error); // what is only looked at must not end what serves
            }
        }
    }

    /// <returns>Flows that are missing.</returns>
    private long Collect(FlowReader reader, List<Flow> flows, long[] lost)
    {
        long missing = 0;
        NodePods pods = agent.Cluster?.Pods ?? NodePods.None;
        for (int i = 0; i < _rings.Count; i++)
        {
            FlowRing ring = _rings[i].Ring;
            ring.Read((in FlowSlot slot, bool isTcp) => flows.Add(reader.Read(slot, isTcp, pods)));
            missing += ring.Lost - lost[i];
            lost[i] = ring.Lost;
        }

        return missing;
    }

    private void Deliver(List<Flow> flows, long missing)
    {
        lock (_gate)
        {
            foreach (FlowWatcher watcher in _watchers)
                watcher.Offer(flows, missing);
            foreach (Flow flow in flows)
            {
                if (_kept.Count == MaxKept)
                    _kept.Dequeue();
                _kept.Enqueue(flow);
            }
        }
    }

    private bool IsWanted()
    {
        lock (_gate)
        {
            bool isKeeping = Environment.TickCount64 < _until;
            _wantsKernel = _watchers.Exists(watcher => watcher.WantsKernel) || (_wantsKernel && isKeeping);
            if (!_stop.IsSet && (_watchers.Count > 0 || isKeeping))
                return true;
            foreach ((ServingThread thread, _) in _rings)
                thread.Recorder.Flows = null;
            _rings = [];
            _kept.Clear();
            _thread = null;
            return false;
        }
    }

    [LoggerMessage(121, LogLevel.Error, "Flows met a defect and go on; please report it")]
    private static partial void Broken(ILogger logger, Exception error);
}

using Agent.Cluster;
using Agent.Kubernetes;
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

    public const int SecondsAfterwards = 60;

    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(20);
    private readonly Lock _gate = new();
    private readonly List<FlowWatcher> _watchers = [];
    private readonly FlowReader _reader = new();
    private FlowHistory? _kept; // null: nothing is noted
    private readonly ManualResetEventSlim _stop = new();
    private List<(ServingThread Thread, FlowRing Ring)> _rings = []; // made for the first watcher, and without memory while there is none
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
            kept = [];
            if (_watchers.Count >= MaxWatchers || _stop.IsSet)
                return null;
            kept = _kept?.Read(_reader) ?? [];
            if (_thread == null)
                Begin();
            FlowWatcher watcher = new(filter, Leave);
            _watchers.Add(watcher);
            return watcher;
        }
    }

    /// <summary>Ends every watcher's queue. The serving threads must have ended.</summary>
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
        _rings.ForEach(one => one.Ring.Dispose());
        _kept?.Dispose();
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
        _kept = new FlowHistory();
        int capacity = FlowRing.CapacityFor(agent.Threads.Count);
        if (_rings.Count == 0)
            _rings = [.. agent.Threads.Select(thread => (thread, new FlowRing(thread is TcpServer, capacity)))];
        foreach ((ServingThread thread, FlowRing ring) in _rings)
        {
            ring.Skip();
            thread.Recorder.Flows = ring;
        }

        _thread = new Thread(Run) { Name = "observe", IsBackground = true };
        _thread.Start();
    }

    private void Run()
    {
        using KernelSource kernel = new(OpenKernel, logger);
        bool isBroken = false;
        List<Flow> flows = [];
        long[] lost = [.. _rings.Select(one => one.Ring.Lost)];
        while (IsWanted())
        {
            _stop.Wait(_interval);
            try
            {
                flows.Clear();
                long missing = kernel.Read(_wantsKernel, flows, _reader, agent.Cluster?.Pods ?? NodePods.None);
                // At once, so that who begins to watch finds each flow either among those kept or in its queue.
                lock (_gate)
                    Deliver(flows, missing, lost);
                isBroken = false;
            }
            catch (Exception error)
            {
                // What is only looked at must not end what serves, and is said once, not every 20 ms.
                if (!isBroken)
                    Broken(logger, error);
                isBroken = true;
            }
        }
    }

    private KernelFlows? OpenKernel() =>
        agent.Redirect is { Datapath: not null, Cgroup: { } cgroup } ? new KernelFlows(agent.Configuration.Redirect.PinPath, cgroup) : null;

    /// <param name="flows">Of the kernel.</param>
    private void Deliver(List<Flow> flows, long missing, long[] lost)
    {
        foreach (Flow flow in flows)
            _kept!.Add(flow);
        missing += Collect(flows, lost);
        flows.Sort((a, b) => a.Time.CompareTo(b.Time));
        foreach (FlowWatcher watcher in _watchers)
            watcher.Offer(flows, missing);
    }

    /// <summary>Keeps what the threads left, and adds what somebody may want to see now.</summary>
    /// <returns>Flows that are missing.</returns>
    private long Collect(List<Flow> flows, long[] lost)
    {
        long missing = 0;
        NodePods pods = agent.Cluster?.Pods ?? NodePods.None;
        for (int i = 0; i < _rings.Count; i++)
        {
            FlowRing ring = _rings[i].Ring;
            ring.Read((in FlowSlot slot) =>
            {
                Pod? pod = pods.All.Count == 0 ? null : pods.Find(slot.Client.ToEndPoint().Address);
                _kept!.Add(slot, pod);
                if (IsWatched(slot))
                    flows.Add(_reader.Read(slot, pod));
            });
            missing += ring.Lost - lost[i];
            lost[i] = ring.Lost;
        }

        return missing;
    }

    private bool IsWatched(in FlowSlot slot)
    {
        foreach (FlowWatcher watcher in _watchers)
        {
            if (watcher.Filter.MayMatch(slot))
                return true;
        }

        return false;
    }

    private bool IsWanted()
    {
        lock (_gate)
        {
            bool isKeeping = Environment.TickCount64 < _until;
            _wantsKernel = _watchers.Exists(watcher => watcher.WantsKernel) || (_wantsKernel && isKeeping);
            if (!_stop.IsSet && (_watchers.Count > 0 || isKeeping))
                return true;
            foreach ((ServingThread thread, FlowRing ring) in _rings)
            {
                thread.Recorder.Flows = null;
                ring.Clear();
            }

            _kept!.Dispose();
            _kept = null;
            _thread = null;
            return false;
        }
    }

    [LoggerMessage(121, LogLevel.Error, "Flows met a defect and go on; please report it")]
    private static partial void Broken(ILogger logger, Exception error);
}

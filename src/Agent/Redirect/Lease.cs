using System.Diagnostics;
using Agent.Native;
using Agent.Serving;

namespace Agent.Redirect;

/// <summary>
/// Tells the kernel that this agent lives and serves: its liveness socket, which the kernel drops when the process dies, and a deadline that is
/// pushed on only while every serving thread makes progress.
/// </summary>
internal sealed class Lease : IDisposable
{
    /// <summary>How long after a thread's last turn the kernel still sends traffic. Turns take at most 200 ms while nothing happens.</summary>
    private static readonly TimeSpan _term = TimeSpan.FromMilliseconds(800);

    private static readonly TimeSpan _renewalInterval = TimeSpan.FromMilliseconds(100);

    private readonly Datapath _datapath;
    private readonly Progress[] _progress;
    private readonly NativeSocket _liveness = NativeSocket.OpenLiveness();
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stop = new();

    public Lease(Datapath datapath, IEnumerable<ServingThread> threads)
    {
        _datapath = datapath;
        _progress = [.. threads.Select(thread => new Progress(thread))];
        _thread = new Thread(Renew) { Name = "lease" };
    }

    /// <summary>The cookies of the sockets that <see cref="KernelProbe"/> asks through.</summary>
    public ProbeCookies ProbeCookies { get; init; }

    /// <summary>How long the kernel still takes the agent for well; zero: not any more.</summary>
    public static TimeSpan Remaining(Datapath datapath)
    {
        datapath.Lease.TryLookup(0, out AgentLease lease);
        TimeSpan left = TimeSpan.FromTicks((long)lease.deadline_ns / TimeSpan.NanosecondsPerTick) - Stopwatch.GetElapsedTime(0);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Takes the traffic.</summary>
    public void Begin()
    {
        WriteDeadline();
        _datapath.AgentSockets.Update(0, (ulong)_liveness.Descriptor);
        _thread.Start();
    }

    /// <summary>Gives the traffic back: from now on the kernel uses the fallback.</summary>
    public void Dispose()
    {
        _stop.Set();
        if (_thread.IsAlive)
            _thread.Join();
        _datapath.Lease.Update(0, new AgentLease { layout_version = AgentLease.LayoutVersion });
        _liveness.Close();
    }

    private void Renew()
    {
        while (!_stop.Wait(_renewalInterval))
            WriteDeadline();
    }

    private void WriteDeadline()
    {
        TimeSpan lastTurn = _progress.Min(progress => progress.LastTurn());
        TimeSpan deadline = lastTurn + _term;
        _datapath.Lease.Update(0, new AgentLease
        {
            layout_version = AgentLease.LayoutVersion,
            deadline_ns = (ulong)deadline.Ticks * TimeSpan.NanosecondsPerTick,
            probe_cookies = ProbeCookies,
        });
    }

    /// <summary>When a thread was last seen to have turned.</summary>
    private sealed class Progress(ServingThread thread)
    {
        private long _turns = -1;
        private TimeSpan _seen;

        public TimeSpan LastTurn()
        {
            long turns = thread.Turns;
            if (turns != _turns)
            {
                _turns = turns;
                // Stopwatch reads CLOCK_MONOTONIC, as bpf_ktime_get_ns does.
                _seen = Stopwatch.GetElapsedTime(0);
            }

            return _seen;
        }
    }
}

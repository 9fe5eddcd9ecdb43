using System.Diagnostics;
using System.Runtime.InteropServices;
using Agent.Native;
using Agent.Serving;

namespace Agent.Redirect;

/// <summary>
/// Tells the kernel that this agent lives and serves: its liveness socket, which the kernel drops when the process dies; the renewing thread's
/// ID, which it strikes out still earlier; and a deadline that is pushed on only while every serving thread makes progress. Of several agents
/// the one that came last holds the lease, and when it leaves or hangs for 2 s, one that is still there and well takes it back. One that hung does
/// not claim it when it goes on, so that the traffic does not go to and fro: it waits its turn, as any other that was superseded.
/// </summary>
internal sealed class Lease : IDisposable
{
    /// <summary>How long after a thread's last turn the kernel still sends traffic. Turns take at most 200 ms while nothing happens.</summary>
    private static readonly TimeSpan _term = TimeSpan.FromMilliseconds(800);

    private static readonly TimeSpan _renewalInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Turns, 2 s, in which the holder's deadline is over, after which it hangs: a pause of the whole machine has no turns.</summary>
    private const int LongestHang = 20;

    private readonly Datapath _datapath;
    private readonly Progress[] _progress;
    private readonly NativeSocket _liveness = NativeSocket.OpenLiveness();
    private readonly ulong _cookie;
    private readonly ThreadMark _mark;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stop = new();
    private uint _owner = AgentLease.OwnerIdMask; // until the thread has one, or when it cannot
    private bool _isHeld;
    private int _overdue; // turns in which another's deadline was over

    /// <exception cref="BpfException">The lease cannot be mapped into memory.</exception>
    public Lease(Datapath datapath, IEnumerable<ServingThread> threads)
    {
        _datapath = datapath;
        _progress = [.. threads.Select(thread => new Progress(thread))];
        _cookie = _liveness.Cookie();
        _mark = ThreadMark.In(datapath.Lease, (int)Marshal.OffsetOf<AgentLease>(nameof(AgentLease.owner)));
        _thread = new Thread(Renew) { Name = "lease" };
    }

    /// <summary>How long the fallback is good after the last renewal; zero: for ever.</summary>
    public TimeSpan FallbackTtl { get; init; }

    /// <summary>Called in the renewing thread when another agent has taken the traffic (false), and when it has come back (true).</summary>
    public Action<bool> Changed { get; init; } = _ => { };

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
    /// <exception cref="BpfException">The kernel refused.</exception>
    public void Begin()
    {
        Take();
        _thread.Start();
    }

    /// <summary>Gives the traffic back, if it is this agent's: from now on the kernel uses the fallback.</summary>
    public void Dispose()
    {
        _stop.Set();
        if (_thread.IsAlive)
            _thread.Join();
        // A successor that takes over in between writes its own lease again within 100 ms; until then the kernel uses the fallback.
        if (Holder() == _cookie)
            Write(owner: 0, deadline: TimeSpan.Zero);
        _liveness.Close();
        _mark.Dispose();
    }

    private void Renew()
    {
        uint watched = _mark.Watch();
        if (watched != 0)
            _owner = watched;
        do
            Turn();
        while (!_stop.Wait(_renewalInterval));
        ThreadMark.EndWatch();
    }

    private void Turn()
    {
        ulong? holder = Holder();
        if (holder == _cookie)
        {
            WriteDeadline();
        }
        else if (holder == null || HolderHangs())
        {
            // Whoever held it is gone, or serves nobody. An agent that is being upgraded is back in charge when its successor fails.
            Take();
            Changed(true);
        }
        else if (_isHeld)
        {
            _isHeld = false;
            Changed(false);
        }
    }

    /// <summary>Whether another agent, which has the lease, has served nobody for so long that this one should, and can.</summary>
    private bool HolderHangs()
    {
        _overdue = Remaining(_datapath) == TimeSpan.Zero ? _overdue + 1 : 0;
        return _overdue >= LongestHang && Deadline() > Now();
    }

    private void Take()
    {
        _overdue = 0;
        WriteDeadline();
        _datapath.AgentSockets.Update(0, (ulong)_liveness.Descriptor);
        _isHeld = true;
    }

    /// <summary>The cookie of the liveness socket that the kernel goes by, which no two sockets of a node share; null: there is none.</summary>
    private ulong? Holder() => _datapath.AgentSockets.TryLookup(0, out ulong cookie) ? cookie : null;

    private void WriteDeadline() => Write(_owner, Deadline());

    private TimeSpan Deadline() => _progress.Min(progress => progress.LastTurn()) + _term;

    private void Write(uint owner, TimeSpan deadline) => _datapath.Lease.Update(0, new AgentLease
    {
        layout_version = AgentLease.LayoutVersion,
        owner = owner,
        deadline_ns = Nanoseconds(deadline),
        fallback_until_ns = FallbackTtl == TimeSpan.Zero ? 0 : Nanoseconds(Now() + FallbackTtl),
        probe_cookies = ProbeCookies,
    });

    private static ulong Nanoseconds(TimeSpan time) => (ulong)time.Ticks * TimeSpan.NanosecondsPerTick;

    // Stopwatch reads CLOCK_MONOTONIC, as bpf_ktime_get_ns does.
    private static TimeSpan Now() => Stopwatch.GetElapsedTime(0);

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
                _seen = Now();
            }

            return _seen;
        }
    }
}

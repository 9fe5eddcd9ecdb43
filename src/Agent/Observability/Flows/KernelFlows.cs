using System.Diagnostics;
using Agent.Cluster;
using Agent.Native;
using Agent.Redirect;

namespace Agent.Observability.Flows;

/// <summary>
/// The kernel's decisions, while somebody watches: which sockets' calls were turned where, and which were left alone. Closing it ends them at once;
/// those of an agent that dies end by themselves.
/// </summary>
internal sealed class KernelFlows : IDisposable
{
    public const string ToAgent = "to-agent";

    private static readonly TimeSpan _ahead = TimeSpan.FromSeconds(3); // the programs write until then, unless it is renewed
    private static readonly string[] _outcomes = [ToAgent, "to-local", "fallback", "untouched", "excluded"]; // in the order of enum outcome

    private readonly BpfMap<uint, Observers> _observers;
    private readonly BpfMap<uint, ulong> _lostEvents;
    private readonly EventRing _events;
    private readonly CgroupPods _cgroups;
    private ulong _lost;

    /// <param name="attached">The cgroup that the programs are attached to.</param>
    /// <exception cref="BpfException">The maps cannot be opened.</exception>
    public KernelFlows(string pinPath, string attached)
    {
        _observers = BpfMap<uint, Observers>.Open(Path.Combine(pinPath, Pins.Observers));
        _lostEvents = BpfMap<uint, ulong>.Open(Path.Combine(pinPath, Pins.LostEvents));
        _events = EventRing.Open(Path.Combine(pinPath, Pins.Events));
        _cgroups = new CgroupPods(attached);
        _lost = CountLost();
        Renew();
    }

    public static IReadOnlyList<string> Outcomes => _outcomes;

    /// <summary>Adds what was decided since the last call, and has the programs go on.</summary>
    /// <returns>Decisions that are missing.</returns>
    /// <exception cref="BpfException">The kernel refuses.</exception>
    public long Read(List<Flow> into, FlowReader reader, NodePods pods)
    {
        foreach (RedirectEvent one in _events.Read())
            into.Add(FlowOf(one, reader, pods));
        Renew();
        ulong lost = CountLost();
        ulong missing = lost - _lost;
        _lost = lost;
        return (long)missing;
    }

    public void Dispose()
    {
        try
        {
            _observers.Update(0, default);
        }
        catch (BpfException)
        {
            // The lead runs out by itself.
        }

        _events.Dispose();
        _lostEvents.Dispose();
        _observers.Dispose();
    }

    private void Renew() => _observers.Update(0, new Observers { until_ns = (ulong)(Stopwatch.GetElapsedTime(0) + _ahead).Ticks * TimeSpan.NanosecondsPerTick });

    private ulong CountLost() => _lostEvents.LookupPerCpu(0).Aggregate(0UL, (sum, one) => sum + one);

    private Flow FlowOf(in RedirectEvent one, FlowReader reader, NodePods pods)
    {
        string? cgroup = _cgroups.PathOf(one.cgroup_id);
        return new Flow
        {
            Time = reader.TimeOf((long)one.time_ns),
            Source = Flow.Kernel,
            Pod = _cgroups.PodOf(cgroup, pods)?.Key.ToString(),
            Verdict = one.outcome < _outcomes.Length ? _outcomes[one.outcome] : $"{one.outcome}",
            Protocol = one.frontend.protocol == Endpoint.Tcp ? "tcp" : "udp",
            Frontend = one.frontend.ToString(),
            Target = one.target.Equals(one.frontend) ? null : one.target.ToEndPoint().ToString(),
            Process = FlowText.Escape(one.comm.ToString()),
            ProcessId = one.pid,
            Cgroup = FlowText.Escape(cgroup ?? $"id {one.cgroup_id}"),
        };
    }
}

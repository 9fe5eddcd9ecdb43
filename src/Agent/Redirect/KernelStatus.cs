using System.Diagnostics;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>What the kernel does now, read from the pins: it can be asked while no agent runs.</summary>
/// <param name="IsFallbackOver">Whether no agent has been there for so long that traffic is left alone.</param>
internal sealed record KernelStatus(
    bool IsAgentAlive, bool IsAgentWell, bool IsFallbackOver, IReadOnlyList<string> MissingLinks, IReadOnlyList<FrontendStatus> Frontends)
{
    /// <returns>Null when nothing is pinned there.</returns>
    /// <exception cref="BpfException">The pins cannot be read: CAP_BPF is missing, or they are of another version.</exception>
    public static KernelStatus? Read(string pinPath)
    {
        if (!Directory.Exists(pinPath))
            return Environment.IsPrivilegedProcess ? null : throw new UnauthorizedAccessException($"cannot see {pinPath}; run as root");
        using BpfMap<Endpoint, Frontend> frontends = BpfMap<Endpoint, Frontend>.Open(Path.Combine(pinPath, Pins.Frontends));
        using BpfMap<BackendKey, Endpoint> backends = BpfMap<BackendKey, Endpoint>.Open(Path.Combine(pinPath, Pins.Backends));
        using BpfMap<Endpoint, OutcomeCounters> counters = BpfMap<Endpoint, OutcomeCounters>.Open(Path.Combine(pinPath, Pins.Counters));
        using BpfMap<uint, AgentLease> leases = BpfMap<uint, AgentLease>.Open(Path.Combine(pinPath, Pins.AgentLease));
        using BpfMap<uint, ulong> sockets = BpfMap<uint, ulong>.Open(Path.Combine(pinPath, Pins.AgentSockets));
        leases.TryLookup(0, out AgentLease lease);
        ulong now = (ulong)Stopwatch.GetElapsedTime(0).Ticks * TimeSpan.NanosecondsPerTick;
        return new KernelStatus(
            sockets.TryLookup(0, out _),
            (lease.owner & Native.AgentLease.OwnerIdMask) != 0 && lease.deadline_ns > now,
            lease.fallback_until_ns != 0 && lease.fallback_until_ns <= now,
            MissingLinksOf(pinPath),
            [.. frontends.Keys().Select(key => FrontendStatus.Of(key, frontends, backends, counters)).OrderBy(frontend => frontend.Frontend)]);
    }

    /// <summary>The programs that are not attached to a cgroup.</summary>
    public static IReadOnlyList<string> MissingLinksOf(string pinPath) => [.. Pins.Links.Where(link => !IsAttached(Path.Combine(pinPath, link)))];

    private static bool IsAttached(string pin)
    {
        if (!File.Exists(pin))
            return false;
        using BpfLink link = BpfLink.Open(pin);
        return link.CgroupId() != 0; // the kernel detaches a link whose cgroup is removed, and its pin stays
    }
}

/// <summary>One frontend and how often the kernel decided what for it.</summary>
internal sealed record FrontendStatus(
    string Frontend, string Agent, IReadOnlyList<string> Local, IReadOnlyList<string> Fallback, ulong ToAgent, ulong ToLocal, ulong FellBack, ulong Untouched, ulong Excluded)
{
    public static FrontendStatus Of(
        Endpoint key, BpfMap<Endpoint, Frontend> frontends, BpfMap<BackendKey, Endpoint> backends, BpfMap<Endpoint, OutcomeCounters> counters)
    {
        frontends.TryLookup(key, out Frontend frontend);
        IReadOnlyList<string> local = BackendsOf(key, BackendKind.Local, frontend.local_count, backends);
        IReadOnlyList<string> fallback = BackendsOf(key, BackendKind.Fallback, frontend.fallback_count, backends);
        OutcomeCounters sum = Sum(counters, key);
        string agent = (frontend.flags & FrontendFlags.Agent) != 0 ? frontend.agent.ToEndPoint().ToString() : "";
        return new FrontendStatus(key.ToString(), agent, local, fallback, sum.agent, sum.local, sum.fallback, sum.untouched, sum.excluded);
    }

    /// <summary>One frontend's counters, of all processors.</summary>
    public static OutcomeCounters Sum(BpfMap<Endpoint, OutcomeCounters> counters, Endpoint frontend)
    {
        OutcomeCounters sum = default;
        foreach (OutcomeCounters one in counters.LookupPerCpu(frontend))
        {
            sum.agent += one.agent;
            sum.local += one.local;
            sum.fallback += one.fallback;
            sum.untouched += one.untouched;
            sum.excluded += one.excluded;
        }

        return sum;
    }

    private static List<string> BackendsOf(Endpoint frontend, BackendKind kind, int count, BpfMap<BackendKey, Endpoint> backends)
    {
        List<string> found = [];
        for (int slot = 0; slot < count; slot++)
        {
            if (backends.TryLookup(new BackendKey { frontend = frontend, kind = kind, slot = (ushort)slot }, out Endpoint backend))
                found.Add(backend.ToEndPoint().ToString());
        }

        return found;
    }
}

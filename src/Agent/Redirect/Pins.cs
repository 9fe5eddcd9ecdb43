using Agent.Native;

namespace Agent.Redirect;

/// <summary>The names under the pin path, shared by all who read or write there.</summary>
internal static class Pins
{
    public const string Frontends = "frontends";
    public const string Backends = "backends";
    public const string Reverse = "reverse";
    public const string AgentSockets = "agent_sockets";
    public const string AgentLease = "agent_lease";
    public const string CgroupModes = "cgroup_modes";
    public const string ModesGeneration = "modes_generation";
    public const string SkippedCgroups = "skipped_cgroups";
    public const string Counters = "counters";
    public const string Observers = "observers";
    public const string Events = "events";
    public const string LostEvents = "lost_events";

    /// <summary>The programs, each pinned as a link of the same name. What restores is attached first, what redirects last.</summary>
    public static readonly string[] Links =
    [
        "lra_recvmsg4", "lra_recvmsg6", "lra_getpeername4", "lra_getpeername6", "lra_release",
        "lra_sendmsg4", "lra_sendmsg6", "lra_connect4", "lra_connect6",
    ];

    private static readonly string[] _maps =
    [
        Frontends, Backends, Reverse, AgentSockets, AgentLease, CgroupModes, ModesGeneration, "cgroup_verdicts", SkippedCgroups, Counters, Observers, Events, LostEvents,
        "excluded_cgroups", // of layout 1
    ];

    /// <summary>Refuses a directory with pins that are not this agent's: they must not be taken away.</summary>
    /// <exception cref="RedirectException">There are such pins.</exception>
    public static void RequireOwn(string directory)
    {
        string? foreign = Directory.EnumerateFileSystemEntries(directory).Select(Path.GetFileName).FirstOrDefault(name => !Links.Contains(name) && !_maps.Contains(name));
        if (foreign != null)
            throw new RedirectException($"{directory} holds {foreign}, which is not this agent's; give redirect.pinPath a directory of its own");
    }

    /// <summary>Whether the maps pinned there are of this version's layout.</summary>
    public static bool AreCompatible(string directory)
    {
        try
        {
            using BpfMap<uint, AgentLease> lease = BpfMap<uint, AgentLease>.Open(Path.Combine(directory, AgentLease));
            return lease.TryLookup(0, out AgentLease value) && value.layout_version == Native.AgentLease.LayoutVersion;
        }
        catch (BpfException)
        {
            return false;
        }
    }

    /// <summary>Removes the pins; what nobody else holds is detached and freed. What redirects goes first.</summary>
    /// <exception cref="RedirectException">There are pins that are not this agent's. Nothing is removed.</exception>
    public static void Remove(string directory)
    {
        RequireOwn(directory);
        foreach (string link in Links.Reverse())
            File.Delete(Path.Combine(directory, link));
        Directory.Delete(directory, recursive: true);
    }
}

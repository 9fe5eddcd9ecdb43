using Microsoft.Win32.SafeHandles;

namespace Agent.Redirect;

/// <summary>The cgroups that matter here: the pods' and the agent's own.</summary>
internal static class Cgroups
{
    // systemd and cgroupfs drivers of the kubelet, then the same inside kind's node containers.
    private static readonly string[] _kubepods = ["kubepods.slice", "kubepods", "kubelet.slice/kubelet-kubepods.slice", "kubelet/kubepods"];

    /// <summary>The cgroup that all pods of this node are in.</summary>
    /// <exception cref="RedirectException">There is no cgroup v2, or no pods' cgroup in it.</exception>
    public static string FindKubepods()
    {
        string mount = Mounts.Cgroup2() ?? throw new RedirectException("this node has no cgroup v2, to which alone socket hooks attach; boot it with systemd.unified_cgroup_hierarchy=1");
        return _kubepods.Select(name => Path.Combine(mount, name)).FirstOrDefault(Directory.Exists)
            ?? throw new RedirectException($"{mount} has no kubepods cgroup; name the pods' cgroup in redirect.cgroup");
    }

    /// <summary>This process's cgroup v2 directory.</summary>
    /// <exception cref="RedirectException">It is not visible under the mount.</exception>
    public static string Own()
    {
        string mount = Mounts.Cgroup2() ?? throw new RedirectException("no cgroup v2 is mounted");
        string line = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::/", StringComparison.Ordinal), "0::/");
        string path = Path.Combine(mount, line["0::/".Length..]).TrimEnd('/');
        if (HoldsThisProcess(path))
            return path;
        // In a container, /proc/self/cgroup counts from the container's own root, which is not that of the node's hierarchy.
        return Directory.EnumerateDirectories(mount, "*", SearchOption.AllDirectories).FirstOrDefault(HoldsThisProcess)
            ?? throw new RedirectException($"this agent's own cgroup is not under {mount}; mount the node's cgroup v2 hierarchy there");
    }

    /// <summary>Moves this process, all its threads, into a cgroup.</summary>
    /// <exception cref="IOException">The kernel refused, or the cgroup is gone.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Enter(string cgroup)
    {
        using SafeFileHandle processes = File.OpenHandle(Path.Combine(cgroup, "cgroup.procs"), FileMode.Open, FileAccess.Write);
        RandomAccess.Write(processes, "0"u8, 0);
    }

    private static bool HoldsThisProcess(string cgroup)
    {
        try
        {
            return File.ReadLines(Path.Combine(cgroup, "cgroup.procs")).Contains($"{Environment.ProcessId}");
        }
        catch (IOException)
        {
            return false; // gone since, or threaded
        }
    }
}

/// <summary>This node cannot redirect; the message says why and what to do.</summary>
internal sealed class RedirectException(string message, Exception? cause = null) : Exception(message, cause);

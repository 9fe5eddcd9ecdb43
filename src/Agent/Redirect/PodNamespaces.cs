using System.ComponentModel;
using System.Globalization;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>One network namespace that processes of a cgroup are in.</summary>
/// <param name="Cgroup">The cgroup of one of them, below the one that was searched; for the caller's own namespace, "host network".</param>
/// <param name="Paths">Where to enter it, one path for each process: one of them may end at any time.</param>
internal sealed record PodNamespace(string Cgroup, IReadOnlyList<string> Paths);

/// <summary>Finds the network namespaces of the pods, by their processes.</summary>
internal static class PodNamespaces
{
    private const int AccessDenied = 13;

    /// <param name="cgroup">Where to look, and in all cgroups below it.</param>
    /// <param name="failure">Why some may be missing; null when all were seen.</param>
    public static IReadOnlyList<PodNamespace> Find(string cgroup, out string? failure)
    {
        failure = null;
        ulong own = FileIdentity.Inode("/proc/self/ns/net");
        Dictionary<ulong, PodNamespace> found = [];
        foreach ((int process, string directory) in ProcessesIn(cgroup))
        {
            if (process == 0)
            {
                failure = "the pods' processes are in another PID namespace than this one; run with hostPID";
                continue;
            }

            string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/net");
            try
            {
                ulong inode = FileIdentity.Inode(path);
                if (!found.TryGetValue(inode, out PodNamespace? pod))
                    found[inode] = pod = new PodNamespace(inode == own ? "host network" : Path.GetRelativePath(cgroup, directory), new List<string>());
                ((List<string>)pod.Paths).Add(path);
            }
            catch (Win32Exception error)
            {
                // Otherwise the process has ended since.
                if (error.NativeErrorCode == AccessDenied)
                    failure = $"{error.Message}; CAP_SYS_PTRACE is missing";
            }
        }

        return [.. found.Values];
    }

    private static IEnumerable<(int Process, string Cgroup)> ProcessesIn(string cgroup)
    {
        string[] processes = [], below = [];
        try
        {
            below = Directory.GetDirectories(cgroup);
            processes = File.ReadAllLines(Path.Combine(cgroup, "cgroup.procs"));
        }
        catch (IOException)
        {
            // Removed since, or threaded: the processes of a threaded cgroup are listed above it.
        }

        return processes.Select(line => (int.Parse(line, CultureInfo.InvariantCulture), cgroup)).Concat(below.SelectMany(ProcessesIn));
    }
}

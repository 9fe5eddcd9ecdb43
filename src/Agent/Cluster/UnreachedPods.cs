using System.Globalization;
using Agent.Kubernetes;
using Agent.Redirect;
using Endpoint = Agent.Native.Endpoint;

namespace Agent.Cluster;

/// <summary>A pod that should be redirected and is not, or not wholly.</summary>
internal sealed record UnreachedPod(string Pod, string Reason);

/// <summary>
/// Finds the pods that socket hooks do not reach. It reads the tables of sockets of every pod, so it is for a person who asks, not for a loop.
/// </summary>
internal sealed class UnreachedPods
{
    // The usual names of RuntimeClasses whose pods have a kernel, or a network stack, of their own.
    private static readonly string[] _sandboxes = ["kata", "gvisor", "runsc", "firecracker"];

    private readonly PodCgroups _cgroups;
    private readonly string _attached;
    private readonly IReadOnlyList<Endpoint> _frontends;
    private int _unseen;

    private UnreachedPods(string attached, IReadOnlyList<Endpoint> frontends)
    {
        _cgroups = PodCgroups.Scan(attached);
        _attached = attached;
        _frontends = frontends;
    }

    /// <param name="pods">Those that should be redirected.</param>
    /// <param name="attached">Where the programs are attached.</param>
    /// <returns>Also how many cannot be looked into for sockets that were connected before, since their processes are in another PID namespace.</returns>
    public static (IReadOnlyList<UnreachedPod> Unreached, int Unseen) Find(IEnumerable<Pod> pods, string attached, IReadOnlyList<Endpoint> frontends)
    {
        UnreachedPods search = new(attached, frontends);
        UnreachedPod[] found = [.. pods.Where(IsRunning)
            .OrderBy(pod => pod.Key.Namespace, StringComparer.Ordinal).ThenBy(pod => pod.Key.Name, StringComparer.Ordinal)
            .Select(pod => (pod.Key, Reason: search.ReasonFor(pod)))
            .Where(pod => pod.Reason != null)
            .Select(pod => new UnreachedPod(pod.Key.ToString(), pod.Reason!))];
        return (found, search._unseen);
    }

    // A pod has addresses from when its sandbox runs, and none when it is finished.
    private static bool IsRunning(Pod pod) => pod.Addresses.Count > 0;

    private string? ReasonFor(Pod pod)
    {
        if (pod.RuntimeClass is { } runtime && _sandboxes.Any(name => runtime.Contains(name, StringComparison.OrdinalIgnoreCase)))
            return $"runtime class {runtime}: its sockets are not in this kernel";
        if (_cgroups.Find(PodModes.CgroupIdOf(pod)) is not { } cgroup)
            return $"its cgroup is not below {_attached}";
        // A pod of the node's own network shares its table with all that runs on the node.
        if (pod.IsHostNetwork || ProcessIn(cgroup) is not { } process)
            return null;
        if (process == 0)
        {
            _unseen++;
            return null;
        }

        int count = SocketTable.CountConnected(process, _frontends);
        return count > 0 ? $"{count} socket{(count > 1 ? "s" : "")} connected before the redirect; restart the pod" : null;
    }

    /// <summary>Any process of a cgroup or of those below it; 0: one of another PID namespace. All of a pod share one network namespace.</summary>
    private static int? ProcessIn(string cgroup)
    {
        try
        {
            if (File.ReadLines(Path.Combine(cgroup, "cgroup.procs")).FirstOrDefault() is { } line)
                return int.Parse(line, CultureInfo.InvariantCulture);
            return Directory.EnumerateDirectories(cgroup).Select(ProcessIn).FirstOrDefault(process => process != null);
        }
        catch (IOException)
        {
            return null; // gone since, or threaded
        }
    }
}

using System.ComponentModel;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>
/// Connected UDP sockets that were translated to a backend which is gone since. A connected socket is translated once, so its owner would
/// go on sending to nobody: destroyed, the owner gets an error and connects anew. Only sockets that the map <c>reverse</c> proves to be translated are
/// touched: what a pod connected to the same address by itself is its own. TCP connections end by themselves, with a reset or a time-out.
/// </summary>
internal static class StaleSockets
{
    /// <summary>The programs may have chosen a backend from the maps as they were so long ago, and not noted it yet; a count and its slots are written one after the other.</summary>
    private static readonly TimeSpan _settling = TimeSpan.FromMilliseconds(50);

    /// <summary>Where each frontend's traffic may be sent to now, as pairs of both.</summary>
    /// <param name="withAgent">Whether the agent counts: not while it serves nobody.</param>
    /// <exception cref="BpfException">The pins cannot be read.</exception>
    public static HashSet<(Endpoint Frontend, Endpoint Backend)> Targets(string pinPath, bool withAgent)
    {
        using BpfMap<Endpoint, Frontend> frontends = BpfMap<Endpoint, Frontend>.Open(Path.Combine(pinPath, Pins.Frontends));
        using BpfMap<BackendKey, Endpoint> backends = BpfMap<BackendKey, Endpoint>.Open(Path.Combine(pinPath, Pins.Backends));
        HashSet<(Endpoint, Endpoint)> targets = [];
        foreach (Endpoint key in frontends.Keys())
        {
            if (!frontends.TryLookup(key, out Frontend frontend))
                continue;
            if (withAgent && (frontend.flags & FrontendFlags.Agent) != 0)
                targets.Add((key, frontend.agent));
            AddSlots(key, BackendKind.Local, frontend.local_count);
            AddSlots(key, BackendKind.Fallback, frontend.fallback_count);
        }

        return targets;

        void AddSlots(Endpoint key, BackendKind kind, int count)
        {
            for (int slot = 0; slot < count; slot++)
            {
                if (backends.TryLookup(new BackendKey { frontend = key, kind = kind, slot = (ushort)slot }, out Endpoint backend))
                    targets.Add((key, backend));
            }
        }
    }

    /// <summary>Destroys them. Only for a thread that does nothing else: see <see cref="SocketDiagnosis.Open"/>.</summary>
    /// <param name="cgroup">Where the programs are attached: the sockets of the processes below it are looked at.</param>
    /// <param name="withAgent">As for <see cref="Targets"/>.</param>
    /// <exception cref="BpfException">The pins cannot be read.</exception>
    public static StaleSocketsReport Destroy(string pinPath, string cgroup, bool withAgent)
    {
        using BpfMap<ReverseKey, Endpoint> reverse = BpfMap<ReverseKey, Endpoint>.Open(Path.Combine(pinPath, Pins.Reverse));
        Dictionary<(ulong Cookie, Endpoint Backend), Endpoint> stale = Find(reverse, Targets(pinPath, withAgent));
        if (stale.Count == 0)
            return StaleSocketsReport.Empty;
        Thread.Sleep(_settling);
        HashSet<(Endpoint, Endpoint)> targets = Targets(pinPath, withAgent);
        foreach ((ulong Cookie, Endpoint Backend) key in stale.Where(entry => targets.Contains((entry.Value, entry.Key.Backend))).Select(entry => entry.Key).ToArray())
            stale.Remove(key);

        List<DestroyedSocket> destroyed = [];
        HashSet<string> failures = [];
        IReadOnlyList<PodNamespace> pods = PodNamespaces.Find(cgroup, out string? unseen);
        foreach (PodNamespace pod in pods)
        {
            try
            {
                using SocketDiagnosis? sockets = Enter(pod);
                if (sockets != null)
                    Destroy(sockets, pod, stale, reverse, destroyed);
            }
            catch (Win32Exception error)
            {
                failures.Add(error.Message);
            }
        }

        if (unseen != null)
            failures.Add(unseen);
        return new StaleSocketsReport(destroyed, [.. failures]);
    }

    private static void Destroy(
        SocketDiagnosis sockets, PodNamespace pod, Dictionary<(ulong, Endpoint), Endpoint> stale, BpfMap<ReverseKey, Endpoint> reverse, List<DestroyedSocket> destroyed)
    {
        foreach (ConnectedSocket socket in sockets.Connected())
        {
            Endpoint backend = socket.Remote;
            if (!stale.TryGetValue((socket.Cookie, backend), out Endpoint frontend) || !sockets.TryDestroy(socket))
                continue;
            // Disconnected, it no longer has the peer by which sock_release would find the entry.
            reverse.Delete(new ReverseKey { cookie = socket.Cookie, backend = backend });
            destroyed.Add(new DestroyedSocket(pod.Cgroup, socket.Local.ToEndPoint().Address.ToString(), backend.ToString(), frontend.ToString()));
        }
    }

    /// <summary>What is noted of UDP sockets whose backend is none of their frontend's any more.</summary>
    private static Dictionary<(ulong Cookie, Endpoint Backend), Endpoint> Find(BpfMap<ReverseKey, Endpoint> reverse, HashSet<(Endpoint, Endpoint)> targets)
    {
        Dictionary<(ulong Cookie, Endpoint Backend), Endpoint> stale = [];
        List<(ulong, Endpoint)> unconnected = [];
        reverse.ForEach((key, value) =>
        {
            if (key.backend.protocol != Endpoint.Udp)
                return;
            // What sock_release starts from, for sockets that send without connecting. Should such a socket be connected now, nobody knows to what.
            if (key.backend.port == 0)
                unconnected.Add((key.cookie, value));
            else if (!targets.Contains((value, key.backend)))
                stale[(key.cookie, key.backend)] = value;
        });
        unconnected.ForEach(key => stale.Remove(key));
        return stale;
    }

    /// <returns>Null when all its processes have ended.</returns>
    private static SocketDiagnosis? Enter(PodNamespace pod)
    {
        const int NoSuchFile = 2;
        foreach (string path in pod.Paths)
        {
            try
            {
                return SocketDiagnosis.Open(path);
            }
            catch (Win32Exception error) when (error.NativeErrorCode == NoSuchFile)
            {
                // That process has ended since.
            }
        }

        return null;
    }
}

/// <summary>What was done about stale sockets.</summary>
/// <param name="Failures">Why some may be left, each reason once.</param>
internal sealed record StaleSocketsReport(IReadOnlyList<DestroyedSocket> Destroyed, IReadOnlyList<string> Failures)
{
    public static StaleSocketsReport Empty { get; } = new([], []);
}

/// <param name="Cgroup">The pod's, below the one that the programs are attached to.</param>
/// <param name="Address">The socket's own, which is the pod's.</param>
internal sealed record DestroyedSocket(string Cgroup, string Address, string Backend, string Frontend);

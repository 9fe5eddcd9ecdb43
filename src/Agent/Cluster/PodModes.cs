using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>Which pods of this node are redirected, as they, or else their namespaces, or else the configuration say. Of one moment.</summary>
internal sealed class PodModes
{
    private const string Mirror = "kubernetes.io/config.mirror";

    private readonly PodSwitch _switch;
    private readonly Dictionary<string, RedirectMode> _exceptions = [];

    /// <param name="standard">What holds for a pod when neither it nor its namespace says anything.</param>
    public PodModes(RedirectMode standard, IEnumerable<Pod> pods, Func<string, Namespace?> findNamespace)
    {
        Standard = standard;
        _switch = new PodSwitch("redirect.lra.dev/mode", findNamespace);
        foreach (Pod pod in pods.Where(pod => !pod.IsFinished))
        {
            RedirectMode mode = _switch.IsOn(pod) is { } isOn ? (isOn ? RedirectMode.Enabled : RedirectMode.Disabled) : standard;
            if (mode != standard)
                _exceptions[CgroupIdOf(pod)] = mode;
        }
    }

    public static PodModes None { get; } = new(RedirectMode.Enabled, [], _ => null);

    public RedirectMode Standard { get; }

    /// <summary>The pods for which not <see cref="Standard"/> holds, by <see cref="CgroupIdOf"/>, and what holds for them.</summary>
    public IReadOnlyDictionary<string, RedirectMode> Exceptions => _exceptions;

    /// <inheritdoc cref="PodSwitch.Mistakes"/>
    public IReadOnlyCollection<string> Mistakes => _switch.Mistakes;

    public bool IsRedirected(Pod pod) => _exceptions.GetValueOrDefault(CgroupIdOf(pod), Standard) == RedirectMode.Enabled;

    /// <summary>What the kubelet names a pod's cgroup after: the UID; of a static pod the hash of its manifest, since its UID is that of its mirror.</summary>
    /// <remarks>
    /// Of a mirror the kubelet writes the hash as <c>config.hash</c> too, which anybody may write on a pod of his own and so get at the static pod's cgroup;
    /// a pod that somebody else calls a mirror, it deletes. A UID has dashes and a hash has none: nobody gets at another's cgroup by its UID.
    /// </remarks>
    public static string CgroupIdOf(Pod pod) =>
        pod.Annotations.TryGetValue(Mirror, out string? hash) && hash.Length > 0 && !hash.Contains('-') ? hash : pod.Uid;
}

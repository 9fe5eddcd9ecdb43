using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>Which pods of this node are redirected, as they, or else their namespaces, or else the configuration say. Of one moment.</summary>
internal sealed class PodModes
{
    /// <summary>A label or an annotation, of a pod or a namespace.</summary>
    private const string Key = "redirect.lra.dev/mode";

    private const string ManifestHash = "kubernetes.io/config.hash";

    private readonly List<string> _mistakes = [];
    private readonly Dictionary<string, RedirectMode> _exceptions = [];

    /// <param name="standard">What holds for a pod when neither it nor its namespace says anything.</param>
    public PodModes(RedirectMode standard, IEnumerable<Pod> pods, Func<string, Namespace?> findNamespace)
    {
        Standard = standard;
        foreach (Pod pod in pods.Where(pod => !pod.IsFinished))
        {
            RedirectMode mode = Read("pod", pod) ?? (findNamespace(pod.Key.Namespace) is { } parent ? Read("namespace", parent) : null) ?? standard;
            if (mode != standard)
                _exceptions[CgroupIdOf(pod)] = mode;
        }
    }

    public static PodModes None { get; } = new(RedirectMode.Enabled, [], _ => null);

    public RedirectMode Standard { get; }

    /// <summary>The pods for which not <see cref="Standard"/> holds, by <see cref="CgroupIdOf"/>, and what holds for them.</summary>
    public IReadOnlyDictionary<string, RedirectMode> Exceptions => _exceptions;

    /// <summary>What was written and means nothing, each a sentence that says where.</summary>
    public IReadOnlyCollection<string> Mistakes => _mistakes;

    public bool IsRedirected(Pod pod) => _exceptions.GetValueOrDefault(CgroupIdOf(pod), Standard) == RedirectMode.Enabled;

    /// <summary>What the kubelet names a pod's cgroup after: the UID; of a static pod the hash of its manifest, since its UID is that of its mirror.</summary>
    /// <remarks>A UID has dashes and a hash has none: nobody gets at another's cgroup by writing its UID where the hash belongs.</remarks>
    public static string CgroupIdOf(Pod pod) =>
        pod.Annotations.TryGetValue(ManifestHash, out string? hash) && hash.Length > 0 && !hash.Contains('-') ? hash : pod.Uid;

    private RedirectMode? Read(string kind, KubernetesObject from) =>
        Read(kind, from, "label", from.Labels) ?? Read(kind, from, "annotation", from.Annotations);

    private RedirectMode? Read(string kind, KubernetesObject from, string where, IReadOnlyDictionary<string, string> entries)
    {
        switch (entries.GetValueOrDefault(Key))
        {
            case null:
                return null;
            case "enabled":
                return RedirectMode.Enabled;
            case "disabled":
                return RedirectMode.Disabled;
            case { } other:
                string mistake = $"the {where} {Key} of {kind} {from.Key} is {Quoting.Quote(other)}, which is neither enabled nor disabled";
                if (!_mistakes.Contains(mistake))
                    _mistakes.Add(mistake);
                return null;
        }
    }
}

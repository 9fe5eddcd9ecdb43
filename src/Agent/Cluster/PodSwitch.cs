using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>Something that pods, or else their namespaces, turn on and off with a label or an annotation: <c>enabled</c> or <c>disabled</c>.</summary>
internal sealed class PodSwitch(string key, Func<string, Namespace?> findNamespace)
{
    private readonly List<string> _mistakes = [];

    /// <summary>What was written and means nothing, each a sentence that says where.</summary>
    public IReadOnlyCollection<string> Mistakes => _mistakes;

    /// <summary>Null: neither the pod nor its namespace says anything.</summary>
    public bool? IsOn(Pod pod) => Read("pod", pod) ?? (findNamespace(pod.Key.Namespace) is { } parent ? Read("namespace", parent) : null);

    private bool? Read(string kind, KubernetesObject from) => Read(kind, from, "label", from.Labels) ?? Read(kind, from, "annotation", from.Annotations);

    private bool? Read(string kind, KubernetesObject from, string where, IReadOnlyDictionary<string, string> entries)
    {
        switch (entries.GetValueOrDefault(key))
        {
            case null:
                return null;
            case "enabled":
                return true;
            case "disabled":
                return false;
            case { } other:
                string mistake = $"the {where} {key} of {kind} {from.Key} is {Quoting.Quote(other)}, which is neither enabled nor disabled";
                if (!_mistakes.Contains(mistake))
                    _mistakes.Add(mistake);
                return null;
        }
    }
}

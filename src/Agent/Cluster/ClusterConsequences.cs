using Agent.Dns;

namespace Agent.Cluster;

/// <summary>Where what is learned of the cluster goes.</summary>
/// <param name="Adopt">Takes over what is redirected, and returns why the kernel does not go by it; called on a task of the watch, one call after the other.</param>
/// <param name="Names">Where the table of names is published.</param>
/// <param name="Cache">Where answers are dropped that a change of the table touches.</param>
/// <param name="SetPodModes">Tells the kernel which pods to redirect; called like <paramref name="Adopt"/>.</param>
internal sealed record ClusterConsequences(
    Func<ClusterFindings, string?> Adopt, PublishedNames Names, ResponseCache Cache, Action<PodModes> SetPodModes)
{
    /// <summary>Tells who the pods of this node are now.</summary>
    public required Action<NodePods> SetPods { get; init; }
}

using System.Net;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>What a plan follows from.</summary>
internal sealed record PolicyInputs
{
    public required ServiceIndex Services { get; init; }

    /// <summary>The only namespace that Services are known of; empty: all.</summary>
    public string ServicesOf { get; init; } = "";

    public IReadOnlyList<LocalRedirectPolicy> Policies { get; init; } = [];

    public IReadOnlyList<CiliumLocalRedirectPolicy> CiliumPolicies { get; init; } = [];

    /// <summary>This node's.</summary>
    public IReadOnlyList<Pod> Pods { get; init; } = [];

    public IReadOnlyDictionary<string, string> NodeLabels { get; init; } = new Dictionary<string, string>();

    /// <summary>This node's topology zone; null when it is not known.</summary>
    public string? Zone { get; init; }

    /// <summary>The frontends of the configuration file, which no policy may have.</summary>
    public IReadOnlyList<FrontendConfiguration> Configured { get; init; } = [];
}

/// <summary>What all policies come to on this node, as long as the kernel takes it.</summary>
internal sealed record PolicyPlan(IReadOnlyList<PolicyVerdict> Verdicts, IReadOnlyList<PolicyTerms> Terms)
{
    public static PolicyPlan Empty { get; } = new([], []);

    /// <summary>Those that are to be programmed here.</summary>
    public IReadOnlyList<FrontendConfiguration> Frontends { get; } = [.. Verdicts.SelectMany(verdict => verdict.Frontends)];
}

/// <summary>
/// Judges the policies of both kinds. Each is taken whole or not at all, and the older one first, so that all nodes come to the same: which policy
/// is accepted does not depend on the node, as long as Cilium and the configuration file do not differ between nodes.
/// </summary>
internal static class PolicyPlanner
{
    public static PolicyPlan Plan(PolicyInputs inputs)
    {
        PolicyTerms[] terms = [.. inputs.Policies.Select(LocalRedirectReader.Read).Concat(inputs.CiliumPolicies.Select(CiliumRedirectReader.Read))
            .OrderBy(policy => policy.CreatedAt)
            .ThenBy(policy => policy.Key.Namespace, StringComparer.Ordinal)
            .ThenBy(policy => policy.Key.Name, StringComparer.Ordinal)
            .ThenBy(policy => policy.Kind)];
        Pod? cilium = inputs.Pods.FirstOrDefault(IsCilium);
        Dictionary<FrontendKey, List<PolicyTerms>> owners = [];
        return new PolicyPlan([.. terms.Select(policy => Judge(policy, inputs, cilium, owners))], terms);
    }

    /// <summary>
    /// Whether a pod is Cilium's agent: by the label that all its charts and its own command line go by. It is on the node's network, which a
    /// user who may only create plain pods cannot claim. Ready or not: its redirect stays in the kernel while it restarts.
    /// </summary>
    public static bool IsCilium(Pod pod) => pod is { IsHostNetwork: true, IsFinished: false } && pod.Labels.GetValueOrDefault("k8s-app") == "cilium";

    private static PolicyVerdict Judge(PolicyTerms policy, PolicyInputs inputs, Pod? cilium, Dictionary<FrontendKey, List<PolicyTerms>> owners)
    {
        bool isForThisNode = policy.NodeSelector?.Matches(inputs.NodeLabels) != false;
        List<Target> targets = [];
        Finding? refusal = policy.Kind == PolicyKind.CiliumLocalRedirect && cilium != null
            ? new Finding(false, "HandledByCilium", $"Cilium runs on this node (pod {cilium.Key}) and handles these policies, where its localRedirectPolicies.enabled is true; for this agent, use a LocalRedirectPolicy")
            : policy.Refusal ?? TargetResolver.Resolve(policy, inputs, targets) ?? Claim(policy, targets, inputs.Configured, owners);
        PolicyVerdict verdict = new(
            policy.Kind,
            policy.Key,
            refusal ?? new Finding(true, "Accepted", $"owns {string.Join(", ", targets.Select(target => target.Key))}"),
            refusal != null ? new Finding(false, "NotAccepted", "the policy is not accepted") : new Finding(false, "NotForThisNode", "spec.nodeSelector does not match this node's labels"))
        {
            Uid = policy.Policy.Uid,
            Generation = policy.Generation,
            IsForThisNode = isForThisNode,
            IsAgentCache = policy is { Refusal: null, Pods: null },
        };
        return refusal == null && isForThisNode ? Program(verdict, policy, targets, inputs) : verdict;
    }

    /// <summary>Makes the policy the owner of all its frontends, or says who is.</summary>
    private static Finding? Claim(
        PolicyTerms policy, List<Target> targets, IReadOnlyList<FrontendConfiguration> configured, Dictionary<FrontendKey, List<PolicyTerms>> owners)
    {
        foreach (Target target in targets)
        {
            if (configured.Any(target.Key.IsOf))
                return new Finding(false, "ConfiguredFrontend", $"{target.Key} is in redirect.frontends of the agent's configuration, which wins; take it out there, or delete the policy");
            PolicyTerms? owner = owners.GetValueOrDefault(target.Key)?.FirstOrDefault(other => !NodeSelectors.AreDisjoint(other.NodeSelector, policy.NodeSelector));
            if (owner != null)
                return new Finding(false, "Conflict", $"{target.Key} belongs to {owner}, which is older; delete one of the two, or give both a nodeSelector for nodes of their own");
        }

        foreach (Target target in targets)
        {
            if (!owners.TryGetValue(target.Key, out List<PolicyTerms>? sharing))
                owners.Add(target.Key, sharing = []);
            sharing.Add(policy);
        }

        return null;
    }

    private static PolicyVerdict Program(PolicyVerdict verdict, PolicyTerms policy, List<Target> targets, PolicyInputs inputs)
    {
        Pod[] ready = [.. inputs.Pods.Where(pod => pod.IsReady && policy.Selects(pod)).OrderBy(pod => pod.Key.Name, StringComparer.Ordinal)];
        FrontendConfiguration[] frontends = [.. targets.Select(target => target.ToFrontend(policy, ready, inputs))];
        return verdict with { Frontends = frontends, BackendPods = ready, Programmed = Describe(policy, ready, frontends) };
    }

    private static Finding Describe(PolicyTerms policy, Pod[] ready, FrontendConfiguration[] frontends)
    {
        if (policy.Pods == null)
            return new Finding(true, "Programmed", "served by the agent's cache");
        string otherwise = policy.Service != null ? "the Service's endpoints are used" : "it is not redirected";
        if (ready.Length == 0)
            return new Finding(true, "NoReadyPods", $"no pod of this node that spec selects in {policy.Pods.Namespace} is ready: {otherwise}");
        FrontendConfiguration? bare = frontends.FirstOrDefault(frontend => frontend.Local.Count == 0);
        return bare == null
            ? new Finding(true, "Programmed", $"served by {string.Join(", ", ready.Select(pod => pod.Key))}")
            : new Finding(true, "NoReadyPods", $"of {string.Join(", ", ready.Select(pod => pod.Key))} none has an address and port for {FrontendKey.Of(bare)}: {otherwise}");
    }
}

/// <summary>What one policy at most may own.</summary>
internal readonly record struct FrontendKey(IPAddress Address, int Port, TransportProtocol Protocol)
{
    public static FrontendKey Of(FrontendConfiguration frontend) => new(frontend.Address, frontend.Port, frontend.Protocols[0]);

    public bool IsOf(FrontendConfiguration frontend) => frontend.Address.Equals(Address) && frontend.Port == Port && frontend.Protocols.Contains(Protocol);

    public override string ToString() => $"{new IPEndPoint(Address, Port)}/{(Protocol == TransportProtocol.Udp ? "UDP" : "TCP")}";
}

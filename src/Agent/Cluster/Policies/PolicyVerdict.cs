using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>Which kind of object a policy is.</summary>
internal enum PolicyKind
{
    LocalRedirect,
    CiliumLocalRedirect,
}

/// <summary>What one policy comes to on this node.</summary>
/// <param name="Accepted">Whether the policy makes sense and owns its frontends; the same on every node.</param>
/// <param name="Programmed">Whether this node's kernel goes by it.</param>
internal sealed record PolicyVerdict(PolicyKind Kind, ObjectKey Key, Finding Accepted, Finding Programmed)
{
    public string Uid { get; init; } = "";

    public long Generation { get; init; }

    /// <summary>Whether the policy is meant for this node at all.</summary>
    public bool IsForThisNode { get; init; }

    /// <summary>Whether the agent's own cache serves the frontends, rather than pods.</summary>
    public bool IsAgentCache { get; init; }

    /// <summary>One for each address, port and protocol, with its ready pods of this node as local backends.</summary>
    public IReadOnlyList<FrontendConfiguration> Frontends { get; init; } = [];

    /// <summary>The ready pods of this node that it selects, also one that has no address or port for some of the frontends.</summary>
    public IReadOnlyList<Pod> BackendPods { get; init; } = [];
}

/// <summary>One condition of a policy: its truth, a reason in CamelCase for programs, and a sentence for people.</summary>
internal sealed record Finding(bool IsTrue, string Reason, string Message);

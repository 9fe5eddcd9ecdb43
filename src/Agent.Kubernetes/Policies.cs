using System.Net;

namespace Agent.Kubernetes;

/// <summary>redirect.lra.dev/v1alpha1 LocalRedirectPolicy, cluster-scoped (DESIGN section 5).</summary>
/// <remarks>Read as it stands: whoever programs it judges whether it makes sense, and says so in its conditions.</remarks>
public sealed record LocalRedirectPolicy : KubernetesObject
{
    /// <summary>Of two policies for one frontend the older wins.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Counts changes of the spec; a condition says which it has seen.</summary>
    public long Generation { get; init; }

    /// <summary><c>spec.frontend.service</c>; null when the frontend is an address.</summary>
    public ObjectKey? Service { get; init; }

    /// <summary><c>spec.frontend.address.ip</c> as it is written; null when the frontend is a Service.</summary>
    public string? Address { get; init; }

    public IReadOnlyList<RedirectPort> Ports { get; init; } = [];

    /// <summary>Whether <c>spec.backend.agentCache</c> is there.</summary>
    public bool IsAgentCache { get; init; }

    /// <summary><c>spec.backend.localPods</c>.</summary>
    public LocalPods? LocalPods { get; init; }

    /// <summary>Null: every node.</summary>
    public LabelSelector? NodeSelector { get; init; }

    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    /// <summary><c>status.nodes</c>: what nodes reported, by their names.</summary>
    public IReadOnlyDictionary<string, NodeReport> Nodes { get; init; } = new Dictionary<string, NodeReport>();
}

/// <summary>What one node made of a policy.</summary>
/// <param name="Frontends">How many the node's kernel redirects.</param>
/// <param name="Backends">How many of the node serve them.</param>
/// <param name="ObservedGeneration">Of the policy that the node goes by.</param>
/// <param name="Reason">Why its kernel does not go by the policy; empty when it does.</param>
public sealed record NodeReport(int Frontends, int Backends, long ObservedGeneration, string Reason);

/// <param name="Port">0 when it is missing or no port.</param>
/// <param name="TargetPort">A number or the name of a container port; empty: the same as <paramref name="Port"/>.</param>
/// <param name="Protocol">TCP or UDP.</param>
public sealed record RedirectPort(string Name, int Port, string Protocol, string TargetPort);

public sealed record LocalPods(string Namespace, LabelSelector Selector);

/// <summary>cilium.io/v2 CiliumLocalRedirectPolicy, namespaced.</summary>
public sealed record CiliumLocalRedirectPolicy : KubernetesObject
{
    public DateTimeOffset CreatedAt { get; init; }

    public long Generation { get; init; }

    /// <summary><c>redirectFrontend.serviceMatcher</c>; null when the frontend is an address.</summary>
    public ObjectKey? Service { get; init; }

    /// <summary><c>redirectFrontend.addressMatcher.ip</c>; null when the frontend is a Service.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Empty with <see cref="Service"/>: all ports of the Service.</summary>
    public IReadOnlyList<NumberedPort> FrontendPorts { get; init; } = [];

    /// <summary>Of pods in the policy's own namespace.</summary>
    public LabelSelector Backends { get; init; } = LabelSelector.Everything;

    public IReadOnlyList<NumberedPort> BackendPorts { get; init; } = [];

    public bool SkipRedirectFromBackend { get; init; }
}

/// <param name="Name">Compared without case; empty when there is none.</param>
public sealed record NumberedPort(string Name, int Port, string Protocol);

/// <summary>One of <c>status.conditions</c>.</summary>
/// <param name="Status">True, False or Unknown.</param>
public sealed record Condition(string Type, string Status, string Reason, string Message)
{
    public long ObservedGeneration { get; init; }

    public DateTimeOffset LastTransition { get; init; }
}

/// <summary>A label selector: all its requirements hold (meta/v1 LabelSelector).</summary>
public sealed record LabelSelector(IReadOnlyList<LabelRequirement> Requirements)
{
    public static LabelSelector Everything { get; } = new([]);

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (LabelRequirement requirement in Requirements)
        {
            if (!requirement.Holds(labels))
                return false;
        }
        return true;
    }
}

/// <param name="Operator">In, NotIn, Exists or DoesNotExist; a label selector with another one matches nothing.</param>
public sealed record LabelRequirement(string Key, string Operator, IReadOnlyList<string> Values)
{
    public bool Holds(IReadOnlyDictionary<string, string> labels)
    {
        string? value = labels.TryGetValue(Key, out string? found) ? found : null;
        return Operator switch
        {
            "In" => value is not null && Values.Contains(value),
            // An absent label is in no set.
            "NotIn" => value is null || !Values.Contains(value),
            "Exists" => value is not null,
            "DoesNotExist" => value is null,
            _ => false,
        };
    }
}

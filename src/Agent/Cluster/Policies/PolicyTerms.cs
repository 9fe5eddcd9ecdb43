using System.Globalization;
using System.Net;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>What a policy of either kind asks for, as far as it can be told without any other object.</summary>
internal sealed record PolicyTerms(PolicyKind Kind, KubernetesObject Policy)
{
    public DateTimeOffset CreatedAt { get; init; }

    public long Generation { get; init; }

    /// <summary>What is wrong with it; null: nothing so far.</summary>
    public Finding? Refusal { get; init; }

    /// <summary>Null when the frontend is an address.</summary>
    public ObjectKey? Service { get; init; }

    public IPAddress? Address { get; init; }

    public IReadOnlyList<PortTerms> Ports { get; init; } = [];

    /// <summary>Of a Cilium policy for all ports of its Service: the backends' ports, which find theirs by name.</summary>
    public IReadOnlyList<NumberedPort> PortsOfService { get; init; } = [];

    /// <summary>Null: the agent's cache.</summary>
    public LocalPods? Pods { get; init; }

    /// <summary>Null: every node.</summary>
    public LabelSelector? NodeSelector { get; init; }

    public bool SkipRedirectFromBackend { get; init; }

    public ObjectKey Key => Policy.Key;

    public override string ToString() => $"{(Kind == PolicyKind.LocalRedirect ? "" : "Cilium")}LocalRedirectPolicy {Key}";

    /// <summary>Whether the kernel may send the frontends to this pod.</summary>
    public bool Selects(Pod pod) => Pods != null && pod.Key.Namespace == Pods.Namespace && Pods.Selector.Matches(pod.Labels);

    public PolicyTerms Refused(string reason, string message) => this with { Refusal = new Finding(false, reason, message) };

    public static TransportProtocol? ProtocolOf(string text) => text.ToUpperInvariant() switch
    {
        "UDP" => TransportProtocol.Udp,
        "TCP" => TransportProtocol.Tcp,
        _ => null,
    };
}

/// <param name="TargetPort">A number or the name of a container port.</param>
internal readonly record struct PortTerms(int Port, TransportProtocol Protocol, string TargetPort)
{
    public override string ToString() => $"{Port}/{(Protocol == TransportProtocol.Udp ? "UDP" : "TCP")}";

    /// <summary>Where a pod is asked; null when it has no port of that name and protocol.</summary>
    public int? On(Pod pod)
    {
        if (ushort.TryParse(TargetPort, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
            return number;
        foreach (ContainerPort port in pod.Ports)
        {
            if (port.Name == TargetPort && PolicyTerms.ProtocolOf(port.Protocol) == Protocol)
                return port.Port;
        }

        return null;
    }
}

using System.Net;

namespace Agent.Kubernetes;

/// <summary>What tells an object of one kind from the others; the namespace is empty for cluster-scoped kinds.</summary>
public readonly record struct ObjectKey(string Namespace, string Name)
{
    public override string ToString() => Namespace.Length > 0 ? $"{Namespace}/{Name}" : Name;
}

/// <summary>What every object has. Immutable, like all that is below.</summary>
public abstract record KubernetesObject
{
    public required ObjectKey Key { get; init; }

    public string Uid { get; init; } = "";

    /// <summary>Opaque: only equality means something.</summary>
    public string ResourceVersion { get; init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyMap;

    /// <summary>Of the annotations, only those of <c>redirect.lra.dev</c> and of topology, and <c>kubernetes.io/config.mirror</c>, which is in a static pod's cgroup what the UID is in another's.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = EmptyMap;

    protected static IReadOnlyDictionary<string, string> EmptyMap { get; } = new Dictionary<string, string>();
}

/// <summary>core/v1 Service.</summary>
public sealed record Service : KubernetesObject
{
    /// <summary>ClusterIP, NodePort, LoadBalancer or ExternalName.</summary>
    public string Type { get; init; } = "ClusterIP";

    /// <summary>Of each family at most one; empty for headless and ExternalName Services.</summary>
    public IReadOnlyList<IPAddress> ClusterIPs { get; init; } = [];

    /// <summary>Whether <c>clusterIP</c> is <c>None</c>.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>The target of an ExternalName Service.</summary>
    public string? ExternalName { get; init; }

    public bool PublishNotReadyAddresses { get; init; }

    public IReadOnlyList<ServicePort> Ports { get; init; } = [];
}

/// <param name="Name">Empty when the Service has a single port without a name.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="TargetPort">A number or the name of a container port.</param>
public sealed record ServicePort(string Name, int Port, string Protocol, string TargetPort);

/// <summary>discovery.k8s.io/v1 EndpointSlice.</summary>
public sealed record EndpointSlice : KubernetesObject
{
    /// <summary>The label <c>kubernetes.io/service-name</c>; empty when there is none.</summary>
    public string ServiceName { get; init; } = "";

    public IReadOnlyList<EndpointPort> Ports { get; init; } = [];

    /// <summary>Of the address types IPv4 and IPv6; none of a slice of FQDNs.</summary>
    public IReadOnlyList<Endpoint> Endpoints { get; init; } = [];
}

/// <param name="Port">0 when the slice names none.</param>
public sealed record EndpointPort(string Name, int Port, string Protocol);

/// <summary>One endpoint; several addresses mean the same (only the first is used, as kube-proxy does).</summary>
public sealed record Endpoint
{
    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    /// <summary>True when the condition is absent (unknown counts as ready).</summary>
    public bool IsReady { get; init; } = true;

    public bool IsTerminating { get; init; }

    public string? Hostname { get; init; }

    public string? NodeName { get; init; }

    public string? Zone { get; init; }

    /// <summary>Zones that topology hints give it to (<c>hints.forZones</c>).</summary>
    public IReadOnlyList<string> ForZones { get; init; } = [];

    /// <summary>The pod behind it, where <c>targetRef</c> names one.</summary>
    public ObjectKey? Pod { get; init; }
}

/// <summary>core/v1 Namespace.</summary>
public sealed record Namespace : KubernetesObject;

/// <summary>core/v1 Node: its labels tell its zone and which policies are meant for it.</summary>
public sealed record Node : KubernetesObject;

/// <summary>core/v1 Pod.</summary>
public sealed record Pod : KubernetesObject
{
    public string NodeName { get; init; } = "";

    /// <summary><c>status.podIPs</c>; none of a pod that is finished, whose addresses others may have by now.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    public bool IsHostNetwork { get; init; }

    /// <summary>The phase Succeeded or Failed.</summary>
    public bool IsFinished { get; init; }

    /// <summary>The condition Ready, of a pod that is not being deleted.</summary>
    public bool IsReady { get; init; }

    public string? RuntimeClass { get; init; }

    /// <summary>ClusterFirst, ClusterFirstWithHostNet, Default or None.</summary>
    public string DnsPolicy { get; init; } = "ClusterFirst";

    /// <summary><c>dnsConfig.searches</c>.</summary>
    public IReadOnlyList<string> Searches { get; init; } = [];

    /// <summary>The option <c>ndots</c> of <c>dnsConfig</c>; null when it sets none.</summary>
    public int? Ndots { get; init; }

    /// <summary>Of its containers, then of its sidecars; a name counts where it stands first.</summary>
    public IReadOnlyList<ContainerPort> Ports { get; init; } = [];
}

public sealed record ContainerPort(string Name, int Port, string Protocol);

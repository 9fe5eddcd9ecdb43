using Agent.Dns;
using Agent.Kubernetes;

namespace Agent.Configuration;

/// <summary>Whether and how the agent learns from the cluster what else it would have to be told.</summary>
public sealed record KubernetesConfiguration
{
    public bool Enabled { get; init; }

    /// <summary>A kubeconfig file; empty: the ServiceAccount of the agent's own pod.</summary>
    public string Kubeconfig { get; init; } = "";

    /// <summary>The Service whose ClusterIPs pods ask, and whose endpoints answer what the agent does not.</summary>
    public ObjectKey DnsService { get; init; } = new("kube-system", "kube-dns");

    public ClusterNamesMode ClusterNames { get; init; } = ClusterNamesMode.Table;

    /// <summary>Names <c>1-2-3-4.NAMESPACE.pod</c>, from the table.</summary>
    public PodNames PodNames { get; init; } = PodNames.Disabled;

    /// <summary>Seconds, 0 to 3600, of the answers from the table.</summary>
    public int Ttl { get; init; } = 5;

    /// <summary>Whether the first query of a pod's search walk is answered with what the walk comes to; where cluster names are from the table.</summary>
    public bool Autopath { get; init; } = true;

    /// <summary>The node's file, from which the kubelet gives pods search domains.</summary>
    public string ResolvConf { get; init; } = "/etc/resolv.conf";
}

/// <summary>Who answers the names of the cluster domain.</summary>
public enum ClusterNamesMode
{
    /// <summary>The agent, from the watched Services and EndpointSlices; the cluster's own DNS for what the table does not have.</summary>
    Table,

    /// <summary>The cluster's own DNS alone.</summary>
    Forward,

    /// <summary>The agent alone: what the table does not have does not exist.</summary>
    Authoritative,
}

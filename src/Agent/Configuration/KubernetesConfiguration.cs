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
}

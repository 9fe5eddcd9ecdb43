using Agent.Dns;
using Agent.Forwarding;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>What the kubelet writes into a pod's resolv.conf of search domains and <c>ndots</c>.</summary>
internal sealed record PodSearch(IReadOnlyList<string> Domains, int Ndots)
{
    // Of the kubelet: what is beyond is left out.
    private const int MostDomains = 32;
    private const int MostCharacters = 2048;
    private const int ClusterNdots = 5;

    /// <param name="nodeFile">The content of the node's resolv.conf.</param>
    public static PodSearch Of(Pod pod, string clusterDomain, string nodeFile)
    {
        string[] cluster = [$"{pod.Key.Namespace}.svc.{clusterDomain}", $"svc.{clusterDomain}", clusterDomain];
        // In the node's own network ClusterFirst means Default; whoever wants the cluster's names there says ClusterFirstWithHostNet.
        PodSearch standard = pod switch
        {
            { DnsPolicy: "None" } => new PodSearch([], 1),
            { DnsPolicy: "Default" } or { DnsPolicy: "ClusterFirst", IsHostNetwork: true } => new PodSearch(ResolvConf.Searches(nodeFile), ResolvConf.Ndots(nodeFile)),
            _ => new PodSearch([.. cluster, .. ResolvConf.Searches(nodeFile)], ClusterNdots),
        };
        IEnumerable<string> domains = standard.Domains.Concat(pod.Searches).Select(domain => domain.Length > 1 ? domain.TrimEnd('.') : domain);
        return new PodSearch(Fitting([.. domains.Distinct(StringComparer.OrdinalIgnoreCase)]), pod.Ndots ?? standard.Ndots);
    }

    /// <summary>Null when a domain is no DNS name.</summary>
    public SearchList? ToList()
    {
        try
        {
            return new SearchList(Domains.Select(DnsName.FromText), Ndots);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string[] Fitting(string[] domains)
    {
        domains = [.. domains.Take(MostDomains)];
        while (string.Join(' ', domains).Length > MostCharacters)
            domains = domains[..^1];
        return domains;
    }
}

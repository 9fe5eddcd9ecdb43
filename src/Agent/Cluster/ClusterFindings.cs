using Agent.Configuration;

namespace Agent.Cluster;

/// <summary>What the cluster says that this node redirects, and whom cluster names are asked of.</summary>
/// <param name="Policies">The frontends of policies, one for each address, port and protocol.</param>
internal sealed record ClusterFindings(KubeDns KubeDns, IReadOnlyList<FrontendConfiguration> Policies)
{
    public static ClusterFindings None { get; } = new(KubeDns.None, []);

    /// <summary>All that is redirected. A policy for a part of kube-dns has it, over the same endpoints.</summary>
    public IReadOnlyList<FrontendConfiguration> Frontends { get; } =
    [
        .. Policies.Select(frontend => KubeDns.Frontends.FirstOrDefault(frontend.Overlaps) is { } dns ? frontend with { Fallback = dns.Fallback, IsClusterDns = true } : frontend),
        .. KubeDns.Frontends.Where(dns => !Policies.Any(dns.Overlaps)),
    ];

    /// <summary>What a kernel that was programmed before still knows: it holds until the API server has been heard.</summary>
    public static ClusterFindings Remembered(IReadOnlyList<FrontendConfiguration> frontends) =>
        new(KubeDns.Remembered(frontends), [.. frontends.Where(frontend => !KubeDns.IsPlain(frontend))]);

    public bool SaysTheSameAs(ClusterFindings other) =>
        KubeDns.SaysTheSameAs(other.KubeDns)
        && Policies.Count == other.Policies.Count
        && Policies.Zip(other.Policies).All(pair => pair.First.SaysTheSameAs(pair.Second));
}

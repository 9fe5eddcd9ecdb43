using System.Net;

namespace Agent.Configuration.Corefile;

/// <summary>The configuration as far as a Corefile has been read.</summary>
internal sealed class Draft
{
    public List<IPAddress> Listen { get; } = [];

    public List<IPAddress> Frontends { get; } = [];

    public int Port { get; set; } = 53;

    public int? Workers { get; set; }

    public IPEndPoint? Metrics { get; set; }

    /// <summary>Null: nothing is learned from an API server.</summary>
    public KubernetesDraft? Kubernetes { get; set; }

    /// <summary>all or errors.</summary>
    public string? LoggedQueries { get; set; }

    public List<RouteDraft> Routes { get; } = [];

    /// <summary>Zones whose servers the Corefile does not name.</summary>
    public List<string> ZonesWithoutServers { get; } = [];

    public int? MinTtl { get; set; }

    public int? MaxTtl { get; set; }

    public int? MaxNegativeTtl { get; set; }

    public string? ServeStale { get; set; }

    /// <summary>allow, deny or drop for each prefix; the most specific decides.</summary>
    public Dictionary<IPNetwork, string> Clients { get; } = [];

    /// <summary>The names of each address and TTL, in their order.</summary>
    public Dictionary<(IPAddress Address, int Ttl), HashSet<string>> Hosts { get; } = [];

    public List<RewriteConfiguration> Rewrites { get; } = [];

    public List<ZoneDraft> Zones { get; } = [];

    public string? Dns64Prefix { get; set; }

    public SortedSet<string> Dns64Zones { get; } = [];

    public SortedSet<string> FilterAaaa { get; } = [];
}

/// <param name="Domain">The cluster domain.</param>
internal sealed record KubernetesDraft(string Domain)
{
    public string? Kubeconfig { get; set; }

    /// <summary>Whether the cluster's own DNS answers all its names.</summary>
    public bool Forwards { get; set; }

    public string? PodNames { get; set; }

    public int? Ttl { get; set; }
}

internal sealed record RouteDraft(string Zone)
{
    public List<string> Servers { get; } = [];

    public string? ResolvConf { get; set; }

    public string Protocol { get; set; } = "udp";

    public string? TlsServerName { get; set; }

    public string? TlsCa { get; set; }

    public string? HttpsPath { get; set; }

    public string? Policy { get; set; }
}

/// <summary>A fixed zone: an RCODE, perhaps for some types alone, or records.</summary>
internal sealed record ZoneDraft(string Zone, string? Code)
{
    /// <summary>None: all.</summary>
    public List<string> Types { get; } = [];

    public List<string> Records { get; } = [];
}

using System.Net;

namespace Agent.Configuration;

/// <summary>What one node's agent does: the configuration file after validation, with defaults filled in.</summary>
public sealed record AgentConfiguration
{
    /// <summary>The cluster domain, lower case, without the trailing dot (Kubernetes DNS specification 1.1.0 section 2).</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>The name of this node; when the file names none, what NODE_NAME says, since the nodes of a DaemonSet share the file; else the host name.</summary>
    public string Node { get; init; } = Environment.GetEnvironmentVariable("NODE_NAME") is { Length: > 0 } name ? name : Environment.MachineName;

    public ListenConfiguration Listen { get; init; } = new();

    /// <summary>The path of the Unix socket that the CLI speaks to.</summary>
    public string AdminSocket { get; init; } = "/run/lra/admin.sock";

    public MetricsConfiguration Metrics { get; init; } = new();

    /// <summary>How long a stopping agent says that it is not ready, and serves on, before it gives the traffic back; at most an hour.</summary>
    public TimeSpan Lameduck { get; init; } = TimeSpan.Zero;

    public RedirectConfiguration Redirect { get; init; } = new();

    /// <summary>
    /// Where questions are forwarded to; the longest zone that encloses the name wins. There is always a route for the
    /// root zone: <see cref="RouteConfiguration.NodeResolvers"/> when the file gives none.
    /// </summary>
    public IReadOnlyList<RouteConfiguration> Routes { get; init; } = [RouteConfiguration.NodeResolvers];

    public CacheConfiguration Cache { get; init; } = new();

    public SnapshotConfiguration Snapshot { get; init; } = new();

    public ClientsConfiguration Clients { get; init; } = new();

    public NamesConfiguration Names { get; init; } = new();

    public LogConfiguration Log { get; init; } = new();

    public KubernetesConfiguration Kubernetes { get; init; } = new();

    /// <summary>All that the file says and what holds where it says nothing, as it would be written; none for a configuration that was not read.</summary>
    public IReadOnlyList<Setting> Settings { get; init; } = [];
}

/// <summary>Where the agent serves DNS. Addresses missing on the node are put on <c>lo</c>.</summary>
public sealed record ListenConfiguration
{
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [IPAddress.Parse("169.254.20.10")];

    /// <summary>1 to 65535.</summary>
    public int Port { get; init; } = 53;

    /// <summary>UDP serving threads for each address, 1 to 256.</summary>
    public int Workers { get; init; } = Math.Min(Environment.ProcessorCount, 256);

    public IReadOnlyList<IPEndPoint> EndPoints => [.. Addresses.Select(address => new IPEndPoint(address, Port))];
}

/// <summary>HTTP for Prometheus and for probes of health.</summary>
public sealed record MetricsConfiguration
{
    public IPAddress Address { get; init; } = IPAddress.Any;

    /// <summary>0 to 65535; 0: nothing is served.</summary>
    public int Port { get; init; } = 9253;

    /// <summary>Whether the names of CoreDNS are exposed too.</summary>
    public bool CorednsNames { get; init; }
}

/// <summary>The kernel's part: where the hooks are attached and what they redirect.</summary>
public sealed record RedirectConfiguration
{
    public bool Enabled { get; init; } = true;

    /// <summary>The cgroup v2 directory to attach to; null: the node's <c>kubepods</c> cgroup.</summary>
    public string? Cgroup { get; init; }

    /// <summary>Where links and maps are pinned, on a bpffs.</summary>
    public string PinPath { get; init; } = "/sys/fs/bpf/lra";

    /// <summary>How long after the last agent's life the fallback is used; zero: for ever.</summary>
    public TimeSpan FallbackTtl { get; init; } = TimeSpan.Zero;

    /// <summary>What holds for a pod when neither it nor its namespace says anything.</summary>
    public RedirectMode Mode { get; init; } = RedirectMode.Enabled;

    public IReadOnlyList<FrontendConfiguration> Frontends { get; init; } = [];
}

/// <summary>Whether a pod's calls are redirected.</summary>
public enum RedirectMode
{
    Enabled,
    Disabled,
}

/// <summary>One address that pods use and that the kernel redirects: from the file, or from the cluster, which says more about it.</summary>
public sealed record FrontendConfiguration
{
    public required IPAddress Address { get; init; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; init; } = 53;

    public IReadOnlyList<TransportProtocol> Protocols { get; init; } = [TransportProtocol.Udp, TransportProtocol.Tcp];

    /// <summary>Where the kernel sends traffic when the agent is not alive and well; of the frontend's address family.</summary>
    public IReadOnlyList<IPEndPoint> Fallback { get; init; } = [];

    /// <summary>Pods of this node, which the kernel prefers to <see cref="Fallback"/>; of the frontend's address family.</summary>
    public IReadOnlyList<IPEndPoint> Local { get; init; } = [];

    /// <summary>Whether the agent itself serves it while it is alive and well.</summary>
    public bool IsServedByAgent { get; init; } = true;

    /// <summary>Whether a pod that is one of <see cref="Local"/> is left alone when it asks this frontend.</summary>
    public bool SkipRedirectFromBackend { get; init; }

    /// <summary>Those pods, ready or not, by what their cgroups are named after; null: those that the kernel was told before.</summary>
    public IReadOnlyList<string>? SkippedPods { get; init; }

    /// <summary>Whether <see cref="Fallback"/> are the cluster's own DNS servers, which cluster names are asked of.</summary>
    public bool IsClusterDns { get; init; }

    /// <summary>Whether there is an address, port and protocol that both stand for.</summary>
    public bool Overlaps(FrontendConfiguration other) =>
        Address.Equals(other.Address) && Port == other.Port && Protocols.Intersect(other.Protocols).Any();

    public bool SaysTheSameAs(FrontendConfiguration other) =>
        Address.Equals(other.Address)
        && (Port, IsServedByAgent, SkipRedirectFromBackend, IsClusterDns) == (other.Port, other.IsServedByAgent, other.SkipRedirectFromBackend, other.IsClusterDns)
        && Protocols.SequenceEqual(other.Protocols)
        && Fallback.SequenceEqual(other.Fallback)
        && Local.SequenceEqual(other.Local)
        && (SkippedPods == null) == (other.SkippedPods == null)
        && (SkippedPods ?? []).SequenceEqual(other.SkippedPods ?? []);
}

public enum TransportProtocol
{
    Tcp = 6,
    Udp = 17,
}

/// <summary>Which of a route's servers is asked first; the others in turn after it.</summary>
public enum ServerPolicy
{
    Random,
    RoundRobin,
    Sequential,

    /// <summary>The one whose answers come soonest.</summary>
    Fastest,
}

/// <summary>How a route's servers are asked.</summary>
public enum RouteProtocol
{
    Udp,
    Tcp,

    /// <summary>RFC 7858, over TCP.</summary>
    Tls,

    /// <summary>RFC 8484, over TCP.</summary>
    Https,
}

/// <summary>How questions of one zone are forwarded: to fixed servers or to those of a resolv.conf, never both.</summary>
public sealed record RouteConfiguration
{
    /// <summary>Everything to the node's own resolvers, over UDP.</summary>
    public static RouteConfiguration NodeResolvers { get; } = new() { Zone = "", ResolvConf = "/etc/resolv.conf" };

    /// <summary>Lower case, without the trailing dot; the root zone is the empty string.</summary>
    public required string Zone { get; init; }

    public IReadOnlyList<IPEndPoint> Servers { get; init; } = [];

    /// <summary>A resolv.conf whose servers are used, re-read when it changes; null when <see cref="Servers"/> is given.</summary>
    public string? ResolvConf { get; init; }

    /// <summary>TCP also below TLS and HTTPS.</summary>
    public TransportProtocol Protocol { get; init; } = TransportProtocol.Udp;

    /// <summary>How the servers prove who they are; null when they are asked in plain text.</summary>
    public TlsConfiguration? Tls { get; init; }

    public ServerPolicy Policy { get; init; }

    /// <summary>The most that is sent to all its servers together in a second, up to 1,000,000; 0: no bound.</summary>
    public int QueriesPerSecond { get; init; }
}

/// <summary>What a certificate is held against (RFC 8310 section 8.1).</summary>
/// <param name="ServerName">The name in the certificate of every server, lower case; null: each server's own IP address must be in it.</param>
/// <param name="CaFile">A file of certificates in PEM form, the only roots that are trusted; null: the system's roots.</param>
/// <param name="HttpsPath">Where the servers take queries as HTTP requests; null: they speak DNS over TLS.</param>
public sealed record TlsConfiguration(string? ServerName, string? CaFile, string? HttpsPath = null);

/// <summary>The one cache of all zones.</summary>
public sealed record CacheConfiguration
{
    /// <summary>The budget in bytes for all entries, 1 MiB to 64 GiB.</summary>
    public long Memory { get; init; } = 32 << 20;

    /// <summary>Seconds, 0 to 3600.</summary>
    public int MinTtl { get; init; } = 5;

    /// <summary>Seconds, at least <see cref="MinTtl"/>, at most 604800 (RFC 8767 section 4 caps at seven days).</summary>
    public int MaxTtl { get; init; } = 3600;

    /// <summary>Seconds, at most 10800 (RFC 2308 section 5 caps at three hours).</summary>
    public int MaxNegativeTtl { get; init; } = 1800;

    /// <summary>How long an expired answer may still be given when no upstream answers (RFC 8767), at most seven days; zero: never.</summary>
    public TimeSpan ServeStale { get; init; } = TimeSpan.FromHours(1);
}

/// <summary>What is kept on disk for the agent that is started next.</summary>
public sealed record SnapshotConfiguration
{
    /// <summary>The file; empty: none. Where the configuration file says nothing, <c>snapshot</c> beside the admin socket.</summary>
    public string Path { get; init; } = "/run/lra/snapshot";

    /// <summary>The most that cached answers may take of it, up to 256 MiB; 0: none is kept.</summary>
    public long CacheBytes { get; init; } = 4 << 20;
}

using System.Text.Json.Serialization;
using Agent.Cluster;

namespace Agent.Observability;

/// <summary>What a running agent says of itself.</summary>
internal sealed record AgentStatus
{
    public required string Version { get; init; }

    public required string Node { get; init; }

    public required int ProcessId { get; init; }

    public required double UptimeSeconds { get; init; }

    public required IReadOnlyList<string> Listen { get; init; }

    public required int Workers { get; init; }

    /// <summary>Null while the node redirects as configured.</summary>
    public required string? RedirectFailure { get; init; }

    /// <summary>What became of the configuration file.</summary>
    public required ReloadState Configuration { get; init; }

    public required QueryStatus Queries { get; init; }

    public required CacheStatus Cache { get; init; }

    public required IReadOnlyList<RouteStatus> Routes { get; init; }

    /// <summary>Null when no cluster is watched.</summary>
    public required ClusterStatus? Cluster { get; init; }

    /// <summary>Null when no cluster is watched, or this node does not redirect.</summary>
    public required PodsStatus? Pods { get; init; }

    /// <summary>How often a server was found to bring questions back to this agent.</summary>
    public required long LoopsFound { get; init; }

    /// <summary>What is wrong now, and what to do: a sentence each.</summary>
    public required IReadOnlyList<string> Troubles { get; init; }

    /// <param name="workers">Whether the serving threads turn.</param>
    public static AgentStatus Of(NodeAgent agent, HealthPart workers) => new()
    {
        Version = Commands.VersionCommand.Text,
        Node = agent.Configuration.Node,
        ProcessId = Environment.ProcessId,
        UptimeSeconds = Math.Round((DateTime.UtcNow - System.Diagnostics.Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds, 1),
        Listen = [.. agent.Configuration.Listen.EndPoints.Select(endPoint => endPoint.ToString())],
        Workers = agent.Configuration.Listen.Workers,
        RedirectFailure = agent.Redirect.Failure,
        Configuration = agent.Reloads,
        Queries = QueryStatus.Sum(agent.Threads.Select(thread => thread.Counters)),
        Cache = new CacheStatus(agent.Cache.Count, agent.Cache.Bytes, agent.Configuration.Cache.Memory, agent.Cache.Evictions),
        Routes = [.. agent.Routes.Routes.Select(RouteStatus.Of)],
        LoopsFound = agent.LoopsFound,
        Cluster = agent.Cluster == null ? null : ClusterStatus.Of(agent.Cluster, agent.Configuration.Kubernetes) with { NamesRestoredFrom = agent.NamesRestoredFrom },
        Pods = PodsStatus.Of(agent),
        Troubles = Trouble.Of(agent, workers),
    };
}

/// <summary>Queries by what became of them.</summary>
internal sealed record QueryStatus(long Hits, long Local, long Misses, long Stale, long Failed, long Refused, long Dropped, long Denied, long Limited)
{
    public static QueryStatus Sum(IEnumerable<Dns.ServingCounters> counters)
    {
        Dns.ServingCounters[] all = [.. counters];
        return new QueryStatus(
            all.Sum(one => one.Hits),
            all.Sum(one => one.Local),
            all.Sum(one => one.Misses),
            all.Sum(one => one.Stale),
            all.Sum(one => one.Failed),
            all.Sum(one => one.Refused),
            all.Sum(one => one.Dropped),
            all.Sum(one => one.Denied),
            all.Sum(one => one.Limited));
    }
}

/// <summary>What is known of the cluster.</summary>
/// <param name="IsSynced">Whether the API server was heard since the start; else what the kernel remembers holds.</param>
/// <param name="Failure">Why nothing is heard of it now; null when all is well.</param>
/// <param name="HasNames">Whether cluster names are answered from the agent's own table.</param>
/// <param name="Pods">On this node.</param>
internal sealed record ClusterStatus(
    bool IsSynced, string? Failure, bool HasNames, int Services, int Pods, string DnsService, IReadOnlyList<string> Addresses, IReadOnlyList<string> Servers)
{
    /// <summary>When the table was written, if it is that of an agent before this one, which holds until the API server has been heard; else null.</summary>
    public DateTimeOffset? NamesRestoredFrom { get; init; }

    public static ClusterStatus Of(Cluster.ClusterWatch cluster, Configuration.KubernetesConfiguration configuration) => new(
        cluster.IsSynced,
        cluster.Failure,
        cluster.HasNames,
        cluster.ServiceCount,
        cluster.Pods.All.Count,
        configuration.DnsService.ToString(),
        [.. cluster.KubeDns.Frontends.Select(frontend => frontend.Address.ToString()).Distinct()],
        [.. cluster.KubeDns.Servers.Select(server => server.ToString())]);
}

/// <summary>Which of this node's pods are redirected.</summary>
/// <param name="Mode">What holds for pods that say nothing: <c>enabled</c> or <c>disabled</c>.</param>
/// <param name="Exceptions">How many are opted out of it, or in where it is <c>disabled</c>; null: the cluster has not been heard, and what was before holds.</param>
/// <param name="Unreached">Those that should be redirected and are not.</param>
/// <param name="Unseen">Of how many it is not known whether they have a socket that was connected before: their processes are in another PID namespace.</param>
internal sealed record PodsStatus(string Mode, int? Exceptions, IReadOnlyList<UnreachedPod> Unreached, int Unseen)
{
    public static PodsStatus? Of(NodeAgent agent)
    {
        if (agent is not { Cluster: { } cluster, Redirect: { Cgroup: { } cgroup, Datapath: { } datapath } })
            return null;
        string mode = agent.Configuration.Redirect.Mode.ToString().ToLowerInvariant();
        if (cluster.PodModes is not { } modes)
            return new PodsStatus(mode, null, [], 0);
        (IReadOnlyList<UnreachedPod> unreached, int unseen) = UnreachedPods.Find(cluster.Pods.All.Where(modes.IsRedirected), cgroup, datapath.Frontends.Keys());
        return new PodsStatus(mode, modes.Exceptions.Count, unreached, unseen);
    }
}

internal sealed record CacheStatus(long Entries, long Bytes, long Budget, long Evictions)
{
    /// <summary>Whether answers are dropped for want of memory.</summary>
    [JsonIgnore]
    public bool IsFull => Evictions > 0 && Bytes > Budget / 10 * 9;
}

internal sealed record RouteStatus(string Zone, string Protocol, IReadOnlyList<ServerStatus> Servers)
{
    public static RouteStatus Of(Forwarding.Route route) =>
        new(Dns.DnsName.ToText(route.Zone), ProtocolOf(route), [.. route.Checks.Select(ServerStatus.Of)]);

    private static string ProtocolOf(Forwarding.Route route) =>
        route.Checks.Select(check => check.Server.Tls).OfType<Forwarding.TlsTunnel>().FirstOrDefault()?.Protocol ?? route.Protocol.ToString().ToUpperInvariant();
}

/// <summary>A route's server.</summary>
/// <param name="State"><c>ok</c>; <c>avoided</c>: it did not answer lately; <c>loop</c>: it brings questions back to this agent.</param>
internal sealed record ServerStatus(string Address, string State)
{
    public static ServerStatus Of(Forwarding.LoopCheck check) =>
        new(check.Server.EndPoint.ToString(), StateOf(check));

    public static string StateOf(Forwarding.LoopCheck check) => check.IsLoop ? "loop" : check.Server.IsAvoided ? "avoided" : "ok";

    public override string ToString() => $"{Address} {State}";
}

[JsonSerializable(typeof(IReadOnlyList<Configuration.Setting>))]
[JsonSerializable(typeof(IReadOnlyList<Configuration.SettingChange>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class SettingsJson : JsonSerializerContext;

[JsonSerializable(typeof(AgentStatus))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class StatusJson : JsonSerializerContext;

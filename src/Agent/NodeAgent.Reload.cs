using Agent.Configuration;
using Agent.Dns;
using Agent.Serving;

namespace Agent;

// Going by a changed configuration without a restart.
internal sealed partial class NodeAgent
{
    /// <summary>What became of the configuration file.</summary>
    public ReloadState Reloads { get; private set; } = new() { AppliedAt = DateTimeOffset.UtcNow };

    /// <summary>What the configuration in force says of names; null when nothing.</summary>
    public OwnNames? OwnNames => _rules.Current.Own;

    /// <summary>The table of the cluster's names; null when there is none.</summary>
    public ClusterNames? ClusterNames => _clusterNames.Current;

    /// <summary>
    /// Reads the configuration file again and goes by it, without losing a query or what is cached; or, when it has mistakes or changes what only
    /// a restart can change, goes on by what held before. Call from one thread at a time.
    /// </summary>
    public void Reload(string path)
    {
        IReadOnlyList<string> reasons = ConfigurationFile.TryRead(path, out AgentConfiguration? next, out IReadOnlyList<ConfigurationMistake> mistakes)
            ? [.. Reconfigure(next).Select(change => $"{path}: {change}, which takes a restart")]
            : [.. mistakes.Select(mistake => mistake.ToString())];
        Reloads = reasons.Count == 0
            ? Reloads with { AppliedAt = DateTimeOffset.UtcNow, Applied = Reloads.Applied + 1, RefusedAt = null, Reasons = [] }
            : Reloads with { RefusedAt = DateTimeOffset.UtcNow, Refused = Reloads.Refused + 1, Reasons = reasons };
        if (reasons.Count == 0)
            Reloaded(_logger, path);
        foreach (string reason in reasons)
            ReloadRefused(_logger, reason);
    }

    /// <returns>The changes that only a restart can make; when there are any, none was made.</returns>
    private IReadOnlyList<SettingChange> Reconfigure(AgentConfiguration next)
    {
        AgentConfiguration before = _configuration;
        IReadOnlyList<SettingChange> changes = SettingChange.Between(before.Settings, next.Settings);
        SettingChange[] impossible = [.. changes.Where(change => !change.IsLive)];
        if (impossible.Length > 0 || changes.Count == 0)
            return impossible;

        _configuration = next;
        _rules.Publish(RulesOf(next));
        _queryLog.Log(next.Log.Queries);
        _inFlight.Limit(next.Clients.InFlight);
        _threads.OfType<TcpServer>().Single().ConnectionsOfClient = next.Clients.TcpConnections;
        lock (_routes)
            _routes.Configure(next.Routes, OwnAddresses(next));
        Redirect.Reprogram();
        _cluster?.Reconfigure(next);
        // What was cached there follows from what held before.
        foreach (string zone in SettingChange.ZonesOf(before, next, changes))
            _cache.Flush(DnsName.FromText(zone));
        return [];
    }

    private static ServingRules RulesOf(AgentConfiguration configuration)
    {
        CacheConfiguration cache = configuration.Cache;
        return new ServingRules(
            configuration.Clients.Policy(),
            ConfiguredNames.Build(configuration.Names),
            new CacheLimits((uint)cache.MinTtl, (uint)cache.MaxTtl, (uint)cache.MaxNegativeTtl));
    }
}

/// <summary>What became of the configuration file since the start.</summary>
internal sealed record ReloadState
{
    public required DateTimeOffset AppliedAt { get; init; }

    /// <summary>Null: what the file says is in force.</summary>
    public DateTimeOffset? RefusedAt { get; init; }

    /// <summary>Why it was refused, a line for each mistake.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>Changes that were taken over.</summary>
    public long Applied { get; init; }

    /// <summary>Changes that were not.</summary>
    public long Refused { get; init; }
}

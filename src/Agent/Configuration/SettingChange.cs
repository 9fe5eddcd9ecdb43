namespace Agent.Configuration;

/// <summary>A setting that differs between two configurations.</summary>
/// <param name="Before">Null: it is new.</param>
/// <param name="After">Null: it is gone.</param>
public sealed record SettingChange(string Path, string? Before, string? After)
{
    // What a running agent can go by from one query to the next. All else is bound to sockets, memory, pins or the API server.
    private static readonly string[] _live =
    [
        "routes", "hosts", "rewrite", "zones", "dns64", "filterAaaa", "clients", "log", "redirect.frontends", "cache.minTtl", "cache.maxTtl", "cache.maxNegativeTtl",
        "lameduck",
    ];

    // What decides how a cached answer came to be.
    private static readonly string[] _cached = ["rewrite", "zones", "dns64"];

    /// <summary>Whether a running agent can go by it; else it takes a restart.</summary>
    public bool IsLive => IsUnder(_live);

    /// <summary>What differs, in the order of the second, then what only the first has.</summary>
    public static IReadOnlyList<SettingChange> Between(IReadOnlyList<Setting> before, IReadOnlyList<Setting> after)
    {
        Dictionary<string, string> old = before.ToDictionary(setting => setting.Path, setting => setting.Text);
        List<SettingChange> changes = [];
        foreach (Setting setting in after)
        {
            old.Remove(setting.Path, out string? text);
            if (text != setting.Text)
                changes.Add(new SettingChange(setting.Path, text, setting.Text));
        }

        changes.AddRange(before.Where(setting => old.ContainsKey(setting.Path)).Select(setting => new SettingChange(setting.Path, setting.Text, null)));
        return changes;
    }

    /// <summary>The zones whose cached answers a change may have made wrong. Those of the root's route are kept: other servers say the same.</summary>
    public static IEnumerable<string> ZonesOf(AgentConfiguration before, AgentConfiguration after, IReadOnlyList<SettingChange> changes)
    {
        HashSet<string> old = RoutesOf(before);
        HashSet<string> now = RoutesOf(after);
        old.SymmetricExceptWith(now);
        IEnumerable<string> routed = old.Select(route => route[..route.IndexOf('\n', StringComparison.Ordinal)]).Where(zone => zone.Length > 0);
        IEnumerable<string> named = changes.Any(change => change.IsUnder(_cached)) ? NamedBy(before.Names).Concat(NamedBy(after.Names)) : [];
        return routed.Concat(named).Distinct();
    }

    public override string ToString() => (Before, After) switch
    {
        (null, _) => $"{Path}: {After} is new",
        (_, null) => $"{Path}: {Before} is gone",
        _ => $"{Path}: {Before} becomes {After}",
    };

    /// <summary>The zone of each route, then all that is said of it.</summary>
    private static HashSet<string> RoutesOf(AgentConfiguration configuration) => [.. configuration.Routes.Select((route, index) =>
    {
        string prefix = $"routes[{index}].";
        return $"{route.Zone}\n{string.Join('\n', configuration.Settings.Where(setting => setting.Path.StartsWith(prefix, StringComparison.Ordinal)).Select(setting => $"{setting.Path[prefix.Length..]} {setting.Text}"))}";
    })];

    private static IEnumerable<string> NamedBy(NamesConfiguration names) =>
        [.. names.Rewrite.Select(rewrite => rewrite.From), .. names.Zones.Select(zone => zone.Zone), .. names.Dns64?.Zones ?? []];

    private bool IsUnder(string[] keys) => keys.Any(key =>
        Path.StartsWith(key, StringComparison.Ordinal) && (Path.Length == key.Length || Path[key.Length] is '.' or '['));
}

using System.Net;
using System.Text;

namespace Agent.Configuration.Corefile;

/// <summary>Writes a draft as the agent's YAML.</summary>
internal static class DraftWriter
{
    public static string Write(Draft draft, string source)
    {
        StringBuilder yaml = new();
        yaml.Append($"# Written by 'lra config convert' from {Quoting.OneLine(Path.GetFileName(source))}.\n");
        WriteServing(draft, yaml);
        WriteRoutes(draft, yaml);
        Mapping(yaml, "cache", [("minTtl", $"{draft.MinTtl}"), ("maxTtl", $"{draft.MaxTtl}"), ("maxNegativeTtl", $"{draft.MaxNegativeTtl}"), ("serveStale", draft.ServeStale)]);
        Mapping(yaml, "clients", [.. ((string[])["allow", "deny", "drop"]).Select(list =>
            (list, ListOf(draft.Clients.Where(rule => rule.Value == list).Select(rule => rule.Key.ToString()))))]);
        Items(yaml, "hosts", draft.Hosts.Select(host =>
            $"address: {Text(host.Key.Address.ToString())}, names: {ListOf(host.Value)}{(host.Key.Ttl == 3600 ? "" : $", ttl: {host.Key.Ttl}")}"));
        Items(yaml, "rewrite", draft.Rewrites.Select(rewrite => $"from: {ZoneText(rewrite.From)}, to: {ZoneText(rewrite.To)}"));
        Items(yaml, "zones", draft.Zones.Select(zone => zone.Code == null
            ? $"zone: {ZoneText(zone.Zone)}, records: {ListOf(zone.Records)}"
            : $"zone: {ZoneText(zone.Zone)}, rcode: {zone.Code}{(zone.Types.Count > 0 ? $", types: {ListOf(zone.Types)}" : "")}"));
        if (draft.Dns64Prefix != null)
            yaml.Append($"dns64: {{ prefix: {Text(draft.Dns64Prefix)}, zones: {ListOf(draft.Dns64Zones.Select(ZoneName))} }}\n");
        if (draft.FilterAaaa.Count > 0)
            yaml.Append($"filterAaaa: {ListOf(draft.FilterAaaa.Select(ZoneName))}\n");
        return yaml.ToString();
    }

    private static void WriteServing(Draft draft, StringBuilder yaml)
    {
        string? addresses = draft.Listen.Count > 0 ? ListOf(draft.Listen.Select(address => address.ToString())) : null;
        Mapping(yaml, "listen", [("addresses", addresses), ("port", draft.Port == 53 ? null : $"{draft.Port}"), ("workers", $"{draft.Workers}")]);
        if (draft.Metrics is { } metrics)
            Mapping(yaml, "metrics", [("address", Text(metrics.Address.ToString())), ("port", $"{metrics.Port}")]);
        if (draft.Frontends.Count == 0)
        {
            yaml.Append("redirect: { enabled: false }   # give frontends to redirect the pods: kubectl -n kube-system get svc,endpointslices -l k8s-app=kube-dns\n");
            return;
        }

        yaml.Append("redirect:\n  frontends:                      # give each a fallback, the kube-dns pods: fallback: [\"10.244.0.2:53\"]\n");
        foreach (IPAddress frontend in draft.Frontends)
            yaml.Append($"    - {{ address: {Text(frontend.ToString())} }}\n");
    }

    private static void WriteRoutes(Draft draft, StringBuilder yaml)
    {
        foreach (string zone in draft.ZonesWithoutServers.Distinct())
            yaml.Append($"# routes: - {{ zone: {ZoneText(zone)}, servers: [...], protocol: tcp }}   # fill in the addresses of the kube-dns pods\n");
        Items(yaml, "routes", draft.Routes.Select(route => string.Concat(
            $"zone: {ZoneText(route.Zone)}, ",
            route.ResolvConf is { } file ? $"resolvConf: {Text(file)}" : $"servers: {ListOf(route.Servers)}",
            $", protocol: {route.Protocol}",
            route.TlsServerName is { } name ? $", tlsServerName: {Text(name)}" : "",
            route.TlsCa is { } ca ? $", tlsCa: {Text(ca)}" : "",
            route.Policy is { } policy ? $", policy: {policy}" : "")));
    }

    private static void Mapping(StringBuilder yaml, string key, (string Key, string? Value)[] entries)
    {
        string[] given = [.. entries.Where(entry => entry.Value is not (null or "" or "[]")).Select(entry => $"{entry.Key}: {entry.Value}")];
        if (given.Length > 0)
            yaml.Append($"{key}: {{ {string.Join(", ", given)} }}\n");
    }

    private static void Items(StringBuilder yaml, string key, IEnumerable<string> items)
    {
        bool isFirst = true;
        foreach (string item in items)
        {
            yaml.Append(isFirst ? $"{key}:\n" : "").Append($"  - {{ {item} }}\n");
            isFirst = false;
        }
    }

    private static string ListOf(IEnumerable<string> items) => $"[{string.Join(", ", items.Select(Text))}]";

    private static string ZoneName(string zone) => zone.Length == 0 ? "." : zone;

    private static string ZoneText(string zone) => Text(ZoneName(zone));

    /// <summary>A scalar, in quotes unless nothing in it could mean something else.</summary>
    private static string Text(string value)
    {
        bool isPlain = value.Length > 0 && char.IsAsciiLetterOrDigit(value[0]) && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        if (isPlain && value.ToUpperInvariant() is not ("NULL" or "TRUE" or "FALSE"))
            return value;
        return $"\"{string.Concat(value.Select(c => c is '"' or '\\' ? $"\\{c}" : char.IsControl(c) ? $"\\u{(int)c:X4}" : $"{c}"))}\"";
    }
}

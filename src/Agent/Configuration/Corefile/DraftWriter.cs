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
            (list, Setting.ListOf(draft.Clients.Where(rule => rule.Value == list).Select(rule => rule.Key.ToString()))))]);
        Items(yaml, "hosts", draft.Hosts.Select(host =>
            $"address: {Setting.Scalar(host.Key.Address.ToString())}, names: {Setting.ListOf(host.Value)}{(host.Key.Ttl == 3600 ? "" : $", ttl: {host.Key.Ttl}")}"));
        Items(yaml, "rewrite", draft.Rewrites.Select(rewrite => $"from: {ZoneText(rewrite.From)}, to: {ZoneText(rewrite.To)}"));
        Items(yaml, "zones", draft.Zones.Select(zone => zone.Code == null
            ? $"zone: {ZoneText(zone.Zone)}, records: {Setting.ListOf(zone.Records)}"
            : $"zone: {ZoneText(zone.Zone)}, rcode: {zone.Code}{(zone.Types.Count > 0 ? $", types: {Setting.ListOf(zone.Types)}" : "")}"));
        if (draft.Dns64Prefix != null)
            yaml.Append($"dns64: {{ prefix: {Setting.Scalar(draft.Dns64Prefix)}, zones: {Setting.ListOf(draft.Dns64Zones.Select(ZoneName))} }}\n");
        if (draft.FilterAaaa.Count > 0)
            yaml.Append($"filterAaaa: {Setting.ListOf(draft.FilterAaaa.Select(ZoneName))}\n");
        return yaml.ToString();
    }

    private static void WriteServing(Draft draft, StringBuilder yaml)
    {
        if (draft.Kubernetes is { } kubernetes)
            WriteKubernetes(kubernetes, yaml);
        string? addresses = draft.Listen.Count > 0 ? Setting.ListOf(draft.Listen.Select(address => address.ToString())) : null;
        Mapping(yaml, "listen", [("addresses", addresses), ("port", draft.Port == 53 ? null : $"{draft.Port}"), ("workers", $"{draft.Workers}")]);
        if (draft.Metrics is { } metrics)
            Mapping(yaml, "metrics", [("address", Setting.Scalar(metrics.Address.ToString())), ("port", $"{metrics.Port}")]);
        Mapping(yaml, "log", [("queries", draft.LoggedQueries)]);
        if (draft.Frontends.Count == 0 && draft.Kubernetes != null)
            return; // they are learned
        if (draft.Frontends.Count == 0)
        {
            yaml.Append("redirect: { enabled: false }   # give frontends to redirect the pods: kubectl -n kube-system get svc,endpointslices -l k8s-app=kube-dns\n");
            return;
        }

        yaml.Append("redirect:\n  frontends:                      # give each a fallback, the kube-dns pods: fallback: [\"10.244.0.2:53\"]\n");
        foreach (IPAddress frontend in draft.Frontends)
            yaml.Append($"    - {{ address: {Setting.Scalar(frontend.ToString())} }}\n");
    }

    private static void WriteKubernetes(KubernetesDraft kubernetes, StringBuilder yaml)
    {
        if (kubernetes.Domain != "cluster.local")
            yaml.Append($"clusterDomain: {Setting.Scalar(kubernetes.Domain)}\n");
        Mapping(yaml, "kubernetes",
        [
            ("enabled", "true"), ("kubeconfig", kubernetes.Kubeconfig is { } file ? Setting.Scalar(file) : null), ("clusterNames", kubernetes.Forwards ? "forward" : null),
            ("podNames", kubernetes.PodNames), ("ttl", $"{kubernetes.Ttl}"),
        ]);
    }

    private static void WriteRoutes(Draft draft, StringBuilder yaml)
    {
        foreach (string zone in draft.ZonesWithoutServers.Distinct())
            yaml.Append($"# routes: - {{ zone: {ZoneText(zone)}, servers: [...], protocol: tcp }}   # fill in the addresses of the kube-dns pods\n");
        Items(yaml, "routes", draft.Routes.Select(route => string.Concat(
            $"zone: {ZoneText(route.Zone)}, ",
            route.ResolvConf is { } file ? $"resolvConf: {Setting.Scalar(file)}" : $"servers: {Setting.ListOf(route.Servers)}",
            $", protocol: {route.Protocol}",
            route.TlsServerName is { } name ? $", tlsServerName: {Setting.Scalar(name)}" : "",
            route.TlsCa is { } ca ? $", tlsCa: {Setting.Scalar(ca)}" : "",
            route.HttpsPath is { } path ? $", httpsPath: {Setting.Scalar(path)}" : "",
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

    private static string ZoneName(string zone) => zone.Length == 0 ? "." : zone;

    private static string ZoneText(string zone) => Setting.Scalar(ZoneName(zone));
}

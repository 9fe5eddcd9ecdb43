using Agent.Configuration;

namespace Agent.Tests.Configuration;

/// <summary>What holds, as it would be written: <c>lra config show</c> and what a running agent compares a changed file with.</summary>
public sealed class SettingsTests
{
    private const string Everything = """
        clusterDomain: corp.test
        node: n1
        listen: { addresses: [169.254.20.10, "fd00::a"], port: 5353, workers: 3 }
        admin: { socket: /run/x/admin.sock }
        metrics: { address: "::", port: 9000 }
        health: { address: 127.0.0.2, port: 9001 }
        redirect:
          cgroup: /sys/fs/cgroup/a b
          pinPath: /sys/fs/bpf/x
          frontends: [ { address: 10.96.0.10, protocols: [TCP], fallback: ["10.244.0.2:53"] }, { address: "fd00:10:96::a" } ]
        routes:
          - { zone: corp.test, servers: ["10.244.0.2:53", "[fd00::2]:53"], protocol: tcp, policy: round-robin, queriesPerSecond: 7 }
          - { zone: secret.test, servers: [192.0.2.1], protocol: tls, tlsServerName: dns.example }
        snapshot: { path: /var/lib/x/snapshot, cacheBytes: 1MiB }
        cache: { memory: 1500KiB, minTtl: 1, maxTtl: 2, maxNegativeTtl: 3, serveStale: 90s }
        clients: { allow: [10.0.0.0/8], deny: ["fd00::/8"], drop: [192.0.2.0/24], queriesPerSecond: 5, inFlight: 6, tcpConnections: 7, responseBytesPerSecond: 8 }
        hosts: [ { address: 10.1.2.3, names: [a.test, b.test] } ]
        rewrite: [ { from: ".", to: x.test } ]
        zones:
          - { zone: blocked.test, rcode: NXDOMAIN, types: [A, TYPE65] }
          - { zone: static.test, records: ["* 60 TXT \"a \\\"quoted\\\" #word\"", "@ MX 10 mail"] }
        dns64: { exclude: [] }
        filterAaaa: [ six.test, "." ]
        kubernetes: { enabled: true, kubeconfig: /etc/lra/kubeconfig, dnsService: a/b, clusterNames: authoritative, podNames: verified, ttl: 9, autopath: false, resolvConf: /run/x/resolv.conf }
        """;

    [Theory]
    [InlineData(Everything)]
    [InlineData(ConfigurationFileTests.Example)]
    [InlineData("redirect: { enabled: false }")]
    public void Settings_read_as_a_file_are_the_same_settings(string file)
    {
        AgentConfiguration first = Read(file);
        string yaml = Setting.ToYaml(first.Settings);
        AgentConfiguration second = Read(yaml);

        Assert.Equal(first.Settings, second.Settings);
        Assert.Equal(first.Names.Zones.SelectMany(zone => zone.Records.Select(record => record.Data)), second.Names.Zones.SelectMany(zone => zone.Records.Select(record => record.Data)));
        Assert.Equal(first.Routes.Select(route => (route.Zone, route.Policy, route.Tls, route.ResolvConf)), second.Routes.Select(route => (route.Zone, route.Policy, route.Tls, route.ResolvConf)));
        Assert.Equal(first.Cache, second.Cache);
        Assert.Equal(first.Snapshot, second.Snapshot);
        Assert.Equal(first.Kubernetes, second.Kubernetes);
    }

    [Fact]
    public void Defaults_are_settings_too_and_what_the_file_says_stands_as_it_is_written()
    {
        string[] lines = [.. Read("redirect: { enabled: False }").Settings.Select(setting => $"{setting.Path}={setting.Text}")];

        Assert.Contains("redirect.enabled=False", lines);
        Assert.Contains("cache.memory=32MiB", lines);
        Assert.Contains("cache.serveStale=1h", lines);
        Assert.Contains("listen.addresses=[169.254.20.10]", lines);
        Assert.Contains("routes[0].resolvConf=\"/etc/resolv.conf\"", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("dns64", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("hosts: [ { address: 10.1.2.4, names: [a.test, b.test] } ]", "hosts[0].address", true)]
    [InlineData("clients: { queriesPerSecond: 9 }", "clients.queriesPerSecond", true)]
    [InlineData("cache: { maxTtl: 9 }", "cache.maxTtl", true)]
    [InlineData("cache: { memory: 9MiB }", "cache.memory", false)]
    [InlineData("listen: { port: 99 }", "listen.port", false)]
    [InlineData("snapshot: { path: /x }", "snapshot.path", false)]
    [InlineData("health: { port: 99 }", "health.port", false)]
    [InlineData("redirect: { enabled: false, frontends: [ { address: 10.96.0.10 } ] }", "redirect.frontends[0].address", true)]
    [InlineData("redirect: { enabled: false, pinPath: /sys/fs/bpf/y }", "redirect.pinPath", false)]
    public void A_change_takes_a_restart_only_where_sockets_memory_or_pins_depend_on_it(string file, string path, bool isLive)
    {
        string redirect = file.StartsWith("redirect", StringComparison.Ordinal) ? "" : "redirect: { enabled: false }\n";
        IReadOnlyList<SettingChange> changes = SettingChange.Between(Read("redirect: { enabled: false }").Settings, Read(redirect + file).Settings);

        Assert.Equal(isLive, changes.Single(change => change.Path == path).IsLive);
        Assert.Equal(isLive, changes.All(change => change.IsLive));
    }

    [Fact]
    public void Cached_answers_are_wrong_in_the_zones_of_changed_routes_and_names_and_nowhere_else()
    {
        AgentConfiguration before = Read("""
            redirect: { enabled: false }
            routes: [ { zone: same.test, servers: [192.0.2.1] }, { zone: moved.test, servers: [192.0.2.1] }, { zone: gone.test, servers: [192.0.2.1] } ]
            """);
        AgentConfiguration after = Read("""
            redirect: { enabled: false }
            routes: [ { zone: new.test, servers: [192.0.2.1] }, { zone: moved.test, servers: [192.0.2.2] }, { zone: same.test, servers: [192.0.2.1] }, { zone: ., servers: [192.0.2.9] } ]
            rewrite: [ { from: old.test, to: same.test } ]
            """);

        Assert.Equal(["gone.test", "moved.test", "new.test", "old.test"], SettingChange.ZonesOf(before, after, SettingChange.Between(before.Settings, after.Settings)).Order());
    }

    private static AgentConfiguration Read(string yaml)
    {
        Assert.True(ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? configuration, out IReadOnlyList<ConfigurationMistake> mistakes), string.Join('\n', mistakes));
        return configuration;
    }
}

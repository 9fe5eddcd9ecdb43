using System.Net;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Configuration;

public sealed class ConfigurationFileTests
{
    /// <summary>DESIGN section 10, letter for letter.</summary>
    public const string Example = """
        clusterDomain: cluster.local
        node: w1
        listen:
          addresses: [169.254.20.10]      # put on `lo` by the agent when missing, IPv6 too
          port: 53
          workers: 1                      # default: number of cores
        admin: { socket: /run/lra/admin.sock }
        metrics: { address: 0.0.0.0, port: 9253 }
        redirect:
          enabled: true
          cgroup: /sys/fs/cgroup/kubepods.slice   # default: found
          pinPath: /sys/fs/bpf/lra
          frontends:                      # static ones; policies add to them
            - { address: 10.96.0.10, port: 53, protocols: [UDP, TCP], fallback: ["10.244.0.2:53"] }
        routes:                           # longest zone wins
          - { zone: cluster.local, servers: ["10.244.0.2:53"], protocol: tcp }
          - { zone: ".", resolvConf: /etc/resolv.conf, protocol: udp }
        cache: { memory: 32MiB, minTtl: 5, maxTtl: 3600, maxNegativeTtl: 1800, serveStale: 1h }
        kubernetes: { enabled: false, kubeconfig: "" }   # "": in-cluster
        """;

    [Fact]
    public void The_example_of_the_design_has_the_values_that_it_shows()
    {
        AgentConfiguration read = Read(Example);

        Assert.Equal("cluster.local", read.ClusterDomain);
        Assert.Equal("w1", read.Node);
        Assert.Equal([IPAddress.Parse("169.254.20.10")], read.Listen.Addresses);
        Assert.Equal((53, 1), (read.Listen.Port, read.Listen.Workers));
        Assert.Equal("/run/lra/admin.sock", read.AdminSocket);
        Assert.Equal(TimeSpan.Zero, read.Redirect.FallbackTtl);
        Assert.Equal(new MetricsConfiguration { Address = IPAddress.Any, Port = 9253, CorednsNames = false }, read.Metrics);
        Assert.Equal(new HealthConfiguration { Address = IPAddress.Loopback, Port = 9254 }, read.Health);
        Assert.Equal(TimeSpan.Zero, read.Lameduck);
        Assert.Equal((true, "/sys/fs/cgroup/kubepods.slice", "/sys/fs/bpf/lra"), (read.Redirect.Enabled, read.Redirect.Cgroup, read.Redirect.PinPath));
        Assert.Equal(new CacheConfiguration { Memory = 33_554_432, MinTtl = 5, MaxTtl = 3600, MaxNegativeTtl = 1800, ServeStale = TimeSpan.FromMinutes(60) }, read.Cache);

        FrontendConfiguration frontend = Assert.Single(read.Redirect.Frontends);
        Assert.Equal((IPAddress.Parse("10.96.0.10"), 53), (frontend.Address, frontend.Port));
        Assert.Equal([TransportProtocol.Udp, TransportProtocol.Tcp], frontend.Protocols);
        Assert.Equal([IPEndPoint.Parse("10.244.0.2:53")], frontend.Fallback);

        Assert.Equal(["cluster.local", ""], read.Routes.Select(route => route.Zone));
        Assert.Equal([TransportProtocol.Tcp, TransportProtocol.Udp], read.Routes.Select(route => route.Protocol));
        Assert.Equal([null, "/etc/resolv.conf"], read.Routes.Select(route => route.ResolvConf));
        Assert.Equal([IPEndPoint.Parse("10.244.0.2:53")], read.Routes[0].Servers);
        Assert.Empty(read.Routes[1].Servers);
    }

    [Fact]
    public void What_the_file_leaves_out_has_the_defaults_of_the_records()
    {
        AgentConfiguration read = Read("redirect: { frontends: [ { address: 10.96.0.10 } ] }");
        AgentConfiguration defaults = new();

        // Lists are equal to the records by reference alone.
        Assert.Equal(defaults.Listen.Addresses, read.Listen.Addresses);
        Assert.Equal(defaults.Listen, read.Listen with { Addresses = defaults.Listen.Addresses });
        Assert.Equal(defaults.Redirect, read.Redirect with { Frontends = defaults.Redirect.Frontends });
        Assert.Equal(defaults.Routes, read.Routes);
        Assert.Equal(defaults, read with { Listen = defaults.Listen, Redirect = defaults.Redirect, Routes = defaults.Routes, Settings = defaults.Settings });

        FrontendConfiguration frontend = Assert.Single(read.Redirect.Frontends);
        FrontendConfiguration defaultFrontend = new() { Address = frontend.Address };
        Assert.Equal(defaultFrontend.Protocols, frontend.Protocols);
        Assert.Equal(defaultFrontend, frontend with { Protocols = defaultFrontend.Protocols, Fallback = defaultFrontend.Fallback });
        Assert.Empty(frontend.Fallback);
    }

    [Fact]
    public void Questions_without_a_route_go_to_the_nodes_own_resolvers()
    {
        Assert.Same(RouteConfiguration.NodeResolvers, Assert.Single(Read("redirect: { enabled: false }").Routes));
        Assert.Equal(["lab", ""], Read("""
            redirect: { enabled: false }
            routes: [ { zone: lab, servers: [10.0.0.1] } ]
            """).Routes.Select(route => route.Zone));
    }

    [Fact]
    public void A_route_for_the_root_replaces_the_nodes_own_resolvers()
    {
        RouteConfiguration route = Assert.Single(Read("""
            redirect: { enabled: false }
            routes: [ { zone: ., servers: [10.0.0.1, "10.0.0.2:5353", fd00::1, "[fd00::2]", "[fd00::3]:5353"], protocol: TCP } ]
            """).Routes);

        Assert.Equal("", route.Zone);
        Assert.Equal(["10.0.0.1:53", "10.0.0.2:5353", "[fd00::1]:53", "[fd00::2]:53", "[fd00::3]:5353"], route.Servers.Select(server => server.ToString()));
    }

    [Theory]
    [InlineData("", ServerPolicy.Random, 0)]
    [InlineData(", policy: random, queriesPerSecond: 0", ServerPolicy.Random, 0)]
    [InlineData(", policy: round-robin, queriesPerSecond: 1", ServerPolicy.RoundRobin, 1)]
    [InlineData(", policy: sequential", ServerPolicy.Sequential, 0)]
    [InlineData(", policy: fastest, queriesPerSecond: 1000000", ServerPolicy.Fastest, 1_000_000)]
    public void A_route_has_a_policy_and_a_rate(string keys, ServerPolicy policy, int rate)
    {
        RouteConfiguration route = Read($"redirect: {{ enabled: false }}\nroutes: [ {{ zone: ., resolvConf: /etc/resolv.conf{keys} }} ]").Routes[0];

        Assert.Equal((policy, rate), (route.Policy, route.QueriesPerSecond));
    }

    [Fact]
    public void A_server_may_be_a_frontend_while_nothing_is_redirected() =>
        Assert.Single(Read("""
            redirect: { enabled: false, frontends: [ { address: 10.96.0.10 } ] }
            routes: [ { zone: lab, servers: [10.96.0.10] }, { zone: ., servers: [10.0.0.1] } ]
            """).Routes[0].Servers);

    [Fact]
    public void A_route_over_TLS_has_port_853_where_none_is_given_and_what_certificates_are_held_against()
    {
        using CertificateAuthority authority = new();
        IReadOnlyList<RouteConfiguration> routes = Read($$"""
            redirect: { enabled: false }
            routes:
              - { zone: ., protocol: tls, servers: [10.0.0.1, "10.0.0.2:53", fd00::1], tlsServerName: DNS.Example., tlsCa: {{authority.RootFile}} }
              - { zone: a, protocol: TLS, servers: ["[fd00::2]"] }
              - { zone: b, protocol: tcp, servers: [10.0.0.1] }
            """).Routes;

        Assert.Equal(["10.0.0.1:853", "10.0.0.2:53", "[fd00::1]:853"], routes[0].Servers.Select(server => server.ToString()));
        Assert.Equal([new TlsConfiguration("dns.example", authority.RootFile), new TlsConfiguration(null, null), null], routes.Select(route => route.Tls));
        Assert.All(routes, route => Assert.Equal(TransportProtocol.Tcp, route.Protocol));
        Assert.Equal("[fd00::2]:853", Assert.Single(routes[1].Servers).ToString());
        Assert.Equal("10.0.0.1:53", Assert.Single(routes[2].Servers).ToString());
    }

    [Fact]
    public void One_address_may_have_a_frontend_for_each_protocol()
    {
        AgentConfiguration read = Read("""
            redirect:
              frontends:
                - { address: 10.96.0.10, protocols: [udp], fallback: [10.244.0.2] }
                - { address: 10.96.0.10, protocols: [Tcp], fallback: [10.244.0.3] }
            """);

        Assert.Equal(2, read.Redirect.Frontends.Count);
    }

    [Theory]
    [InlineData("clusterDomain: Cluster.Local.", "cluster.local")]
    [InlineData("clusterDomain: \"xn--e1afmkfd.example\"", "xn--e1afmkfd.example")]
    public void A_domain_is_kept_in_lower_case_without_the_trailing_dot(string line, string expected) =>
        Assert.Equal(expected, Read($"redirect: {{ enabled: false }}\n{line}").ClusterDomain);

    [Theory]
    [InlineData("1048576", 1_048_576)]
    [InlineData("2000KiB", 2_048_000)]
    [InlineData("32MiB", 33_554_432)]
    [InlineData("32Mi", 33_554_432)]
    [InlineData("32 MiB", 33_554_432)]
    [InlineData("2M", 2_000_000)]
    [InlineData("64GiB", 68_719_476_736)]
    public void A_size_is_bytes_with_binary_or_decimal_units(string text, long bytes) =>
        Assert.Equal(bytes, Read($"redirect: {{ enabled: false }}\ncache: {{ memory: {text} }}").Cache.Memory);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("90s", 90_000)]
    [InlineData("30m", 1_800_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("168h", 604_800_000)]
    public void A_duration_is_numbers_with_units(string text, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Read($"redirect: {{ enabled: false }}\ncache: {{ serveStale: {text} }}").Cache.ServeStale);

    [Fact]
    public void A_byte_order_mark_and_Windows_line_ends_are_no_mistake()
    {
        using TemporaryFile file = new([0xEF, 0xBB, 0xBF, .. "node: w7\r\nredirect: { enabled: false }\r\n"u8]);

        Assert.True(ConfigurationFile.TryRead(file.Path, out AgentConfiguration? read, out _));
        Assert.Equal("w7", read.Node);
    }

    private static AgentConfiguration Read(string yaml)
    {
        bool isValid = ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.Empty(mistakes);
        Assert.True(isValid);
        return read!;
    }
}

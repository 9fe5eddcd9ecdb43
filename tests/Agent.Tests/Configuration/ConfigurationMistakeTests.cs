using Agent.Configuration;

namespace Agent.Tests.Configuration;

public sealed class ConfigurationMistakeTests
{
    /// <summary>Goes before a case that is about something else than the redirect, on one line.</summary>
    private const string Off = "redirect: { enabled: false }\n";

    public static TheoryData<string, int, string, string> Syntax => new()
    {
        { "- 1", 1, "", "is a list; a configuration is a mapping" },
        { "lra", 1, "", "is a single value; a configuration is a mapping" },
        { Off + "node: \"w1", 2, "", "is not YAML: While scanning a quoted scalar" },
        { Off + "listen:\n  port: 53\n   workers: 1", 4, "", "is not YAML" },
        { Off + "listen:\n\n\tport: 53", 4, "", "is not YAML: a tab indents this line" },
        { Off + "listen: [ 1\nnode: w1", 3, "", "a '[' or '{' may be open above" },
        { Off + "node: w\0", 2, "", "the character U+0000 is not text" },
        { Off + "node: w1\n---\nnode: w2", 3, "", "a second document starts here" },
        { Off + "node: w1\nnode: w2", 3, "node", "is given twice; the first is on line 2" },
        { Off + "cache:\n  minTtl: 1\n  minTtl: 1", 4, "cache.minTtl", "is given twice; the first is on line 3" },
        { Off + "node: &name w1", 2, "node", "anchors (&) are not supported" },
        { Off + "node: *name", 2, "node", "aliases (*) are not supported" },
        { Off + "node: !!str w1", 2, "node", "tags (!) are not supported" },
        { Off + "? [node]\n: w1", 2, "", "a list cannot be a key" },
    };

    public static TheoryData<string, int, string, string> Kinds => new()
    {
        { Off + "listen: 53", 2, "listen", "is a single value where a mapping is wanted" },
        { Off + "listen:\n", 2, "listen", "is empty where a mapping is wanted" },
        { Off + "listen:\n  addresses: 10.0.0.1", 3, "listen.addresses", "is a single value where a list is wanted" },
        { Off + "listen:\n  addresses: [ { a: 1 } ]", 3, "listen.addresses[0]", "is a mapping where a single value is wanted" },
        { Off + "listen:\n  addresses:\n    -", 4, "listen.addresses[0]", "is empty where a single value is wanted" },
        { Off + "listen:\n  port: ~", 3, "listen.port", "is empty where a single value is wanted" },
        { Off + "routes:\n  - lab", 3, "routes[0]", "is a single value where a mapping is wanted" },
        { Off + "routes:\n  zone: lab", 3, "routes", "is a mapping where a list is wanted" },
        { Off + "routes:\n  - { zone: lab, servers: [\n      10.0.0.1: 53 ] }", 4, "routes[0].servers[0]", "is a mapping where a single value is wanted" },
        { Off + "lisen:\n  port: 53", 2, "lisen", "is not a known key; did you mean 'listen'?" },
        { Off + "cache:\n  max_ttl: 5", 3, "cache.max_ttl", "did you mean 'maxTtl'?" },
        { Off + "cache:\n  prefetch: 5", 3, "cache.prefetch", "known here: memory, minTtl, maxTtl, maxNegativeTtl, serveStale" },
        { Off + "routes:\n  - { zone: lab, server: 10.0.0.1, servers: [10.0.0.1] }", 3, "routes[0].server", "did you mean 'servers'?" },
    };

    public static TheoryData<string, int, string, string> Values => new()
    {
        { "redirect: { enabled: yes, frontends: [ { address: 10.0.0.1 } ] }", 1, "redirect.enabled", "'yes' is neither true nor false" },
        { Off + "listen: { port: 0 }", 2, "listen.port", "'0' is not a port from 1 to 65535" },
        { Off + "listen: { port: 65536 }", 2, "listen.port", "not a port" },
        { Off + "listen: { port: 053 }", 2, "listen.port", "not a port" },
        { Off + "listen: { port: 0x35 }", 2, "listen.port", "not a port" },
        { Off + "listen: { port: +53 }", 2, "listen.port", "not a port" },
        { Off + "listen: { port: 99999999999999999999 }", 2, "listen.port", "not a port" },
        { Off + "listen: { port: \"\" }", 2, "listen.port", "not a port" },
        { Off + "listen: { workers: 257 }", 2, "listen.workers", "is not a whole number from 1 to 256" },
        { Off + "metrics: { address: localhost, port: 9253 }", 2, "metrics.address", "is not an IP address" },
        { Off + "health: { port: 70000 }", 2, "health.port", "65535" },
        { Off + "health: { port: 9253 }", 2, "health.port", "9253 is metrics.port too" },
        { Off + "metrics: { address: \"::\", port: 9254 }", 1, "health.port", "9254 is metrics.port too" },
        { Off + "clusterDomain: .", 2, "clusterDomain", "the root cannot be a cluster's domain" },
        { Off + "clusterDomain: a..b", 2, "clusterDomain", "labels have 1 to 63 characters" },
        { Off + "clusterDomain: *.b", 2, "clusterDomain", "aliases (*) are not supported" },
        { Off + "clusterDomain: '*.b'", 2, "clusterDomain", "use letters, digits" },
        { Off + "clusterDomain: " + new string('a', 64), 2, "clusterDomain", "labels have 1 to 63 characters" },
        { Off + "clusterDomain: " + string.Join('.', Enumerable.Repeat("ab", 85)), 2, "clusterDomain", "longer than the 255 octets" },
        { Off + "node: 'w 1'", 2, "node", "is not a node's name" },
        { Off + "admin: { socket: run/lra.sock }", 2, "admin.socket", "is not an absolute path" },
        { Off + "snapshot: { path: snapshot }", 2, "snapshot.path", "is not an absolute path" },
        { Off + "snapshot: { cacheBytes: 1GiB }", 2, "snapshot.cacheBytes", "is not from 0 to 256MiB" },
        { Off + "admin: { socket: /" + new string('a', 91) + " }", 2, "admin.socket", "is longer than the 91 bytes" },
        { "redirect: { enabled: false, cgroup: kubepods }", 1, "redirect.cgroup", "is not an absolute path" },
        { "redirect: { enabled: false, pinPath: \"/sys\\0\" }", 1, "redirect.pinPath", "is not an absolute path" },
        { Off + "cache: { memory: 1023KiB }", 2, "cache.memory", "is not from 1MiB to 64GiB" },
        { Off + "cache: { memory: 999999999999999999GiB }", 2, "cache.memory", "is not from 1MiB to 64GiB" },
        { Off + "cache: { memory: 9999999999999999999999 }", 2, "cache.memory", "is not from 1MiB to 64GiB" },
        { Off + "cache: { memory: 1.5GiB }", 2, "cache.memory", "is not a size" },
        { Off + "cache: { memory: 32mb }", 2, "cache.memory", "is not a size" },
        { "redirect: { enabled: false, fallbackTtl: 15 }", 1, "redirect.fallbackTtl", "is not a duration" },
        { "redirect: { enabled: false, fallbackTtl: 169h }", 1, "redirect.fallbackTtl", "is more than 168h" },
        { Off + "cache: { serveStale: 90 }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: 1m1h }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: 1hh }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: -1h }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: \"\" }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: 9999999999h }", 2, "cache.serveStale", "is not a duration" },
        { Off + "cache: { serveStale: 999999999h }", 2, "cache.serveStale", "is more than 168h" },
        { Off + "cache: { maxNegativeTtl: 10801 }", 2, "cache.maxNegativeTtl", "is not a whole number of seconds from 0 to 10800" },
        { Off + "kubernetes: { kubeconfig: config }", 2, "kubernetes.kubeconfig", "is not an absolute path" },
        { Off + "kubernetes: { clusterNames: forward, autopath: true }", 2, "kubernetes.autopath", "takes cluster names from the table" },
        { Off + "kubernetes: { autopath: maybe }", 2, "kubernetes.autopath", "'maybe'" },
        { Off + "kubernetes: { resolvConf: resolv.conf }", 2, "kubernetes.resolvConf", "is not an absolute path" },
        { Off + "routes: [ { zone: lab, servers: [10.0.0.1], policy: best } ]", 2, "routes[0].policy", "'best' is not a policy; write random, round-robin, sequential or fastest" },
        { Off + "routes: [ { zone: lab, servers: [10.0.0.1], queriesPerSecond: -1 } ]", 2, "routes[0].queriesPerSecond", "is not a whole number from 0 to 1000000" },
        { Off + "routes: [ { zone: lab, servers: [10.0.0.1], protocol: quic } ]", 2, "routes[0].protocol", "is neither udp, tcp, tls nor https" },
        { Tls("tlsServerName: 10.0.0.1"), 3, "routes[0].tlsServerName", "leave tlsServerName out" },
        { Tls("tlsServerName: dns..example"), 3, "routes[0].tlsServerName", "is not a domain name" },
        { Tls("tlsCa: ca.pem"), 3, "routes[0].tlsCa", "is not an absolute path" },
        { Tls("tlsCa: /nowhere/ca.pem"), 3, "routes[0].tlsCa", "'/nowhere/ca.pem' there is no such file" },
        { Tls("tlsCa: /etc"), 3, "routes[0].tlsCa", "'/etc' is a directory" },
        { Tls("tlsCa: /etc/passwd"), 3, "routes[0].tlsCa", "'/etc/passwd' holds no certificate in PEM form" },
    };

    public static TheoryData<string, int, string, string> Addresses
    {
        get
        {
            TheoryData<string, int, string, string> cases = [];
            foreach (string text in (string[])["1", "127.1", "0x7f.1", "01.2.3.4", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/8", "fd00::1/64", "[fd00::1]", "fd00::1%2", "::1.2.3.04", "::g", "localhost"])
                cases.Add(Listening(text), 3, "listen.addresses[0]", $"'{text}' is not an IP address");
            foreach (string text in (string[])["224.0.0.1", "239.255.255.255", "ff02::1"])
                cases.Add(Listening(text), 3, "listen.addresses[0]", "is a multicast address");
            foreach (string text in (string[])["0.0.0.0", "::"])
                cases.Add(Listening(text), 3, "listen.addresses[0]", "stands for any address");
            cases.Add(Listening("::ffff:10.0.0.1"), 3, "listen.addresses[0]", "is an IPv4 address in IPv6 form; write 10.0.0.1");
            cases.Add(Listening("fe80::1"), 3, "listen.addresses[0]", "is link-local");
            cases.Add(Listening("255.255.255.255"), 3, "listen.addresses[0]", "is the broadcast address");
            foreach (string text in (string[])["10.0.0.1:banana", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:053", ":53", "[10.0.0.1]:53", "[fd00::2]53", "[fd00::2", "[fd00::2]:", "fd00::2]:53", "dns:53"])
                cases.Add(Forwarding(text), 3, "routes[0].servers[0]", $"'{text}' is not an address and port; write 10.244.0.2:53 or [fd00::2]:53");
            cases.Add(Forwarding("0.0.0.0:53"), 3, "routes[0].servers[0]", "stands for any address");
            return cases;

            static string Listening(string address) => $"{Off}listen:\n  addresses: [ \"{address}\" ]";
            static string Forwarding(string server) => $"{Off}routes:\n  - {{ zone: lab, servers: [ \"{server}\" ] }}";
        }
    }

    public static TheoryData<string, int, string, string> Contradictions => new()
    {
        { "redirect: { enabled: true }", 1, "redirect.frontends", "there is no frontend to redirect" },
        { "node: w1\nredirect:\n  frontends: []", 3, "redirect.frontends", "there is no frontend to redirect" },
        { Off + "kubernetes:\n  enabled: yes", 3, "kubernetes.enabled", "is neither true nor false" },
        { "kubernetes: { enabled: true, dnsService: kube-dns }", 1, "kubernetes.dnsService", "write NAMESPACE/NAME" },
        { "kubernetes: { enabled: true, dnsService: kube-system/Kube_DNS }", 1, "kubernetes.dnsService", "write NAMESPACE/NAME" },
        { Off + "listen: { addresses: [] }", 2, "listen.addresses", "names no address to listen on" },
        { Off + "listen: { addresses: [10.0.0.1, 10.0.0.1] }", 2, "listen.addresses[1]", "'10.0.0.1' is listed twice" },
        { Off + "cache: { minTtl: 6, maxTtl: 5 }", 2, "cache.minTtl", "minTtl (6) is greater than maxTtl (5)" },
        { Off + "cache: { maxTtl: 4 }", 2, "cache.maxTtl", "minTtl (5) is greater than maxTtl (4)" },
        { Frontends("{ port: 53 }"), 3, "redirect.frontends[0].address", "is missing" },
        { Frontends("{ address: fd00::a }"), 3, "redirect.frontends[0].address", "fd00::a is IPv6 and the agent listens on no such address" },
        { Frontends("{ address: 10.96.0.10, protocols: [] }"), 3, "redirect.frontends[0].protocols", "names no protocol" },
        { Frontends("{ address: 10.96.0.10, protocols: [UDP, udp] }"), 3, "redirect.frontends[0].protocols[1]", "'udp' is listed twice" },
        { Frontends("{ address: 10.96.0.10 }", "{ address: 10.96.0.10, protocols: [TCP] }"), 4, "redirect.frontends[1].address", "an earlier frontend has 10.96.0.10:53 with TCP already" },
        { Frontends("{ address: 10.96.0.10, fallback: [fd00::2] }"), 3, "redirect.frontends[0].fallback[0]", "[fd00::2]:53 is IPv6 behind a frontend that is IPv4" },
        { Frontends("{ address: 10.96.0.10, fallback: [10.96.0.10] }"), 3, "redirect.frontends[0].fallback[0]", "is the frontend itself" },
        { Frontends("{ address: 10.96.0.10, fallback: [10.0.0.1, \"169.254.20.10:53\"] }"), 3, "redirect.frontends[0].fallback[1]", "is where the agent itself listens" },
        { Frontends("{ address: 10.96.0.10, fallback: [10.0.0.1, \"10.0.0.1:53\"] }"), 3, "redirect.frontends[0].fallback[1]", "is listed twice" },
        { Off + "routes:\n  - { zone: lab, servers: [169.254.20.10] }", 3, "routes[0].servers[0]", "questions would go in a circle" },
        { Frontends("{ address: 10.96.0.10 }") + "routes:\n  - { zone: lab, servers: [10.0.0.1, 10.96.0.10] }", 5, "routes[0].servers[1]", "10.96.0.10:53 is a frontend, which the kernel does not redirect for the agent" },
        { Off + "routes:\n  - { zone: lab }", 3, "routes[0]", "has neither servers nor resolvConf" },
        { Off + "routes:\n  - { zone: lab, servers: [10.0.0.1], resolvConf: /etc/resolv.conf }", 3, "routes[0]", "has both servers and resolvConf" },
        { Off + "routes:\n  - { zone: lab, servers: [] }", 3, "routes[0].servers", "names no server" },
        { Off + "routes:\n  - { zone: lab, resolvConf: /etc/resolv.conf, protocol: tls }", 3, "routes[0].protocol", "tls goes with servers" },
        { Off + "routes:\n  - { zone: lab, servers: [10.0.0.1], protocol: tcp, tlsServerName: dns.example }", 3, "routes[0].tlsServerName", "means nothing without protocol: tls or https" },
        { Off + "routes:\n  - { zone: lab, servers: [10.0.0.1], protocol: tls, httpsPath: /dns-query }", 3, "routes[0].httpsPath", "means nothing without protocol: https" },
        { Off + "routes:\n  - { zone: lab, servers: [10.0.0.1], protocol: https, httpsPath: dns-query }", 3, "routes[0].httpsPath", "is no path; write it as in /dns-query" },
        { Off + "routes:\n  - { servers: [10.0.0.1] }", 3, "routes[0].zone", "is missing" },
        { Off + "routes:\n  - { zone: lab, servers: [10.0.0.1] }\n  - { zone: LAB., servers: [10.0.0.2] }", 4, "routes[1].zone", "'LAB.' has a route already" },
    };

    [Theory]
    [MemberData(nameof(Syntax))]
    [MemberData(nameof(Kinds))]
    [MemberData(nameof(Values))]
    [MemberData(nameof(Addresses))]
    [MemberData(nameof(Contradictions))]
    public void A_mistake_is_the_only_one_and_has_its_line_and_key(string yaml, int line, string key, string message)
    {
        ConfigurationMistake mistake = Assert.Single(Mistakes(yaml));

        Assert.Equal((line, key), (mistake.Line, mistake.Key));
        Assert.Contains(message, mistake.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9253, "lra.yaml:9253: metrics.port: is wrong")]
    [InlineData(0, "lra.yaml: metrics.port: is wrong")]
    public void A_mistake_reads_as_file_line_key_and_message(int line, string expected) =>
        Assert.Equal(expected, new ConfigurationMistake("lra.yaml", line, "metrics.port", "is wrong").ToString());

    [Fact]
    public void A_CA_file_that_is_damaged_is_a_mistake()
    {
        using TemporaryFile file = new("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"u8.ToArray());
        ConfigurationMistake mistake = Assert.Single(Mistakes(Tls($"tlsCa: {file.Path}")));
        Assert.Equal(("routes[0].tlsCa", $"'{file.Path}' holds a certificate that is damaged"), (mistake.Key, mistake.Message));
    }

    [Fact]
    public void A_mistake_stops_the_search_for_no_other()
    {
        string[] mistakes = [.. Mistakes("""
            node: 'w 1'
            listen:
              adresses: [10.0.0.1]
              port: 99999
            redirect:
              frontends:
                - { address: 10.96.0.10, fallback: [10.244.0.3, "10.244.0.2:banana"] }
                - address: 10.96.0.10
                  port: x
            routes:
              - { zone: lab, servers: nowhere }
              - { zone: a..b, resolvConf: resolv.conf }
            cache: { memory: much }
            kubernetes: { enabled: yes }
            """).Select(mistake => mistake.ToString())];

        Assert.Equal(
            [
                "lra.yaml:1: node: 'w 1' is not a node's name; use letters, digits, '-', '_' and '.', at most 253",
                "lra.yaml:3: listen.adresses: is not a known key; did you mean 'addresses'?",
                "lra.yaml:4: listen.port: '99999' is not a port from 1 to 65535",
                "lra.yaml:7: redirect.frontends[0].fallback[1]: '10.244.0.2:banana' is not an address and port; write 10.244.0.2:53 or [fd00::2]:53",
                "lra.yaml:9: redirect.frontends[1].port: 'x' is not a port from 1 to 65535",
            ],
            mistakes[..5]);
        Assert.Equal([11, 12, 12, 13, 14], mistakes[5..].Select(text => int.Parse(text.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static string Tls(string key) => $"{Off}routes:\n  - {{ zone: lab, servers: [10.0.0.1], protocol: tls, {key} }}";

    private static string Frontends(params string[] frontends) =>
        $"redirect:\n  frontends:\n{string.Concat(frontends.Select(frontend => $"    - {frontend}\n"))}";

    private static IReadOnlyList<ConfigurationMistake> Mistakes(string yaml)
    {
        bool isValid = ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.False(isValid);
        Assert.Null(read);
        Assert.All(mistakes, mistake => Assert.Equal("lra.yaml", mistake.File));
        return mistakes;
    }
}

using System.Diagnostics;
using Agent.Configuration;
using Agent.Configuration.Corefile;
using Agent.Tests.Support;

namespace Agent.Tests.Configuration;

/// <summary><c>lra config convert</c>: the shapes that clusters have today, and what people write into them.</summary>
public sealed class CorefileTests
{
    /// <summary>The shape of NodeLocal DNSCache's manifest before node-cache fills it in.</summary>
    private const string NodeLocal = """
        __PILLAR__DNS__DOMAIN__:53 {
            errors
            cache {
                    success 9984 30
                    denial 9984 5
            }
            reload
            loop
            bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
            forward . __PILLAR__CLUSTER__DNS__ {
                    force_tcp
            }
            prometheus :9253
            health __PILLAR__LOCAL__DNS__:8080
        }
        in-addr.arpa:53 {
            errors
            cache 30
            reload
            loop
            bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
            forward . __PILLAR__CLUSTER__DNS__ {
                    force_tcp
            }
            prometheus :9253
        }
        .:53 {
            errors
            cache 30
            reload
            loop
            bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
            forward . __PILLAR__UPSTREAM__SERVERS__
            prometheus :9253
        }
        """;

    /// <summary>The shape that kubeadm gives CoreDNS.</summary>
    private const string Kubeadm = """
        .:53 {
            errors
            health {
               lameduck 5s
            }
            ready
            kubernetes cluster.local in-addr.arpa ip6.arpa {
               pods insecure
               fallthrough in-addr.arpa ip6.arpa
               ttl 30
            }
            prometheus :9153
            forward . /etc/resolv.conf {
               max_concurrent 1000
            }
            cache 30 {
               disable success cluster.local
               disable denial cluster.local
            }
            loop
            reload
            loadbalance
        }
        """;

    private static readonly (string Corefile, string[] Configuration)[] _pairs =
    [
        (". {\n forward . 10.0.0.1 10.0.0.2:5353 [fd00::1]:53 {\n force_tcp\n }\n}", ["routes:", "  - { zone: \".\", servers: [10.0.0.1, \"10.0.0.2:5353\", \"[fd00::1]:53\"], protocol: tcp }"]),
        (". {\n forward . 10.0.0.1 10.0.0.2 {\n policy round_robin\n }\n}", ["routes:", "  - { zone: \".\", servers: [10.0.0.1, 10.0.0.2], protocol: udp, policy: round-robin }"]),
        ("a.test b.test., c.test {\n forward . 10.0.0.1\n}", ["routes:", "  - { zone: a.test, servers: [10.0.0.1], protocol: udp }", "  - { zone: b.test, servers: [10.0.0.1], protocol: udp }", "  - { zone: c.test, servers: [10.0.0.1], protocol: udp }"]),
        ("10.1.0.0/16 fd00:1::/32 {\n forward . 10.0.0.1\n}", ["routes:", "  - { zone: 1.10.in-addr.arpa, servers: [10.0.0.1], protocol: udp }", "  - { zone: 1.0.0.0.0.0.d.f.ip6.arpa, servers: [10.0.0.1], protocol: udp }"]),
        (".:5353 {\n bind 10.0.0.5 fd00::5\n multisocket 2\n forward . /run/resolv.conf\n}", ["listen: { addresses: [10.0.0.5, \"fd00::5\"], port: 5353, workers: 2 }", "routes:", "  - { zone: \".\", resolvConf: \"/run/resolv.conf\", protocol: udp }"]),
        ("cluster.local {\n bind 169.254.20.10 10.96.0.10\n forward . 10.244.0.2 {\n force_tcp\n }\n}", ["listen: { addresses: [169.254.20.10] }", "    - { address: 10.96.0.10 }", "routes:", "  - { zone: cluster.local, servers: [10.244.0.2], protocol: tcp }"]),
        ("(c) {\n cache {args[0]} {\n serve_stale 30m\n }\n}\n. {\n import c 300\n}", ["cache: { maxTtl: 300, maxNegativeTtl: 300, serveStale: 30m }"]),
        (". {\n cache {\n success 5000 600 10\n denial 100 20\n }\n}\nb {\n cache 90\n}", ["cache: { minTtl: 10, maxTtl: 90, maxNegativeTtl: 20 }"]),
        (". {\n hosts {\n 10.1.2.3 db.internal DB2.internal # two\n fd00::3 six.internal\n 0.0.0.0 ads.example\n ttl 60\n fallthrough\n }\n}", ["hosts:", "  - { address: 10.1.2.3, names: [db.internal, db2.internal], ttl: 60 }", "  - { address: \"fd00::3\", names: [six.internal], ttl: 60 }", "  - { address: 0.0.0.0, names: [ads.example], ttl: 60 }"]),
        ("in.test {\n hosts {\n 10.0.0.1 a.in.test a.out.test\n fallthrough\n }\n}", ["hosts:", "  - { address: 10.0.0.1, names: [a.in.test] }"]),
        (". {\n rewrite name suffix .example.org .default.svc.cluster.local answer auto\n}", ["rewrite:", "  - { from: example.org, to: default.svc.cluster.local }"]),
        (". {\n rewrite stop {\n name regex (.*)\\.my\\.domain\\.$ {1}.default.svc.cluster.local\n answer name (.*)\\.default\\.svc {1}.my.domain\n }\n}", ["rewrite:", "  - { from: my.domain, to: default.svc.cluster.local }"]),
        (". {\n rewrite name a.test b.test\n}", ["rewrite:", "  - { from: a.test, to: b.test }"]),
        (". {\n template ANY AAAA {\n rcode NOERROR\n }\n}", ["filterAaaa: [\".\"]"]),
        (". {\n template IN ANY blocked.test Other.test. {\n rcode NXDOMAIN\n authority \"{{ .Zone }} 60 IN SOA a b 1 2 3 4 5\"\n }\n}", ["zones:", "  - { zone: blocked.test, rcode: NXDOMAIN }", "  - { zone: other.test, rcode: NXDOMAIN }"]),
        (". {\n template IN A static.test {\n match .*\n answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n }\n template IN TXT static.test {\n answer \"{{.Name}} 60 IN TXT \\\"a b\\\"\"\n }\n}", ["zones:", "  - { zone: static.test, records: [\"@ 60 IN A 192.0.2.1\", \"* 60 IN A 192.0.2.1\", \"@ 60 IN TXT \\\"a b\\\"\", \"* 60 IN TXT \\\"a b\\\"\"] }"]),
        ("v4.test {\n dns64 2001:db8::/32 {\n allow_ipv4\n }\n}", ["dns64: { prefix: \"2001:db8::/32\", zones: [v4.test] }"]),
        (". {\n autopath @kubernetes\n kubernetes k8s.test in-addr.arpa {\n pods verified\n kubeconfig /etc/kubeconfig\n ttl 0\n fallthrough\n }\n}", ["clusterDomain: k8s.test", "kubernetes: { enabled: true, kubeconfig: \"/etc/kubeconfig\", podNames: verified, ttl: 0 }"]),
        (". {\n kubernetes cluster.local {\n namespaces a b\n }\n}", ["kubernetes: { enabled: true, clusterNames: forward }"]),
        (". {\n log . {\n class error\n }\n}\nb {\n log\n}", ["log: { queries: all }"]),
        (". {\n log . {\n class error\n }\n}", ["log: { queries: errors }"]),
        (". {\n dns64\n}", ["dns64: { prefix: \"64:ff9b::/96\", zones: [\".\"] }"]),
    ];

    public static TheoryData<string, string> Pairs
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach ((string corefile, string[] lines) in _pairs)
                data.Add(corefile, string.Join('\n', lines));
            return data;
        }
    }

    /// <summary>A line, and what is said of it: nothing carried over, so that the status is 1.</summary>
    public static TheoryData<string, string> Losses => new()
    {
        { "dnstap /tmp/x.sock full", "'dnstap' has no counterpart: 'lra status' has the counts" },
        { "frobnicate", "'frobnicate' is no plugin that is known here" },
        { "import missing", "'import missing': there is no such snippet above, nor such a file here" },
        { "bind eth0", "'eth0' is no address to listen on" },
        { "forward . dns.example", "'dns.example' is no address of a server" },
        { "forward . https://dns.quad9.net/dns-query", "is no address of a server; names are not supported" },
        { "forward . https://9.9.9.9/dns-query tls://9.9.9.9", "are all asked over TLS, all over HTTPS, or none is" },
        { "forward .", "'forward' names no server" },
        { "forward . 10.0.0.1 /etc/resolv.conf", "a route has servers or a resolv.conf, not both" },
        { "forward . 10.0.0.1 tls://9.9.9.9", "are all asked over TLS, all over HTTPS, or none is" },
        { "forward . 10.0.0.1 {\n except a.test\n }", "'except a.test': give these zones a route" },
        { "forward . 10.0.0.1 {\n next NXDOMAIN\n }", "'next': the next server is asked when" },
        { "forward . 10.0.0.1\n forward . 10.0.0.2", "the zone '.' has servers already" },
        { "cache 30 {\n keepttl\n }", "the TTLs of kept answers always count down" },
        { "hosts /nonexistent/hosts", "'/nonexistent/hosts' cannot be read here" },
        { "hosts {\n ff02::1 all\n }", "'ff02::1' is a multicast address" },
        { "hosts {\n 10.0.0.1\n }", "'10.0.0.1' has no name" },
        { "hosts {\n 10.0.0.1 b!d\n }", "'b!d' is no name of a host" },
        { "hosts {\n no_reverse\n }", "'no_reverse': hosts are found by their addresses too" },
        { "rewrite type ANY HINFO", "'rewrite type ANY HINFO': only names are rewritten" },
        { "rewrite name prefix a b", "'rewrite name prefix a b': only suffixes of names are rewritten" },
        { "rewrite name regex (.*)-x\\.a {1}.b", "only suffixes of names are rewritten" },
        { "rewrite name", "only suffixes of names are rewritten" },
        { "rewrite continue name suffix a b", "'continue': a name is rewritten once" },
        { "template IN A {\n match ^x\n answer \"{{ .Name }} 60 IN A 10.0.0.1\"\n }", "only fixed answers for all names of a zone" },
        { "template IN A a.test {\n answer \"{{ .Name }} 60 IN A {{ .Group.a }}\"\n }", "'answer': only records whose data are fixed" },
        { "template IN A {\n answer \"{{ .Name }} 60 IN A 10.0.0.1\"\n }", "'template' for all names would leave nothing to be forwarded" },
        { "template ANY ANY a.test {\n rcode NXDOMAIN\n }\n template ANY A a.test {\n rcode REFUSED\n }", "has another fixed answer already" },
        { "dns64 {\n translate_all\n }", "'dns64 translate_all': only names without AAAA" },
        { "dns64 64:ff9b::/95", "'64:ff9b::/95' is no prefix that holds IPv4 addresses" },
        { "acl {\n filter net 10.0.0.0/8\n }", "'filter net 10.0.0.0/8' has no counterpart" },
        { "acl {\n block type A net 10.0.0.0/8\n }", "'block type A net 10.0.0.0/8' has no counterpart" },
        { "acl a.test {\n block\n }", "'acl' for some zones alone" },
        { "errors {$LRA_TEST_UNSET}", "'{$LRA_TEST_UNSET}' is not set here" },
        { "bind 10.0.0.1\n forward . 10.0.0.1 10.0.0.2 10.0.0.2:53", "'10.0.0.1' is where the agent itself would listen" },
        { "loadbalance weighted file", "addresses of an answer take turns" },
        { "cache 30 {\n disable denial a.test\n }", "'disable': answers are not kept out of the cache by zone" },
        { "kubernetes", "there is one cluster domain, and it is not the root" },
        { "kubernetes a.test b.test", "'b.test': there is one cluster domain, 'a.test'" },
        { "kubernetes a.test {\n endpoint https://10.0.0.1\n }", "'endpoint': give the API server and the credentials in a file, as kubernetes.kubeconfig" },
        { "kubernetes a.test {\n kubeconfig here\n }", "'kubernetes kubeconfig' has no counterpart" },
        { "autopath a.test /etc/resolv.conf", "'autopath' of one list for all clients has no counterpart" },
    };

    public static TheoryData<string, string> Unreadable => new()
    {
        { ".:53\nerrors\n", "Corefile:1: a server block begins with its zones and '{' at the end of the line" },
        { ". {\n errors\n", "Corefile:1: this '{' is not closed" },
        { ". {\n errors \"open\n}\n", "line 2: a quote does not end" },
        { ". {\n {\n }\n}\n", "Corefile:2: '{' without a name before it" },
        { "{\n}\n", "Corefile:1: a server block without a zone" },
        { ". {\n import\n}\n", "'import' names nothing" },
        { "# nothing\n", "there is no server block in it" },
        { string.Concat(Enumerable.Repeat("a {\n", 40)), "blocks are nested too deep" },
        { "(s0) {\n x\n x\n}\n" + string.Concat(Enumerable.Range(1, 30).Select(i => $"(s{i}) {{\n x {{\n import s{i - 1}\n import s{i - 1}\n }}\n}}\n")), "more than 20000 lines, with what is imported" },
    };

    [Fact]
    public void NodeLocals_Corefile_is_carried_over_whole_what_node_cache_fills_in_is_learned_from_the_API_server()
    {
        (string yaml, string[] remarks) = Convert(NodeLocal);

        Assert.Equal(
            """
            # Written by 'lra config convert' from Corefile.
            kubernetes: { enabled: true }
            listen: { addresses: [169.254.20.10] }
            metrics: { address: 0.0.0.0, port: 9253 }
            routes:
              - { zone: ".", resolvConf: "/etc/resolv.conf", protocol: udp }
            cache: { maxTtl: 30, maxNegativeTtl: 5 }

            """,
            yaml);
        Assert.DoesNotContain(remarks, remark => remark.StartsWith("LOSS", StringComparison.Ordinal));
        Assert.Equal([9, 10, 21, 22, 32], Lines(remarks, "__PILLAR__DNS__SERVER__", "__PILLAR__CLUSTER__DNS__"));
        AssertParses(yaml);
    }

    [Fact]
    public void Placeholders_for_which_nothing_is_learned_are_named()
    {
        (string yaml, string[] remarks) = Convert(".:53 {\n bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__\n forward . __PILLAR__CLUSTER__DNS__\n}\n");

        Assert.Contains("redirect: { enabled: false }", yaml, StringComparison.Ordinal);
        Assert.Equal([2, 3], Lines(remarks, "LOSS"));
        AssertParses(yaml);
    }

    [Fact]
    public void Kubeadms_Corefile_becomes_a_cache_in_front_of_it()
    {
        (string yaml, string[] remarks) = Convert(Kubeadm);

        Assert.Contains("\nkubernetes: { enabled: true, podNames: insecure, ttl: 30 }\n", yaml, StringComparison.Ordinal);
        Assert.Contains("\nroutes:\n  - { zone: \".\", resolvConf: \"/etc/resolv.conf\", protocol: udp }\ncache: { maxTtl: 30, maxNegativeTtl: 30 }\n", yaml, StringComparison.Ordinal);
        Assert.DoesNotContain("redirect:", yaml, StringComparison.Ordinal);
        Assert.Equal([7], Lines(remarks, "the agent watches the API server itself"));
        Assert.Equal([17, 18], Lines(remarks, "'disable': cluster names are answered from the table"));
        Assert.DoesNotContain(remarks, remark => remark.StartsWith("LOSS", StringComparison.Ordinal));
        Assert.Equal([3, 6, 12, 14, 16], Lines(remarks, "needs no setting", "health is asked at", "serveStale"));
        AssertParses(yaml);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_line_becomes_its_counterpart_and_the_result_is_valid(string corefile, string expected)
    {
        (string yaml, _) = Convert(corefile);

        Assert.Equal(expected.Split('\n'), yaml.Split('\n').Intersect(expected.Split('\n')));
        AssertParses(yaml);
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void What_is_left_out_is_named_with_its_line_and_what_is_left_is_valid(string line, string expected)
    {
        (string yaml, string[] remarks) = Convert($". {{\n {line}\n}}\n");

        string remark = Assert.Single(remarks, remark => remark.StartsWith("LOSS", StringComparison.Ordinal));
        Assert.Contains(expected, remark, StringComparison.Ordinal);
        Assert.Matches("^LOSS (/[^:]*/)?(Corefile|hosts):[1-9]", remark);
        AssertParses(yaml);
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public void What_is_no_Corefile_is_refused_with_its_line(string corefile, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => Convert(corefile)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_block_on_another_port_or_transport_is_left_out()
    {
        (string yaml, string[] remarks) = Convert(".:53 {\n forward . 10.0.0.1\n}\na.test:54 {\n forward . 10.0.0.2\n}\ntls://b.test {\n forward . 10.0.0.3\n}\n");

        Assert.Equal([4, 7], Lines(remarks, "LOSS"));
        Assert.DoesNotContain("10.0.0.2", yaml, StringComparison.Ordinal);
        Assert.DoesNotContain("10.0.0.3", yaml, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_imported_and_hosts_files_are_read_beside_the_Corefile()
    {
        using Corefiles files = new();
        files.Write("hosts.list", "# block list\n10.0.0.1 a.test b.test # more\n\nff02::1 all\n");
        files.Write("more.override", "cache 60\nfrobnicate\n");
        files.Write("Corefile", ". {\n import *.override\n hosts hosts.list {\n  fallthrough\n }\n}\n");

        string yaml = Converter.Convert(files.Path("Corefile"), out IReadOnlyList<Remark> remarks);

        Assert.Contains("  - { address: 10.0.0.1, names: [a.test, b.test] }\n", yaml, StringComparison.Ordinal);
        Assert.Contains("cache: { maxTtl: 60, maxNegativeTtl: 60 }\n", yaml, StringComparison.Ordinal);
        Assert.Equal(
            [$"{files.Path("hosts.list")}:4", $"{files.Path("more.override")}:2"],
            remarks.Where(remark => remark.IsLoss).Select(remark => $"{remark.Place.File}:{remark.Place.Line}"));
    }

    /// <summary>Whatever the file is, it is refused or becomes a configuration that the agent takes.</summary>
    [Fact]
    public void A9_damaged_Corefiles_are_refused_or_give_a_valid_configuration()
    {
        string[] seeds = [NodeLocal, Kubeadm, .. _pairs.Select(pair => pair.Corefile), .. Losses.Select(row => $". {{\n {row[0]}\n}}\n").Where(seed => !seed.Contains("acl") && !seed.Contains("tls"))];
        string[] pieces = ["{", "}", "\n", "\"", "#", ",", "0", "-1", "99999999999", ".", "*", "\\", "null", "é", "'", "]", ": ", "name", "ANY"];
        Random random = new(7);
        int converted = 0;
        Stopwatch watch = Stopwatch.StartNew();
        // The order of the changes is always the same; a slow machine merely does fewer of them.
        for (int round = 0; round < 12_000 && watch.ElapsedMilliseconds < 2_000; round++)
        {
            string text = seeds[random.Next(seeds.Length)];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                int at = random.Next(text.Length);
                int removed = Math.Min(random.Next(4), text.Length - at);
                text = text.Remove(at, removed).Insert(at, random.Next(3) == 0 ? "" : pieces[random.Next(pieces.Length)]);
            }

            try
            {
                AssertParses(Convert(text).Yaml);
                converted++;
            }
            catch (FormatException)
            {
                continue;
            }
        }

        Assert.InRange(converted, 20, 12_000);
    }

    /// <summary>These keys come with other features.</summary>
    [Theory]
    [MemberData(nameof(LaterPairs))]
    public void Keys_of_other_features_are_valid_too(string corefile, string expected) => A_line_becomes_its_counterpart_and_the_result_is_valid(corefile, expected);

    [Theory]
    [MemberData(nameof(LaterPairs))]
    public void TLS_and_access_lists_are_carried_over(string corefile, string expected) =>
        Assert.Contains($"\n{expected}\n", Convert(corefile).Yaml, StringComparison.Ordinal);

    public static TheoryData<string, string> LaterPairs => new()
    {
        { ". {\n forward . tls://9.9.9.9 tls://149.112.112.112:853 {\n tls_servername dns.quad9.net\n }\n}", "routes:\n  - { zone: \".\", servers: [9.9.9.9, \"149.112.112.112:853\"], protocol: tls, tlsServerName: dns.quad9.net }" },
        { ". {\n forward . https://9.9.9.9/dns-query https://149.112.112.112:443/dns-query {\n tls_servername dns.quad9.net\n }\n}", "routes:\n  - { zone: \".\", servers: [9.9.9.9, \"149.112.112.112:443\"], protocol: https, tlsServerName: dns.quad9.net, httpsPath: \"/dns-query\" }" },
        { ". {\n forward . tls://9.9.9.9%dns.quad9.net {\n force_tcp\n }\n}", "routes:\n  - { zone: \".\", servers: [9.9.9.9], protocol: tls, tlsServerName: dns.quad9.net }" },
        { ". {\n acl {\n block net 10.1.0.0/16\n drop net 192.0.2.1\n allow net 10.0.0.0/8\n block net 10.2.0.0/16\n }\n}", "clients: { allow: [\"10.0.0.0/8\", \"0.0.0.0/0\", \"::/0\"], deny: [\"10.1.0.0/16\"], drop: [\"192.0.2.1/32\"] }" },
        { ". {\n acl {\n allow net 10.0.0.0/8\n block\n }\n}", "clients: { allow: [\"10.0.0.0/8\"], deny: [\"0.0.0.0/0\", \"::/0\"] }" },
    };

    [Theory]
    [InlineData(". {\n errors\n forward . 10.0.0.1\n}\n", 0)]
    [InlineData(". {\n forward . 10.0.0.1\n dnstap x\n}\n", 1)]
    [InlineData(". {\n", 2)]
    [InlineData(null, 2)]
    public async Task The_command_says_with_its_status_whether_all_is_carried_over(string? corefile, int expected)
    {
        using Corefiles files = new();
        if (corefile != null)
            files.Write("Corefile", corefile);

        (int status, string output, string error) = await AgentProcess.Run("config", "convert", files.Path("Corefile"));

        Assert.Equal(expected, status);
        Assert.Equal(expected == 0, error.Length == 0);
        Assert.Equal(expected == 2, output.Length == 0);
        if (expected == 1)
            Assert.StartsWith($"{files.Path("Corefile")}:3: 'dnstap' has no counterpart", error, StringComparison.Ordinal);
        if (expected < 2)
            AssertParses(output);
    }

    [Fact]
    public async Task The_command_writes_a_file_that_lra_takes()
    {
        using Corefiles files = new();
        files.Write("Corefile", ". {\n forward . 10.0.0.1\n}\n");

        (int status, string output, _) = await AgentProcess.Run("config", "convert", files.Path("Corefile"), "-o", files.Path("lra.yaml"));

        Assert.Equal((0, ""), (status, output));
        Assert.True(ConfigurationFile.TryRead(files.Path("lra.yaml"), out _, out _));
    }

    private static (string Yaml, string[] Remarks) Convert(string corefile)
    {
        using Corefiles files = new();
        files.Write("Corefile", corefile);
        string yaml = Converter.Convert(files.Path("Corefile"), out IReadOnlyList<Remark> remarks);
        return (yaml, [.. remarks.Select(remark => $"{(remark.IsLoss ? "LOSS" : "note")} {remark}")]);
    }

    private static int[] Lines(string[] remarks, params string[] texts) =>
        [.. remarks.Where(remark => texts.Any(text => remark.Contains(text, StringComparison.Ordinal))).Select(remark => int.Parse(remark.Split(':')[1])).Distinct()];

    private static void AssertParses(string yaml)
    {
        bool isValid = ConfigurationFile.TryParse(yaml, "lra.yaml", out _, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.True(isValid, $"{string.Join('\n', mistakes)}\n{yaml}");
    }

    private sealed class Corefiles : IDisposable
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-corefile-");

        public string Path(string name) => System.IO.Path.Combine(_directory.FullName, name);

        public void Write(string name, string text) => File.WriteAllText(Path(name), text);

        public void Dispose() => _directory.Delete(recursive: true);
    }
}

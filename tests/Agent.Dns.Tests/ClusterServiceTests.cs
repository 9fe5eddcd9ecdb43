using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Kubernetes DNS specification 1.1.0, sections 2.2 and 2.3, and what CoreDNS answers beside it.</summary>
public class ClusterServiceTests
{
    private static readonly ClusterTable _table = new ClusterTable()
        .Namespace("default").Namespace("kube-system").Namespace("empty")
        .Service("web.default", "10.96.0.20 fd00:10:96::20", "http/tcp/80 https/tcp/443 /udp/53", ClusterTable.Slice("http/tcp/8080", "10.244.1.5 !10.244.1.6"))
        .Service("kubernetes.default", "10.96.0.1", "https/tcp/443")
        .Service("bare.default", "10.96.0.21")
        .Service("kube-dns.kube-system", "10.96.0.10 fd00:10:96::a", "dns/udp/53 dns-tcp/tcp/53");

    [Fact]
    public void P37_the_schema_version_is_a_text_record()
    {
        Assert.Equal("1.1.0", _table.Ask("dns-version.cluster.local", T.Txt));
        Assert.Equal(28800u, _table.Reply("dns-version.cluster.local", T.Txt)!.Answers[0].Ttl);
        Assert.Equal("NODATA", _table.Ask("dns-version.cluster.local", T.A));
    }

    [Theory]
    [InlineData("web.default.svc.cluster.local", T.A, "10.96.0.20")]
    [InlineData("web.default.svc.cluster.local", T.Aaaa, "fd00:10:96::20")]
    [InlineData("kubernetes.default.svc.cluster.local", T.A, "10.96.0.1")]
    [InlineData("kubernetes.default.svc.cluster.local", T.Aaaa, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Txt, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Mx, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Cname, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Https, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Ptr, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Soa, "NODATA")]
    [InlineData("web.default.svc.cluster.local", T.Any, "NODATA")]
    [InlineData("bare.default.svc.cluster.local", T.A, "10.96.0.21")]
    [InlineData("bare.default.svc.cluster.local", T.Srv, "NODATA")]
    public void P38_a_Service_has_its_ClusterIPs_and_nothing_of_other_types(string name, int type, string answer) =>
        Assert.Equal(answer, _table.Ask(name, (ushort)type));

    [Fact]
    public void P38_a_named_port_has_one_server_record_to_the_Service_with_its_addresses_beside()
    {
        const string Addresses = "+ web.default.svc.cluster.local.=10.96.0.20 web.default.svc.cluster.local.=fd00:10:96::20";
        Assert.Equal($"0,50,80,web.default.svc.cluster.local. {Addresses}", _table.Ask("_http._tcp.web.default.svc.cluster.local", T.Srv));
        Assert.Equal("0,100,443,kubernetes.default.svc.cluster.local. + kubernetes.default.svc.cluster.local.=10.96.0.1", _table.Ask("_https._tcp.kubernetes.default.svc.cluster.local", T.Srv));
    }

    [Fact]
    public void P38_the_Service_itself_has_the_server_records_of_all_its_ports()
    {
        string answer = _table.Ask("kube-dns.kube-system.svc.cluster.local", T.Srv);
        Assert.StartsWith("0,25,53,kube-dns.kube-system.svc.cluster.local. +", answer, StringComparison.Ordinal); // both ports have one number
        Assert.StartsWith("0,16,80,web.default.svc.cluster.local. 0,16,443,web.default.svc.cluster.local. 0,16,53,web", _table.Ask("web.default.svc.cluster.local", T.Srv), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_domain._udp.web.default.svc.cluster.local")]
    [InlineData("_http._udp.web.default.svc.cluster.local")]
    [InlineData("_53._udp.web.default.svc.cluster.local")]
    [InlineData("_._udp.web.default.svc.cluster.local")]
    [InlineData("http.tcp.web.default.svc.cluster.local")]
    [InlineData("_http._tcp.none.default.svc.cluster.local")]
    public void P38_there_is_no_server_record_for_an_unnamed_or_unknown_port(string name) => Assert.Equal("NXDOMAIN", _table.Ask(name, T.Srv));

    [Fact]
    public void A_ports_name_has_the_addresses_too_as_with_CoreDNS()
    {
        Assert.Equal("10.96.0.20", _table.Ask("_http._tcp.web.default.svc.cluster.local", T.A));
        Assert.Equal("fd00:10:96::20", _table.Ask("_http._tcp.web.default.svc.cluster.local", T.Aaaa));
    }

    [Theory]
    [InlineData("20.0.96.10.in-addr.arpa", "web.default.svc.cluster.local.")]
    [InlineData("1.0.96.10.in-addr.arpa", "kubernetes.default.svc.cluster.local.")]
    [InlineData("0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "web.default.svc.cluster.local.")]
    [InlineData("5.1.244.10.in-addr.arpa", "10-244-1-5.web.default.svc.cluster.local.")]
    public void P38_an_address_leads_back_to_its_Service(string name, string answer) => Assert.Equal(answer, _table.Ask(name, T.Ptr));

    [Theory]
    [InlineData("6.1.244.10.in-addr.arpa")] // not ready
    [InlineData("9.9.9.9.in-addr.arpa")]
    [InlineData("96.10.in-addr.arpa")]
    [InlineData("x.20.0.96.10.in-addr.arpa")]
    [InlineData("020.0.96.10.in-addr.arpa")]
    [InlineData("0.0.96.10.ip6.arpa")]
    [InlineData("example.com")]
    public void Addresses_and_names_of_others_are_not_for_the_table_whatever_the_mode(string name) => Assert.Equal("forward", _table.Ask(name, T.Ptr));

    [Fact]
    public void Only_pointers_are_answered_in_reverse_zones() => Assert.Equal("forward", _table.Ask("20.0.96.10.in-addr.arpa", T.A));

    [Theory]
    [InlineData("cluster.local", "NODATA")]
    [InlineData("svc.cluster.local", "NODATA")]
    [InlineData("pod.cluster.local", "NODATA")]
    [InlineData("default.svc.cluster.local", "NODATA")]
    [InlineData("empty.svc.cluster.local", "NODATA")]
    [InlineData("default.pod.cluster.local", "NODATA")]
    [InlineData("nowhere.svc.cluster.local", "NXDOMAIN")]
    [InlineData("nowhere.pod.cluster.local", "NXDOMAIN")]
    [InlineData("none.default.svc.cluster.local", "NXDOMAIN")]
    [InlineData("web.empty.svc.cluster.local", "NXDOMAIN")]
    [InlineData("default.cluster.local", "NXDOMAIN")]
    [InlineData("web.default.cluster.local", "NXDOMAIN")]
    [InlineData("a.b.c.web.default.svc.cluster.local", "NXDOMAIN")]
    [InlineData("*.default.svc.cluster.local", "NXDOMAIN")]
    [InlineData("web.*.svc.cluster.local", "NXDOMAIN")]
    [InlineData("*.*.web.default.svc.cluster.local", "NXDOMAIN")]
    [InlineData("any.any.svc.cluster.local", "NXDOMAIN")]
    public void P41_a_name_above_others_has_no_data_and_an_unknown_one_does_not_exist(string name, string answer)
    {
        Assert.Equal(answer, _table.Ask(name, T.A));
        Assert.Equal(answer, _table.Ask(name, T.Aaaa));
        Assert.Equal(answer, _table.Ask(name, T.Https));
    }

    [Fact]
    public void P41_the_clients_case_is_kept_and_does_not_matter()
    {
        OracleMessage reply = _table.Reply("KUBERNETES.Default.SVC.cluster.LOCAL")!;
        Assert.Equal("10.96.0.1", ClusterTable.Text(Assert.Single(reply.Answers)));
        Assert.Equal(MessageBuilder.Name("KUBERNETES.Default.SVC.cluster.LOCAL"), reply.QuestionBytes[..^4]);
    }

    [Fact]
    public void P41_negative_answers_carry_the_SOA_of_CoreDNS()
    {
        foreach (string name in (string[])["none.default.svc.cluster.local", "svc.cluster.local"])
        {
            OracleRecord soa = Assert.Single(_table.Reply(name)!.Authority);
            Assert.Equal(("cluster.local.", 5u), (soa.Owner, soa.Ttl));
            Assert.Equal("ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5", ClusterTable.Text(soa));
        }
    }

    [Fact]
    public void The_zone_has_an_SOA_and_the_clusters_DNS_Service_as_its_server()
    {
        Assert.Equal("ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5", _table.Ask("cluster.local", T.Soa));
        Assert.Equal(
            "kube-dns.kube-system.svc.cluster.local. + kube-dns.kube-system.svc.cluster.local.=10.96.0.10 kube-dns.kube-system.svc.cluster.local.=fd00:10:96::a",
            _table.Ask("cluster.local", T.Ns));
        Assert.Equal("10.96.0.10", _table.Ask("ns.dns.cluster.local", T.A));
        Assert.Equal("fd00:10:96::a", _table.Ask("ns.dns.cluster.local", T.Aaaa));
        Assert.Equal("NODATA", new ClusterTable().Ask("cluster.local", T.Ns));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(5u)]
    [InlineData(3600u)]
    public void The_TTL_is_the_configured_one_and_negative_answers_live_five_minutes_at_most(uint ttl)
    {
        ClusterTable table = new ClusterTable(ttl: ttl).Service("web.default", "10.96.0.20", "http/tcp/80");
        Assert.Equal(ttl, table.Reply("web.default.svc.cluster.local")!.Answers[0].Ttl);
        Assert.All(table.Reply("web.default.svc.cluster.local", T.Srv)!.Additional.Where(record => record.Type != T.Opt), record => Assert.Equal(ttl, record.Ttl));
        Assert.Equal(Math.Min(ttl, 300), table.Reply("none.default.svc.cluster.local")!.Authority[0].Ttl);
    }

    [Theory]
    [InlineData("github.com")]
    [InlineData("github.com.svc")]
    [InlineData("github.com.svc.xcluster.local")]
    [InlineData("github.com.svc.cluster.local.example.com")]
    [InlineData("local")]
    [InlineData("")]
    public void A25_the_Service_github_in_the_namespace_com_answers_for_no_name_outside_the_cluster(string name)
    {
        ClusterTable table = new ClusterTable().Namespace("com").Service("github.com", "10.96.6.6", "https/tcp/443");
        Assert.Equal("forward", table.Ask(name));
        Assert.Equal("10.96.6.6", table.Ask("github.com.svc.cluster.local"));
    }

    [Fact]
    public void A25_the_bytes_of_the_domain_within_a_label_are_not_the_domain()
    {
        // The label is 15 bytes long: x, then what the cluster domain looks like.
        byte[] name = [15, (byte)'x', .. MessageBuilder.Name("cluster.local")[..^1], 0];
        Assert.Null(_table.Reply([.. new MessageBuilder().Id(1).Flags(0x0100).Counts(1, 0, 0, 0).Build(), .. name, 0, 1, 0, 1]));
    }

    [Fact]
    public void A19_a_dot_within_a_label_separates_nothing()
    {
        byte[] name = [14, .. "web.default\0\n\"\xFF"u8[..14], 3, .. "svc"u8, .. MessageBuilder.Name("cluster.local")];
        byte[] header = new MessageBuilder().Id(1).Flags(0x0100).Counts(1, 0, 0, 0).Build();
        Assert.Equal(3, _table.Reply([.. header, .. name, 0, 1, 0, 1])!.Rcode);
        byte[] dotted = [11, .. "web.default"u8, 3, .. "svc"u8, .. MessageBuilder.Name("cluster.local")];
        Assert.Equal(3, _table.Reply([.. header, .. dotted, 0, 1, 0, 1])!.Rcode);
    }

    [Fact]
    public void A_reply_keeps_to_its_room_and_has_an_OPT_record_only_for_who_sent_one()
    {
        Assert.NotNull(_table.Reply("web.default.svc.cluster.local")!.Opt);
        Assert.Null(_table.Reply(MessageBuilder.Query("web.default.svc.cluster.local").Build())!.Opt);
        const string Long = "_http._tcp.web.default.svc.cluster.local";
        int head = 12 + Long.Length + 2 + 4;
        const int Opt = 11, Server = 12 + 6 + 31;
        OracleMessage bare = _table.Reply(Long, T.Srv, room: head + Server + Opt)!;
        Assert.Equal((false, 1, 1), (bare.TC, bare.Answers.Count, bare.Additional.Count));
        OracleMessage truncated = _table.Reply(Long, T.Srv, room: head + Server + Opt - 1)!;
        Assert.Equal((true, 0, 1), (truncated.TC, truncated.Answers.Count, truncated.Additional.Count));
    }
}

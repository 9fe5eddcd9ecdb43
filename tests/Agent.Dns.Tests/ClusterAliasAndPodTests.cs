using Agent.Dns.Tests.Support;
using static Agent.Dns.Tests.Support.ClusterTable;

namespace Agent.Dns.Tests;

/// <summary>Kubernetes DNS specification 1.1.0, section 2.5, and the names of pods as CoreDNS has them.</summary>
public class ClusterAliasAndPodTests
{
    private static ClusterTable Table(bool isAuthoritative = true, PodNames pods = PodNames.Insecure) => new ClusterTable(isAuthoritative, pods: pods)
        .Namespace("default")
        .Service("web.default", "10.96.0.20", "http/tcp/80")
        .Headless("db.default", Slice("", "db-0=10.244.1.5 db-1=10.244.1.6"))
        .Alias("out.default", "www.example.com")
        .Alias("via.default", "out.default.svc.cluster.local")
        .Alias("in.default", "web.default.svc.cluster.local")
        .Alias("twice.default", "in.default.svc.cluster.local")
        .Alias("pets.default", "db.default.svc.cluster.local")
        .Alias("lost.default", "none.default.svc.cluster.local")
        .Alias("round.default", "about.default.svc.cluster.local")
        .Alias("about.default", "round.default.svc.cluster.local")
        .Alias("self.default", "self.default.svc.cluster.local")
        .Pod("default", "10.244.1.9");

    [Fact]
    public void P40_an_ExternalName_is_an_alias()
    {
        ClusterTable table = Table();
        Assert.Equal("www.example.com.", table.Ask("out.default.svc.cluster.local", T.Cname));
        Assert.Equal("NODATA", table.Ask("out.default.svc.cluster.local", T.Srv));
        Assert.Equal("NODATA", table.Ask("out.default.svc.cluster.local", T.Txt));
        Assert.Equal("NXDOMAIN", table.Ask("x.out.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("_http._tcp.out.default.svc.cluster.local", T.Srv));
    }

    [Theory]
    [InlineData("out", "www.example.com")]
    [InlineData("via", "out.default.svc.cluster.local", "www.example.com")]
    public void P40_an_alias_that_leads_out_is_for_the_upstreams_who_are_asked_for_its_target(string service, params string[] targets)
    {
        foreach (ushort type in (ushort[])[T.A, T.Aaaa])
        {
            string name = $"{service}.default.svc.cluster.local";
            Assert.Equal("forward", Table().Ask(name, type));
            Detour detour = Table().FindDetour(name, type)!;
            Assert.Equal([.. MessageBuilder.Name("www.example.com"), 0, 1, 0, 0, (byte)type], detour.Asked);
            Assert.Equal((5u, 0), (detour.AliasTtl, detour.RewrittenLength));
            OracleMessage message = OracleMessage.Decode([.. MessageBuilder.Query(name, type).Counts(1, targets.Length, 0, 0).Build(), .. detour.Aliases]);
            Assert.Equal(targets.Select(target => target + "."), message.Answers.Select(Text));
            Assert.Equal([name + ".", .. targets[..^1].Select(target => target + ".")], message.Answers.Select(record => record.Owner));
            Assert.All(message.Answers, record => Assert.Equal((5u, 1), (record.Ttl, record.Class)));
        }

        Assert.Null(Table().FindDetour($"{service}.default.svc.cluster.local", T.Txt));
        Assert.Null(Table().FindDetour("web.default.svc.cluster.local"));
        Assert.Null(Table().FindDetour("www.example.com"));
    }

    [Theory]
    [InlineData("in", "web.default.svc.cluster.local. 10.96.0.20")]
    [InlineData("twice", "in.default.svc.cluster.local. web.default.svc.cluster.local. 10.96.0.20")]
    [InlineData("pets", "db.default.svc.cluster.local. 10.244.1.5 10.244.1.6")]
    public void P40_an_alias_within_the_cluster_is_answered_whole(string service, string answer)
    {
        foreach (bool isAuthoritative in (bool[])[true, false])
            Assert.Equal(answer, Table(isAuthoritative).Ask($"{service}.default.svc.cluster.local"));
        Assert.Null(Table().FindDetour($"{service}.default.svc.cluster.local"));
    }

    [Fact]
    public void P40_an_alias_of_a_name_without_addresses_of_the_family_has_none_itself() =>
        Assert.Equal("NODATA", Table(isAuthoritative: false).Ask("in.default.svc.cluster.local", T.Aaaa));

    [Theory]
    [InlineData("lost")]
    [InlineData("round")]
    [InlineData("self")]
    public void P40_an_alias_that_leads_nowhere_in_the_table_is_forwarded_as_it_is(string service)
    {
        string name = $"{service}.default.svc.cluster.local";
        Assert.Equal("forward", Table(isAuthoritative: false).Ask(name));
        Assert.Null(Table(isAuthoritative: false).FindDetour(name));
        Assert.Equal("NODATA", Table().Ask(name));
    }

    [Theory]
    [InlineData("10-244-1-9", T.A, "10.244.1.9")]
    [InlineData("1-2-3-4", T.A, "1.2.3.4")]
    [InlineData("1-2-3-4", T.Aaaa, "NODATA")]
    [InlineData("1-2-3-4", T.Txt, "NODATA")]
    [InlineData("fd00--5", T.Aaaa, "fd00::5")]
    [InlineData("fd00--5", T.A, "NODATA")]
    [InlineData("--1", T.Aaaa, "::1")]
    [InlineData("FD00-1-2-3-4-5-6-7", T.Aaaa, "fd00:1:2:3:4:5:6:7")]
    [InlineData("--ffff-102-304", T.A, "1.2.3.4")]
    [InlineData("1-2-3-256", T.A, "NXDOMAIN")]
    [InlineData("1-2-3-04", T.A, "NXDOMAIN")]
    [InlineData("1-2-3", T.A, "NXDOMAIN")]
    [InlineData("1-2-3-", T.A, "NXDOMAIN")]
    [InlineData("1-2-3-4-5-6-7-8-9", T.A, "NXDOMAIN")]
    [InlineData("1--2--3", T.A, "NXDOMAIN")]
    [InlineData("1-2-3-4-5-6-7--8", T.A, "NXDOMAIN")]
    [InlineData("fd00-----5", T.A, "NXDOMAIN")]
    [InlineData("fd00-", T.A, "NXDOMAIN")]
    [InlineData("12345--1", T.A, "NXDOMAIN")]
    [InlineData("g--1", T.A, "NXDOMAIN")]
    [InlineData("web", T.A, "NXDOMAIN")]
    [InlineData("x.1-2-3-4", T.A, "NXDOMAIN")]
    public void Insecure_pod_names_are_the_address_that_they_say(string host, int type, string answer) =>
        Assert.Equal(answer, Table().Ask($"{host}.default.pod.cluster.local", (ushort)type));

    [Fact]
    public void Insecure_pod_names_need_their_namespace() => Assert.Equal("NXDOMAIN", Table().Ask("1-2-3-4.nowhere.pod.cluster.local"));

    [Fact]
    public void Verified_pod_names_need_their_pod()
    {
        ClusterTable table = Table(pods: PodNames.Verified);
        Assert.Equal("10.244.1.9", table.Ask("10-244-1-9.default.pod.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("10-244-1-8.default.pod.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("10-244-1-9.kube-system.pod.cluster.local"));
        Assert.Equal("forward", Table(isAuthoritative: false, PodNames.Verified).Ask("10-244-1-8.default.pod.cluster.local"));
    }

    [Fact]
    public void Disabled_pod_names_do_not_exist()
    {
        ClusterTable table = Table(pods: PodNames.Disabled);
        Assert.Equal("NXDOMAIN", table.Ask("10-244-1-9.default.pod.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("default.pod.cluster.local"));
        Assert.Equal("NODATA", table.Ask("pod.cluster.local"));
    }

    [Theory]
    [InlineData("web.default.svc.cluster.local", T.A, "10.96.0.20")]
    [InlineData("web.default.svc.cluster.local", T.Aaaa, "NODATA")]
    [InlineData("db-0.db.default.svc.cluster.local", T.Aaaa, "NODATA")]
    [InlineData("default.svc.cluster.local", T.A, "NODATA")]
    [InlineData("svc.cluster.local", T.A, "NODATA")]
    [InlineData("1-2-3-4.default.pod.cluster.local", T.A, "1.2.3.4")]
    [InlineData("dns-version.cluster.local", T.Txt, "1.1.0")]
    [InlineData("none.default.svc.cluster.local", T.A, "forward")]
    [InlineData("web.nowhere.svc.cluster.local", T.A, "forward")]
    [InlineData("nowhere.svc.cluster.local", T.A, "forward")]
    [InlineData("db-9.db.default.svc.cluster.local", T.A, "forward")]
    [InlineData("_x._tcp.web.default.svc.cluster.local", T.Srv, "forward")]
    [InlineData("x.y.web.default.svc.cluster.local", T.A, "forward")]
    [InlineData("a.b.c.d.e.f.svc.cluster.local", T.A, "forward")]
    [InlineData("cluster.local", T.A, "forward")]
    [InlineData("cluster.local", T.Ns, "forward")]
    [InlineData("ns.dns.cluster.local", T.A, "forward")]
    [InlineData("dns-version.cluster.local", T.A, "forward")]
    [InlineData("default.svc.cluster.local", T.Txt, "forward")]
    [InlineData("1-2-3-4.default.pod.cluster.local", T.Srv, "forward")]
    [InlineData("foo.cluster.local", T.A, "forward")]
    public void P43_in_the_mode_table_only_what_it_surely_knows_is_answered_and_no_name_denied(string name, int type, string answer) =>
        Assert.Equal(answer, Table(isAuthoritative: false).Ask(name, (ushort)type));
}

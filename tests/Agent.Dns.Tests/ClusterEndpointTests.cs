using System.Net;
using System.Text;
using Agent.Dns.Tests.Support;
using static Agent.Dns.Tests.Support.ClusterTable;

namespace Agent.Dns.Tests;

/// <summary>Kubernetes DNS specification 1.1.0, section 2.4, and the endpoints of other Services, to which CoreDNS gives names too.</summary>
public class ClusterEndpointTests
{
    private const string Db = "db.default.svc.cluster.local";

    private static readonly ClusterTable _table = new ClusterTable()
        .Namespace("default")
        .Headless("db.default", Slice("sql/tcp/5432 admin/tcp/8080", "db-0=10.244.1.5 db-1=10.244.1.6 !db-2=10.244.1.7"), Slice("sql/tcp/5432 admin/tcp/8080", "db-0=fd00::5 db-1=fd00::6"))
        .Headless("plain.default", Slice("", "10.244.2.5 fd00::7:0:0:1"))
        .Headless("down.default", Slice("http/tcp/80", "!10.244.3.5"))
        .Headless("none.default")
        .NotReadyToo("early.default", Slice("http/tcp/80", "!a=10.244.4.5 10.244.4.6"))
        .Service("web.default", "10.96.0.20", "http/tcp/80", Slice("http/tcp/8080", "10.244.5.5 w-1=10.244.5.6 !10.244.5.7"))
        .Only("orphan.default", Slice("", "10.244.6.5"));

    [Fact]
    public void P39_a_headless_Service_has_the_addresses_of_its_ready_endpoints()
    {
        Assert.Equal("10.244.1.5 10.244.1.6", _table.Ask(Db));
        Assert.Equal("fd00::5 fd00::6", _table.Ask(Db, T.Aaaa));
        Assert.Equal("NODATA", _table.Ask(Db, T.Txt));
        Assert.Equal("NODATA", _table.Ask("early.default.svc.cluster.local", T.Aaaa));
    }

    [Theory]
    [InlineData("db-0.db.default.svc.cluster.local", T.A, "10.244.1.5")]
    [InlineData("DB-0.db.default.svc.cluster.local", T.Aaaa, "fd00::5")]
    [InlineData("db-2.db.default.svc.cluster.local", T.A, "NXDOMAIN")]
    [InlineData("10-244-1-5.db.default.svc.cluster.local", T.A, "NXDOMAIN")] // the hostname stands in its place
    [InlineData("10-244-2-5.plain.default.svc.cluster.local", T.A, "10.244.2.5")]
    [InlineData("10-244-2-5.plain.default.svc.cluster.local", T.Aaaa, "NODATA")]
    [InlineData("fd00--7-0-0-1.plain.default.svc.cluster.local", T.Aaaa, "fd00::7:0:0:1")]
    [InlineData("10-244-5-5.web.default.svc.cluster.local", T.A, "10.244.5.5")]
    [InlineData("w-1.web.default.svc.cluster.local", T.A, "10.244.5.6")]
    [InlineData("10-244-5-7.web.default.svc.cluster.local", T.A, "NXDOMAIN")]
    [InlineData("10-244-6-5.orphan.default.svc.cluster.local", T.A, "NXDOMAIN")]
    public void P39_an_endpoint_is_named_by_its_hostname_else_by_its_address(string name, int type, string answer) =>
        Assert.Equal(answer, _table.Ask(name, (ushort)type));

    [Theory]
    [InlineData("down")]
    [InlineData("none")]
    [InlineData("orphan")]
    public void P39_a_headless_Service_without_ready_endpoints_does_not_exist(string service)
    {
        Assert.Equal("NXDOMAIN", _table.Ask($"{service}.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", _table.Ask($"_http._tcp.{service}.default.svc.cluster.local", T.Srv));
    }

    [Fact]
    public void P39_endpoints_that_are_not_ready_count_where_the_Service_publishes_them()
    {
        Assert.Equal("10.244.4.6 10.244.4.5", _table.Ask("early.default.svc.cluster.local"));
        Assert.Equal("10.244.4.5", _table.Ask("a.early.default.svc.cluster.local"));
        Assert.Equal("a.early.default.svc.cluster.local.", _table.Ask("5.4.244.10.in-addr.arpa", T.Ptr));
    }

    [Fact]
    public void P39_each_endpoint_and_port_is_a_server_once_though_it_has_addresses_of_two_families()
    {
        const string Addresses = "+ db-0.db.default.svc.cluster.local.=10.244.1.5 db-0.db.default.svc.cluster.local.=fd00::5 db-1.db.default.svc.cluster.local.=10.244.1.6 db-1.db.default.svc.cluster.local.=fd00::6";
        Assert.Equal($"0,25,5432,db-0.{Db}. 0,25,5432,db-1.{Db}. {Addresses}", _table.Ask($"_sql._tcp.{Db}", T.Srv));
        Assert.Equal($"0,12,5432,db-0.{Db}. 0,12,8080,db-0.{Db}. 0,12,5432,db-1.{Db}. 0,12,8080,db-1.{Db}. {Addresses}", _table.Ask(Db, T.Srv));
        Assert.StartsWith($"0,25,5432,db-0.{Db}. 0,25,8080,db-0.{Db}. +", _table.Ask($"db-0.{Db}", T.Srv), StringComparison.Ordinal);
        Assert.Equal("NODATA", _table.Ask("plain.default.svc.cluster.local", T.Srv));
        Assert.Equal("NXDOMAIN", _table.Ask($"_other._tcp.{Db}", T.Srv));
    }

    [Theory]
    [InlineData("5.1.244.10.in-addr.arpa", "db-0.db.default.svc.cluster.local.")]
    [InlineData("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "db-0.db.default.svc.cluster.local.")]
    [InlineData("7.1.244.10.in-addr.arpa", "forward")]
    [InlineData("5.2.244.10.in-addr.arpa", "10-244-2-5.plain.default.svc.cluster.local.")]
    [InlineData("5.6.244.10.in-addr.arpa", "10-244-6-5.orphan.default.svc.cluster.local.")]
    public void P39_an_endpoints_address_leads_back_to_its_name(string name, string answer) => Assert.Equal(answer, _table.Ask(name, T.Ptr));

    [Fact]
    public void An_address_in_two_Services_leads_to_both_names_and_the_address_of_a_Service_to_it_alone()
    {
        ClusterTable table = new ClusterTable()
            .Headless("a.default", Slice("", "10.244.1.5")).Headless("b.default", Slice("", "x=10.244.1.5"))
            .Headless("c.default", Slice("", "10.96.0.1")).Service("kubernetes.default", "10.96.0.1");
        Assert.Equal("10-244-1-5.a.default.svc.cluster.local. x.b.default.svc.cluster.local.", table.Ask("5.1.244.10.in-addr.arpa", T.Ptr));
        Assert.Equal("kubernetes.default.svc.cluster.local.", table.Ask("1.0.96.10.in-addr.arpa", T.Ptr));
    }

    [Fact]
    public void An_endpoint_that_two_slices_tell_of_is_answered_once()
    {
        ClusterTable table = new ClusterTable().Headless(
            "db.default", Slice("sql/tcp/5432", "db-0=10.244.1.5 10.244.1.6"), Slice("sql/tcp/5432", "db-0=10.244.1.5 other=10.244.1.6 !db-0=10.244.1.9"));
        Assert.Equal("10.244.1.6 10.244.1.5", table.Ask(Db));
        Assert.Equal("10.244.1.5", table.Ask($"db-0.{Db}"));
        Assert.Equal($"0,100,5432,other.{Db}. + other.{Db}.=10.244.1.6", table.Ask($"other.{Db}", T.Srv));
        Assert.Equal(
            $"0,25,5432,10-244-1-6.{Db}. 0,25,5432,db-0.{Db}. 0,25,5432,other.{Db}. + 10-244-1-6.{Db}.=10.244.1.6 db-0.{Db}.=10.244.1.5 other.{Db}.=10.244.1.6",
            table.Ask($"_sql._tcp.{Db}", T.Srv));
    }

    [Fact]
    public void Addresses_take_turns_at_the_first_place()
    {
        ClusterTable table = new ClusterTable().Headless("db.default", Slice("", "10.0.0.1 10.0.0.2 10.0.0.3"));
        Assert.Equal("10.0.0.1 10.0.0.2 10.0.0.3", table.Ask(Db, id: 3));
        Assert.Equal("10.0.0.2 10.0.0.3 10.0.0.1", table.Ask(Db, id: 4));
        Assert.Equal("10.0.0.3 10.0.0.1 10.0.0.2", table.Ask(Db, id: 65534));
    }

    [Fact]
    public void Too_many_endpoints_for_a_datagram_send_the_client_to_TCP_and_the_additional_section_alone_does_not()
    {
        ClusterTable table = new ClusterTable().Headless("db.default", Slice("sql/tcp/5432", string.Join(' ', Enumerable.Range(1, 100).Select(i => $"10.0.0.{i}"))));
        OracleMessage reply = table.Reply(Db, room: 1232)!;
        Assert.Equal((true, 0, 0), (reply.TC, reply.Rcode, reply.Answers.Count));
        Assert.Equal(100, table.Reply(Db)!.Answers.Count);
        OracleMessage all = table.Reply(Db, T.Srv)!;
        Assert.Equal((100, 101), (all.Answers.Count, all.Additional.Count));
        OracleMessage some = table.Reply(Db, T.Srv, room: 7000)!;
        Assert.Equal((false, 100, 1), (some.TC, some.Answers.Count, some.Additional.Count));
    }

    [Theory]
    [InlineData("10.244.1.5", "10-244-1-5")]
    [InlineData("fd00::5", "fd00--5")]
    [InlineData("::1", "--1")]
    [InlineData("fd00::", "fd00--0")]
    [InlineData("::", "--0")]
    [InlineData("1:0:2:0:0:3:0:0", "1-0-2--3-0-0")]
    [InlineData("1:0:2:3:4:5:6:7", "1-0-2-3-4-5-6-7")]
    [InlineData("1:2:3:4:5:6:0:0", "1-2-3-4-5-6--0")]
    public void An_address_is_one_label_as_with_CoreDNS(string address, string label) =>
        Assert.Equal(label, Encoding.ASCII.GetString(DashedAddress.ToLabel(IPAddress.Parse(address).GetAddressBytes())));

    [Fact]
    public void A_Service_of_five_thousand_endpoints_is_answered_over_TCP_and_truncated_over_UDP()
    {
        ClusterTable table = new ClusterTable().Headless(
            "db.default", [.. Enumerable.Range(0, 50).Select(slice => Slice("sql/tcp/5432", string.Join(' ', Enumerable.Range(0, 100).Select(i => $"10.{slice}.{i / 250}.{i + 1}"))))]);
        Assert.True(table.Reply(Db, room: 1232)!.TC);
        Assert.True(table.Reply(Db)!.TC); // 80,000 bytes
        Assert.Equal("10.7.0.3", table.Ask("10-7-0-3.db.default.svc.cluster.local"));
    }
}

using System.Net;
using Agent.Cluster;
using Agent.Dns;
using Agent.Kubernetes;
using Agent.Tests.Support;
using static Agent.Tests.Cluster.NameObjects;

namespace Agent.Tests.Cluster;

public sealed class NameTableTests
{
    private const string Web = "web.default.svc.cluster.local";
    private const string Db = "db.default.svc.cluster.local";

    private readonly NameTable _table = new(Zone, TimeProvider.System);

    public NameTableTests()
    {
        _table.SetNamespace("default", exists: true);
        _table.Set(Service("web.default", "10.96.0.20 fd00::20", "http/TCP/80 dns/UDP/53"));
        _table.Set(Headless("db.default"));
        _table.Set(Slice("db-1.default", "db-0=10.244.1.5 !db-1=10.244.1.6"));
    }

    [Fact]
    public void P42_everything_is_forwarded_until_the_first_lists_are_complete()
    {
        Assert.Empty(_table.Publish());
        Assert.Null(_table.Current);
        Assert.Equal("forward", _table.Ask(Web));
        Sync();
        Assert.Equal("10.96.0.20", _table.Ask(Web));
        Assert.Equal("NXDOMAIN", _table.Ask("none.default.svc.cluster.local"));
    }

    [Fact]
    public void P38_a_Service_becomes_its_names()
    {
        Sync();
        Assert.Equal("fd00::20", _table.Ask(Web, RR.Aaaa));
        Assert.Equal($"80,{Web}.", _table.Ask($"_http._tcp.{Web}", Srv));
        Assert.Equal($"53,{Web}.", _table.Ask($"_dns._udp.{Web}", Srv));
        Assert.Equal($"{Web}.", _table.Ask("20.0.96.10.in-addr.arpa", Ptr));
        Assert.Equal("NODATA", _table.Ask("default.svc.cluster.local"));
    }

    [Fact]
    public void P39_slices_come_go_and_change_and_their_endpoints_with_them()
    {
        Sync();
        Assert.Equal("10.244.1.5", _table.Ask(Db));
        Assert.Equal($"8080,db-0.{Db}.", _table.Ask($"_http._tcp.{Db}", Srv));

        _table.Set(Slice("db-1.default", "db-0=10.244.1.5 db-1=10.244.1.6"));
        _table.Set(Slice("db-2.default", "10.244.2.5"));
        _table.Publish();
        Assert.Equal("10.244.1.5 10.244.1.6 10.244.2.5", _table.Ask(Db));

        _table.SetSlice(Key("db-1.default"), null);
        _table.Publish();
        Assert.Equal("10.244.2.5", _table.Ask(Db));
        Assert.Equal("NXDOMAIN", _table.Ask($"db-0.{Db}"));
        Assert.Equal("forward", _table.Ask("5.1.244.10.in-addr.arpa", Ptr));

        _table.SetSlice(Key("db-2.default"), null);
        _table.Publish();
        Assert.Equal("NXDOMAIN", _table.Ask(Db));
    }

    [Fact]
    public void P39_endpoints_that_are_not_ready_count_where_the_Service_says_so()
    {
        _table.Set(Headless("db.default") with { PublishNotReadyAddresses = true });
        Sync();
        Assert.Equal("10.244.1.5 10.244.1.6", _table.Ask(Db));
        _table.Set(Headless("db.default"));
        _table.Publish();
        Assert.Equal("10.244.1.5", _table.Ask(Db));
    }

    [Fact]
    public void A_slice_that_passes_to_another_Service_leaves_the_first()
    {
        _table.Set(Headless("other.default"));
        Sync();
        _table.Set(Slice("db-1.default", "db-0=10.244.1.5") with { ServiceName = "other" });
        _table.Publish();
        Assert.Equal("NXDOMAIN", _table.Ask(Db));
        Assert.Equal("10.244.1.5", _table.Ask("other.default.svc.cluster.local"));
        _table.Set(Slice("db-1.default", "db-0=10.244.1.5") with { ServiceName = "" });
        _table.Publish();
        Assert.Equal("NXDOMAIN", _table.Ask("other.default.svc.cluster.local"));
    }

    [Fact]
    public void Slices_may_come_before_their_Service_and_stay_after_it()
    {
        _table.Set(Slice("late-1.default", "10.244.3.5"));
        Sync();
        Assert.Equal("NXDOMAIN", _table.Ask("late.default.svc.cluster.local"));
        _table.Set(Headless("late.default"));
        _table.Publish();
        Assert.Equal("10.244.3.5", _table.Ask("late.default.svc.cluster.local"));
        _table.SetService(Key("late.default"), null);
        _table.Publish();
        Assert.Equal("NXDOMAIN", _table.Ask("late.default.svc.cluster.local"));
        _table.Set(Headless("late.default"));
        _table.Publish();
        Assert.Equal("10.244.3.5", _table.Ask("late.default.svc.cluster.local"));
    }

    [Fact]
    public void P42_a_Service_that_goes_is_gone_with_the_next_table()
    {
        Sync();
        _table.SetService(Key("web.default"), null);
        Assert.Equal("10.96.0.20", _table.Ask(Web));
        IReadOnlyList<NameChange> changes = _table.Publish();
        Assert.Equal("NXDOMAIN", _table.Ask(Web));
        Assert.Contains(changes, change => DnsName.ToText(change.Name) == $"{Web}." && change is { Existed: true, Exists: false });
    }

    [Fact]
    public void A_burst_is_one_table_and_tells_each_name_once()
    {
        Sync();
        for (int i = 0; i < 20; i++)
        {
            _table.Set(Service("new.default", $"10.96.1.{i}"));
            _table.Set(Slice("db-1.default", $"db-0=10.244.1.{i + 50}"));
        }

        ClusterNames? before = _table.Current;
        string[] names = [.. _table.Publish().Select(change => DnsName.ToText(change.Name)).Order(StringComparer.Ordinal)];
        Assert.NotSame(before, _table.Current);
        Assert.Equal(
            [
                "19.1.96.10.in-addr.arpa.", "5.1.244.10.in-addr.arpa.", "69.1.244.10.in-addr.arpa.", $"_http._tcp.{Db}.", "_http._tcp.new.default.svc.cluster.local.",
                $"db-0.{Db}.", $"{Db}.", "new.default.svc.cluster.local.",
            ],
            names);
    }

    [Theory]
    [InlineData("www.example.com", "www.example.com.")]
    [InlineData("WWW.Example.com.", "www.example.com.")]
    [InlineData("192.0.2.1", "NXDOMAIN")]
    [InlineData("", "NXDOMAIN")]
    [InlineData("a..b", "NXDOMAIN")]
    public void P40_an_ExternalName_becomes_an_alias_unless_it_is_no_name(string target, string answer)
    {
        _table.Set(new Service { Key = Key("out.default"), Type = "ExternalName", ExternalName = target });
        Sync();
        Assert.Equal(answer, _table.Ask("out.default.svc.cluster.local", RR.Cname));
    }

    [Fact]
    public void A_Service_without_an_address_yet_has_no_name_yet()
    {
        _table.Set(Service("young.default", ""));
        Sync();
        Assert.Equal("NXDOMAIN", _table.Ask("young.default.svc.cluster.local"));
    }

    [Theory]
    [InlineData("Web", "default")] // would take the place of web
    [InlineData("a.b", "default")]
    [InlineData("", "default")]
    [InlineData("web", "a.default")]
    [InlineData("web_1", "default")]
    [InlineData("a-label-of-sixty-four-characters-which-is-one-more-than-a-label-ha", "default")]
    public void A25_objects_whose_names_are_no_labels_have_no_names(string service, string @namespace)
    {
        _table.SetService(new ObjectKey(@namespace, service), Service("x.default", "10.96.6.6"));
        _table.SetSlice(new ObjectKey(@namespace, "slice"), Slice("slice.default", "10.66.6.6") with { ServiceName = service });
        _table.SetNamespace(@namespace == "default" ? service : @namespace, exists: true);
        Sync();
        Assert.Equal("10.96.0.20", _table.Ask(Web));
        Assert.Equal("forward", _table.Ask("6.6.96.10.in-addr.arpa", Ptr));
        Assert.Equal("forward", _table.Ask("6.6.66.10.in-addr.arpa", Ptr));
    }

    [Fact]
    public void A_hostname_that_is_no_label_is_as_good_as_none()
    {
        _table.Set(Slice("db-1.default", "Db-0=10.244.1.5 a.b=10.244.1.6 -=10.244.1.7"));
        Sync();
        Assert.Equal("10.244.1.5", _table.Ask($"db-0.{Db}"));
        Assert.Equal("10.244.1.6", _table.Ask($"10-244-1-6.{Db}"));
    }

    [Fact]
    public void Verified_pods_are_known_by_their_first_address_until_the_last_with_it_goes()
    {
        NameTable table = new(Zone with { Pods = PodNames.Verified }, TimeProvider.System);
        table.SetNamespace("default", exists: true);
        Pod pod = new() { Key = Key("a.default"), Addresses = [IPAddress.Parse("10.244.1.9"), IPAddress.Parse("fd00::9")] };
        table.Set(pod);
        table.Set(pod with { Key = Key("b.default") });
        table.MarkSynced();
        table.Publish();
        Assert.Equal("10.244.1.9", table.Ask("10-244-1-9.default.pod.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("fd00--9.default.pod.cluster.local", RR.Aaaa));
        table.SetPod(Key("a.default"), null);
        table.Publish();
        Assert.Equal("10.244.1.9", table.Ask("10-244-1-9.default.pod.cluster.local"));
        table.SetPod(Key("b.default"), null);
        table.Publish();
        Assert.Equal("NXDOMAIN", table.Ask("10-244-1-9.default.pod.cluster.local"));
    }

    [Fact]
    public void P42_a_new_Service_is_answered_though_its_absence_was_cached_and_the_change_drops_that()
    {
        Sync();
        ResponseCache cache = new(1 << 20, TimeSpan.FromDays(1));
        Query.TryParse(DnsMessage.Query("new.default.svc.cluster.local").ToBytes(), new byte[Query.MaxKeyLength], out Query query);
        cache.StoreFailure(query.Key, now: 0);
        _table.Set(Service("new.default", "10.96.0.30"));
        foreach (NameChange change in _table.Publish())
            cache.Remove(change.Name);
        Assert.Equal("10.96.0.30", _table.Ask("new.default.svc.cluster.local"));
        Assert.Equal(0, cache.Count);
    }

    private void Sync()
    {
        _table.MarkSynced();
        Assert.Empty(_table.Publish());
    }
}

using System.Net;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Tests.Cluster;

/// <summary>What follows from the kube-dns Service and its EndpointSlices.</summary>
public class KubeDnsTests
{
    private static readonly ObjectKey _key = new("kube-system", "kube-dns");

    private static readonly Service _service = new()
    {
        Key = _key,
        ClusterIPs = [IPAddress.Parse("10.96.0.10"), IPAddress.Parse("fd00:10:96::a")],
        Ports = [new("dns", 53, "UDP", "dns"), new("dns-tcp", 53, "TCP", "dns-tcp"), new("metrics", 9153, "TCP", "9153")],
    };

    [Fact]
    public void Each_ClusterIP_is_a_frontend_for_each_protocol_with_the_endpoints_of_its_family_behind_it()
    {
        KubeDns kubeDns = KubeDns.Of(_service, [Slice("four", At("10.244.0.2"), At("10.244.0.3")), Slice("six", At("fd00:10:244::2"))], zone: null);

        Assert.Equal(
            ["10.96.0.10 Udp 10.244.0.2:5353 10.244.0.3:5353", "fd00:10:96::a Udp [fd00:10:244::2]:5353", "10.96.0.10 Tcp 10.244.0.2:5353 10.244.0.3:5353", "fd00:10:96::a Tcp [fd00:10:244::2]:5353"],
            kubeDns.Frontends.Select(TextOf));
        Assert.Equal(["10.244.0.2:5353", "10.244.0.3:5353", "[fd00:10:244::2]:5353"], kubeDns.Servers.Select(server => server.ToString()));
    }

    [Fact]
    public void Only_ready_endpoints_count()
    {
        EndpointSlice slice = Slice("own", At("10.244.0.2"), At("10.244.0.3") with { IsReady = false }, At("10.244.0.4") with { IsTerminating = true });

        Assert.Equal(["10.244.0.2:5353"], KubeDns.Of(_service, [slice], zone: null).Servers.Select(server => server.ToString()));
    }

    [Theory]
    [InlineData("a", true, "10.244.0.2:5353")]
    [InlineData("b", true, "10.244.0.3:5353")]
    [InlineData("c", true, "10.244.0.2:5353 10.244.0.3:5353")]
    [InlineData(null, true, "10.244.0.2:5353 10.244.0.3:5353")]
    [InlineData("a", false, "10.244.0.2:5353 10.244.0.3:5353")]
    public void Topology_hints_count_when_every_endpoint_has_one_and_some_name_this_nodes_zone(string? zone, bool bothHaveHints, string expected)
    {
        EndpointSlice slice = Slice("one", At("10.244.0.2") with { ForZones = ["a"] }, At("10.244.0.3") with { ForZones = bothHaveHints ? ["b"] : [] });

        Assert.Equal(expected, string.Join(' ', KubeDns.Of(_service, [slice], zone).Servers));
    }

    [Fact]
    public void While_no_endpoint_is_ready_those_of_before_stay()
    {
        KubeDns before = KubeDns.Of(_service, [Slice("one", At("10.244.0.2")), Slice("six", At("fd00:10:244::2"))], zone: null);
        KubeDns now = KubeDns.Of(_service, [Slice("six", At("fd00:10:244::3"))], zone: null).Keeping(new ClusterFindings(before, []));

        Assert.Equal(["10.96.0.10 Tcp 10.244.0.2:5353", "fd00:10:96::a Tcp [fd00:10:244::3]:5353"], now.Frontends.Skip(2).Select(TextOf));
        Assert.True(KubeDns.Of(_service, [], zone: null).Keeping(new ClusterFindings(before, [])).SaysTheSameAs(before));
        Assert.False(now.SaysTheSameAs(before));
    }

    [Fact]
    public void Before_any_server_is_known_cluster_names_have_a_route_of_their_own_nevertheless()
    {
        RouteConfiguration route = Assert.Single(KubeDns.None.Routes("cluster.local"));

        Assert.Equal(("cluster.local", 0), (route.Zone, route.Servers.Count));
    }

    [Fact]
    public void A_policy_for_a_part_of_kube_dns_has_it_over_the_same_endpoints_and_the_rest_stays()
    {
        KubeDns kubeDns = KubeDns.Of(_service, [Slice("four", At("10.244.0.2"))], zone: null);
        FrontendConfiguration policy = new()
        {
            Address = _service.ClusterIPs[0],
            Protocols = [TransportProtocol.Udp],
            IsServedByAgent = false,
            Local = [IPEndPoint.Parse("10.244.1.3:53")],
        };

        IReadOnlyList<FrontendConfiguration> frontends = new ClusterFindings(kubeDns, [policy]).Frontends;

        Assert.Equal(
            ["10.96.0.10 Udp 10.244.0.2:5353", "fd00:10:96::a Udp", "10.96.0.10 Tcp 10.244.0.2:5353", "fd00:10:96::a Tcp"],
            frontends.Select(TextOf));
        Assert.True(frontends[0] is { IsServedByAgent: false, IsClusterDns: true, Local.Count: 1 });
    }

    [Fact]
    public void What_a_kernel_remembers_keeps_its_servers_and_the_frontends_of_policies_as_they_are()
    {
        FrontendConfiguration plain = new() { Address = _service.ClusterIPs[0], Protocols = [TransportProtocol.Udp], Fallback = [IPEndPoint.Parse("10.244.0.2:53")], IsClusterDns = true };
        FrontendConfiguration overridden = plain with { Protocols = [TransportProtocol.Tcp], IsServedByAgent = false };
        FrontendConfiguration other = new() { Address = IPAddress.Parse("10.96.0.20"), Port = 80, Protocols = [TransportProtocol.Tcp], Fallback = [IPEndPoint.Parse("10.244.0.9:80")], IsServedByAgent = false };

        ClusterFindings remembered = ClusterFindings.Remembered([plain, overridden, other]);

        Assert.Equal(["10.244.0.2:53"], remembered.KubeDns.Servers.Select(server => server.ToString()));
        Assert.Equal([plain], remembered.KubeDns.Frontends);
        Assert.Equal([overridden, other], remembered.Policies);
        KubeDns none = KubeDns.Of(_service, [], zone: null).Keeping(remembered);
        Assert.Equal("10.244.0.2:53", Assert.Single(none.Frontends.First(frontend => frontend.Overlaps(overridden)).Fallback).ToString());
    }

    private static string TextOf(FrontendConfiguration frontend) =>
        $"{frontend.Address} {Assert.Single(frontend.Protocols)} {string.Join(' ', frontend.Fallback)}".TrimEnd();

    private static Endpoint At(string address) => new() { Addresses = [IPAddress.Parse(address)] };

    private static EndpointSlice Slice(string name, params Endpoint[] endpoints) => new()
    {
        Key = new ObjectKey("kube-system", name),
        ServiceName = "kube-dns",
        Ports = [new("dns", 5353, "UDP"), new("dns-tcp", 5353, "TCP"), new("metrics", 9153, "TCP")],
        Endpoints = endpoints,
    };
}

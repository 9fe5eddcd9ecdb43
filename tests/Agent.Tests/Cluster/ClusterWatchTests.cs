using Agent.Configuration;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster;

/// <summary>An agent that is told of kube-dns by an API server alone.</summary>
public sealed class ClusterWatchTests : IAsyncLifetime
{
    private const string Name = "web.default.svc.cluster.local";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-cluster-");
    private readonly ScriptedUpstream _kubeDns = ScriptedUpstream.Answering("10.96.7.7", ttl: 5);
    private readonly ScriptedUpstream _others = new(exchange => exchange.Send(exchange.Query.Reply(3)));
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _kubeDns.Dispose();
        _others.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Cluster_names_are_asked_of_the_endpoints_of_kube_dns_over_TCP_and_all_else_of_the_other_routes()
    {
        PutKubeDns();
        using AgentUnderTest agent = Start();
        await HasServers(agent, 1);

        Assert.Equal("10.96.7.7", Assert.Single((await agent.Ask(Name)).Answers).Address.ToString());
        Assert.Equal(3, (await agent.Ask("www.example.test")).ResponseCode);

        Assert.True(Assert.Single(_kubeDns.Exchanges).IsTcp);
        Assert.Equal(["www.example.test"], _others.Exchanges.Select(exchange => exchange.Name));
    }

    [Fact]
    public async Task F7_until_the_API_server_is_heard_no_other_server_is_asked_for_cluster_names_and_all_else_is_answered()
    {
        await _server.Stop();
        using AgentUnderTest agent = Start();

        Assert.Equal(2, (await agent.Ask(Name)).ResponseCode);
        Assert.Equal(3, (await agent.Ask("www.example.test")).ResponseCode);
        Assert.Equal(0, _others.CountOf(Name));

        PutKubeDns();
        await _server.Listen();
        await HasServers(agent, 1);
        Assert.Single((await agent.Ask("other.default.svc.cluster.local")).Answers);
    }

    [Fact]
    public async Task A_change_of_the_endpoints_takes_effect_and_no_ready_endpoint_changes_nothing()
    {
        PutKubeDns();
        using AgentUnderTest agent = Start();
        await HasServers(agent, 1);
        using ScriptedUpstream second = ScriptedUpstream.Answering("10.96.8.8", at: new(System.Net.IPAddress.Parse("127.99.0.2"), _kubeDns.EndPoint.Port));

        _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", second.EndPoint.Port, $"{second.EndPoint.Address}", $"!{_kubeDns.EndPoint.Address}"));
        await Wait.Until(() => Servers(agent).SequenceEqual([$"{second.EndPoint}"]), "the second endpoint");
        Assert.Equal("10.96.8.8", Assert.Single((await agent.Ask(Name)).Answers).Address.ToString());

        _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", second.EndPoint.Port, $"!{second.EndPoint.Address}"));
        await Task.Delay(300);
        Assert.Equal([$"{second.EndPoint}"], Servers(agent));
    }

    [Fact]
    public async Task A_configured_route_for_the_cluster_domain_wins()
    {
        PutKubeDns();
        using AgentUnderTest agent = Start(AgentUnderTest.Route("cluster.local", TransportProtocol.Udp, _others));
        await Wait.Until(() => agent.Routes.Routes.Any(route => route.Zone.Length > 1 && route.Zone[1] == 'i'), "the reverse route, which is not configured");

        Assert.Equal(3, (await agent.Ask(Name)).ResponseCode);
        Assert.Equal(0, _kubeDns.Count);
    }

    [Fact]
    public async Task P38_a_Service_is_answered_from_the_table_and_its_changes_follow_within_a_second_whatever_was_cached()
    {
        PutKubeDns();
        _kubeDns.Handler = exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("cluster.local", ttl: 30, minimum: 30)] });
        _server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}""");
        using AgentUnderTest agent = Start();
        await HasServers(agent, 1);
        Assert.Equal(3, (await agent.Ask(Name)).ResponseCode); // kube-dns says so, and that is cached

        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        await Wait.Until(() => AddressOf(agent) == "10.96.1.1", "the new Service");
        int asked = _kubeDns.Count;
        _server.Put(ApiObjects.Service("web", "10.96.1.2"));
        await Wait.Until(() => AddressOf(agent) == "10.96.1.2", "its new address");
        DnsMessage otherFamily = await agent.Ask(Name, RR.Aaaa);

        Assert.Equal((0, 0), (otherFamily.ResponseCode, otherFamily.Answers.Count));
        Assert.Equal(asked, _kubeDns.Count);
        _server.Delete("v1", "services", "web", "default");
        await Wait.Until(() => AddressOf(agent) == "", "no Service");
        Assert.Equal(asked + 1, _kubeDns.Count);
    }

    [Fact]
    public async Task P38_what_was_cached_of_reverse_names_before_the_first_table_does_not_outlive_it()
    {
        const string known = "1.1.96.10.in-addr.arpa", gone = "2.1.96.10.in-addr.arpa";
        PutKubeDns();
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        _server.Trouble.Forbidden["namespaces"] = true; // without which there is no table
        Task Deny(UpstreamExchange exchange) => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("in-addr.arpa", ttl: 300, minimum: 300)] });
        _kubeDns.Handler = exchange => exchange.Name.Equals(gone, StringComparison.OrdinalIgnoreCase)
            ? exchange.Answer(new ResourceRecord(exchange.Name, RR.Ptr, 1, 300, RR.NameBytes("gone.default.svc.cluster.local"))) : Deny(exchange);
        using AgentUnderTest agent = Start();
        await HasServers(agent, 1);
        Assert.Equal(3, (await agent.Ask(known, RR.Ptr)).ResponseCode);
        Assert.Single((await agent.Ask(gone, RR.Ptr)).Answers);
        _kubeDns.Handler = Deny;
        Assert.Single((await agent.Ask(gone, RR.Ptr)).Answers); // cached

        _server.Trouble.Forbidden.Clear();

        await Wait.Until(() => agent.Ask(known, RR.Ptr).GetAwaiter().GetResult().Answers.Count == 1, "the table");
        await Wait.Until(() => agent.Ask(gone, RR.Ptr).GetAwaiter().GetResult().ResponseCode == 3, "what was told of before is forgotten");
    }

    [Fact]
    public async Task P40_the_target_of_an_ExternalName_is_asked_of_its_own_route()
    {
        PutKubeDns();
        _server.Put("""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default"},"spec":{"type":"ExternalName","externalName":"www.example.test"}}
            """);
        _others.Handler = exchange => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        using AgentUnderTest agent = Start();

        await Wait.Until(() => agent.Ask(Name, RR.Cname).GetAwaiter().GetResult().Flags is var flags && (flags & 0x0400) != 0, "the table");
        DnsMessage reply = await agent.Ask(Name);

        Assert.Equal([RR.Cname, RR.A], reply.Answers.Select(answer => answer.Type));
        Assert.Equal(1, _others.CountOf("www.example.test"));
    }

    [Fact]
    public async Task F8_while_kube_dns_is_down_the_names_of_the_table_are_answered()
    {
        PutKubeDns();
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        _kubeDns.Handler = _ => Task.CompletedTask;
        using AgentUnderTest agent = Start();

        await Wait.Until(() => AddressOf(agent) == "10.96.1.1", "the Service");
        foreach (TransportProtocol protocol in (TransportProtocol[])[TransportProtocol.Udp, TransportProtocol.Tcp])
            Assert.Equal("10.96.1.1", Assert.Single((await agent.Ask(Name, protocol: protocol)).Answers).Address.ToString());
    }

    [Fact]
    public async Task With_clusterNames_forward_the_table_is_not_even_kept()
    {
        PutKubeDns();
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        using AgentUnderTest agent = Start(ClusterNamesMode.Forward);
        await HasServers(agent, 1);

        Assert.Equal("10.96.7.7", AddressOf(agent));
        Assert.DoesNotContain(_server.Requests, request => request.Path == "/api/v1/services");
    }

    [Fact]
    public async Task With_clusterNames_authoritative_what_the_table_does_not_have_does_not_exist()
    {
        PutKubeDns();
        _server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}""");
        using AgentUnderTest agent = Start(ClusterNamesMode.Authoritative);
        await HasServers(agent, 1);
        await Wait.Until(() => agent.Ask("dns-version.cluster.local", RR.Txt).GetAwaiter().GetResult().Answers.Count == 1, "the table");
        int asked = _kubeDns.Count;

        Assert.Equal(3, (await agent.Ask(Name)).ResponseCode);
        Assert.Equal(asked, _kubeDns.Count);
    }

    private static string AddressOf(AgentUnderTest agent) =>
        agent.Ask(Name).GetAwaiter().GetResult().Answers is [{ } answer] ? answer.Address.ToString() : "";

    private void PutKubeDns()
    {
        _server.Put(ApiObjects.KubeDns("10.96.0.10"));
        _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", _kubeDns.EndPoint.Port, $"{_kubeDns.EndPoint.Address}"));
    }

    private AgentUnderTest Start(params RouteConfiguration[] routes) => Start(ClusterNamesMode.Table, routes);

    private AgentUnderTest Start(ClusterNamesMode mode, params RouteConfiguration[] routes)
    {
        string kubeconfig = Path.Combine(_directory.FullName, "kubeconfig");
        File.WriteAllText(kubeconfig, ApiObjects.Kubeconfig(_server));
        AgentConfiguration configuration = AgentUnderTest.Configuration([.. routes, AgentUnderTest.RootRoute(TransportProtocol.Udp, _others)]);
        return AgentUnderTest.Start(configuration with { Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = kubeconfig, ClusterNames = mode } });
    }

    private static IEnumerable<string> Servers(AgentUnderTest agent) =>
        agent.Routes.Find(Dns.DnsName.FromText("cluster.local"))!.Servers.Select(server => server.EndPoint.ToString());

    private static Task HasServers(AgentUnderTest agent, int count) => Wait.Until(() => Servers(agent).Count() == count, "the endpoints of kube-dns");
}

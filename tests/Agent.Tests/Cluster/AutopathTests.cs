using System.Net;
using Agent.Configuration;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster;

/// <summary>P44 over sockets: pods are told by their addresses, and each gets what its own search list leads to.</summary>
public sealed class AutopathTests : IAsyncLifetime
{
    private const string Outside = "www.outside.test";
    private const string First = $"{Outside}.default.svc.cluster.local";
    private const string Lan = "www.lan.default.svc.cluster.local";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-autopath-");
    private readonly IPAddress _pod = TestAddress.NextAddress();
    private readonly IPAddress _otherPod = TestAddress.NextAddress();
    private readonly IPAddress _stranger = TestAddress.NextAddress();
    private readonly ScriptedUpstream _kubeDns = new(exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("cluster.local", ttl: 30, minimum: 30)] }));
    private readonly ScriptedUpstream _others;
    private ApiServer _server = null!;

    public AutopathTests() => _others = new ScriptedUpstream(AnswerOutside);

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Put(ApiObjects.KubeDns("10.96.0.10"));
        _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", _kubeDns.EndPoint.Port, $"{_kubeDns.EndPoint.Address}"));
        PutNamespace();
        PutPod("one", _pod);
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "resolv.conf"), "search corp.test\n");
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _kubeDns.Dispose();
        _others.Dispose();
        _directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P44_two_queries_are_all_that_an_external_name_costs_and_once_warm_no_upstream_hears_of_it(TransportProtocol protocol)
    {
        using AgentUnderTest agent = await Start();
        string[] cold = await Task.WhenAll(Ask(agent, _pod, First, RR.A, protocol), Ask(agent, _pod, First, RR.Aaaa, protocol)); // at once, as getaddrinfo does
        int asked = _kubeDns.Count + _others.Count;

        Assert.Equal([$"{Outside} 203.0.113.80", $"{Outside} 2001:db8::80"], cold);
        Assert.Equal(cold[0], await Ask(agent, _pod, First, RR.A, protocol));
        Assert.Equal(cold[1], await Ask(agent, _pod, First, RR.Aaaa, protocol));
        Assert.Equal(asked, _kubeDns.Count + _others.Count);
        Assert.Equal("NXDOMAIN", await Ask(agent, _stranger, First, RR.A, protocol));
    }

    [Fact]
    public async Task P44_two_pods_of_one_namespace_with_different_lists_each_get_their_own_and_the_cache_keeps_them_apart()
    {
        PutPod("two", _otherPod, """
            "dnsConfig":{"searches":["other.test"],"options":[{"name":"ndots","value":"3"}]}
            """);
        using AgentUnderTest agent = await Start();
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal("www.lan.corp.test 192.0.2.1", await Ask(agent, _pod, Lan));
            Assert.Equal("www.lan.corp.test 192.0.2.1", await Ask(agent, _otherPod, Lan));
            Assert.Equal("NXDOMAIN", await Ask(agent, _pod, "x.lan.default.svc.cluster.local"));
            Assert.Equal("x.lan.other.test 192.0.2.2", await Ask(agent, _otherPod, "x.lan.default.svc.cluster.local"));
            Assert.Equal("a.b.outside.test 203.0.113.80", await Ask(agent, _pod, "a.b.outside.test.default.svc.cluster.local"));
            Assert.Equal("NXDOMAIN", await Ask(agent, _otherPod, "a.b.outside.test.default.svc.cluster.local")); // as many dots as its ndots
        }
    }

    [Fact]
    public async Task P44_who_opts_out_and_who_is_in_the_node_s_network_walks_by_itself()
    {
        PutPod("two", _otherPod, metadata: Annotation("disabled"));
        IPAddress hostAddress = TestAddress.NextAddress();
        PutPod("host", hostAddress, "\"hostNetwork\":true,\"dnsPolicy\":\"ClusterFirstWithHostNet\"");
        using AgentUnderTest agent = await Start();

        Assert.Equal($"{Outside} 203.0.113.80", await Ask(agent, _pod, First));
        Assert.Equal("NXDOMAIN", await Ask(agent, _otherPod, First));
        Assert.Equal("NXDOMAIN", await Ask(agent, hostAddress, First));

        PutNamespace(Annotation("disabled"));
        await Wait.Until(() => Ask(agent, _pod, First).GetAwaiter().GetResult() == "NXDOMAIN", "the namespace opts out");
        PutPod("one", _pod, metadata: Annotation("enabled"));
        await Wait.Until(() => Ask(agent, _pod, First).GetAwaiter().GetResult() != "NXDOMAIN", "the pod speaks for itself");
        PutPod("one", _pod, metadata: Annotation("perhaps"));
        await Wait.Until(() => agent.Log.Lines.Any(line => line.Contains("the annotation redirect.lra.dev/autopath of pod default/one is 'perhaps', which is neither enabled nor disabled", StringComparison.Ordinal)), "the mistake");
    }

    [Fact]
    public async Task P44_a_new_Service_resolves_within_a_second_although_a_shortcut_was_given()
    {
        using AgentUnderTest agent = await Start();
        Assert.Equal("www.lan.corp.test 192.0.2.1", await Ask(agent, _pod, Lan));

        _server.Put("""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"www","namespace":"lan"},"spec":{"clusterIP":"10.96.1.1","clusterIPs":["10.96.1.1"],"ports":[{"port":80}]}}
            """);
        await Wait.Until(() => Ask(agent, _pod, Lan).GetAwaiter().GetResult() == "www.lan.svc.cluster.local 10.96.1.1", "the Service that an earlier step finds");
        Assert.Equal("NODATA", await Ask(agent, _pod, Lan, RR.Aaaa));
        _server.Delete("v1", "services", "www", "lan");
        await Wait.Until(() => Ask(agent, _pod, Lan).GetAwaiter().GetResult() == "www.lan.corp.test 192.0.2.1", "the Service is gone");
    }

    [Fact]
    public async Task P44_behind_a_step_that_fails_nothing_is_answered()
    {
        _kubeDns.Handler = exchange => exchange.Send(exchange.Name.EndsWith("test.svc.cluster.local", StringComparison.OrdinalIgnoreCase)
            ? exchange.Query.Reply(2)
            : exchange.Query.Reply(3) with { Authority = [RR.Authority("cluster.local", ttl: 30, minimum: 30)] });
        using AgentUnderTest agent = await Start();

        Assert.Equal("NXDOMAIN", await Ask(agent, _pod, First));
        Assert.Equal("NXDOMAIN", await Ask(agent, _pod, First, RR.Aaaa));
        Assert.Equal(0, _others.CountOf(Outside));
    }

    [Fact]
    public async Task P44_many_pods_that_ask_for_the_same_name_share_what_is_asked_for_them()
    {
        PutPod("two", _otherPod);
        using AgentUnderTest agent = await Start();
        _others.Handler = async exchange =>
        {
            await Task.Delay(300);
            await AnswerOutside(exchange);
        };

        string[] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Ask(agent, i % 2 == 0 ? _pod : _otherPod, First, i % 4 < 2 ? RR.A : RR.Aaaa)));

        Assert.All(answers, answer => Assert.StartsWith(Outside, answer, StringComparison.Ordinal));
        Assert.InRange(_others.CountOf(Outside), 2, 4); // A and AAAA; one more of each where this machine is too busy to answer in time
    }

    [Fact]
    public async Task P44_with_autopath_false_nothing_is_shortened()
    {
        using AgentUnderTest agent = await Start(autopath: false);

        Assert.Equal("NXDOMAIN", await Ask(agent, _pod, First));
    }

    private static async Task<string> Ask(AgentUnderTest agent, IPAddress from, string name, ushort type = RR.A, TransportProtocol protocol = TransportProtocol.Udp)
    {
        DnsMessage reply = await Client.Ask(agent.EndPoint, DnsMessage.Query(name, type), protocol, from);
        if (reply.Answers.Count == 0)
            return reply.ResponseCode == 3 ? "NXDOMAIN" : reply.ResponseCode == 0 ? "NODATA" : $"{reply.ResponseCode}";
        Assert.Equal([RR.Cname, type], reply.Answers.Select(answer => answer.Type));
        Assert.Equal(name, reply.Answers[0].Name);
        return $"{reply.Answers[1].Name} {reply.Answers[1].Address}";
    }

    /// <summary>Names below <c>outside.test</c>, and some below the nodes' and a pod's own search domains.</summary>
    private static Task AnswerOutside(UpstreamExchange exchange)
    {
        string name = exchange.Name.ToLowerInvariant();
        string[] addresses = name switch
        {
            _ when name.EndsWith(".outside.test", StringComparison.Ordinal) => ["203.0.113.80", "2001:db8::80"],
            "www.lan.corp.test" => ["192.0.2.1"],
            "www.lan.other.test" or "x.lan.other.test" => ["192.0.2.2"],
            _ => [],
        };
        ResourceRecord[] records = [.. addresses.Select(address => RR.AddressRecord(exchange.Name, address)).Where(record => record.Type == exchange.Query.Question.Type)];
        DnsMessage reply = exchange.Query.Reply(addresses.Length > 0 ? 0 : 3);
        return exchange.Send(records.Length > 0 ? reply with { Answers = [.. records] } : reply with { Authority = [RR.Authority("test", ttl: 300, minimum: 300)] });
    }

    private static string Annotation(string value) => $$"""
        "annotations":{"redirect.lra.dev/autopath":"{{value}}"}
        """;

    private void PutNamespace(string metadata = "") => _server.Put($$$"""
        {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"{{{(metadata.Length > 0 ? "," : "")}}}{{{metadata}}} } }
        """);

    private void PutPod(string name, IPAddress address, string spec = "", string metadata = "") => _server.Put($$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default"{{{(metadata.Length > 0 ? "," : "")}}}{{{metadata}}} },
         "spec":{"nodeName":"w1"{{{(spec.Length > 0 ? "," : "")}}}{{{spec}}} },"status":{"phase":"Running","podIP":"{{{address}}}"}}
        """);

    private async Task<AgentUnderTest> Start(bool autopath = true)
    {
        string kubeconfig = Path.Combine(_directory.FullName, "kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, ApiObjects.Kubeconfig(_server));
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _others)) with
        {
            Node = "w1",
            Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = kubeconfig, Autopath = autopath, ResolvConf = Path.Combine(_directory.FullName, "resolv.conf") },
        };
        AgentUnderTest agent = AgentUnderTest.Start(configuration);
        await Wait.Until(() => agent.Ask("dns-version.cluster.local", RR.Txt).GetAwaiter().GetResult().Answers.Count == 1 && agent.HasPodsOf("default"), "the table and the pods");
        return agent;
    }
}

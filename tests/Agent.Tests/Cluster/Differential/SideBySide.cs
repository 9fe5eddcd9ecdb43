using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster.Differential;

/// <summary>CoreDNS and the agent beside each other, at the same API server and before the same outside. The agent's kube-dns is that CoreDNS.</summary>
internal sealed class SideBySide : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-coredns-");
    private readonly ApiServer _server;
    private readonly ScriptedUpstream _outside = new(AnswerOutside);
    private readonly DnsServerProcess _coreDns = new();
    private AgentUnderTest _agent = null!;

    private SideBySide(ApiServer server) => _server = server;

    public AgentUnderTest Agent => _agent;

    /// <param name="plugins">Lines of the server block besides <c>kubernetes</c> and <c>forward</c>.</param>
    public static async Task<SideBySide> Start(ApiServer server, PodNames pods, ClusterNamesMode mode, string plugins = "")
    {
        SideBySide both = new(server);
        server.Put(ApiObjects.KubeDns("10.96.255.10", "fd00:96:255::10"));
        server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", both._coreDns.EndPoint.Port, $"{both._coreDns.EndPoint.Address}"));
        server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}}""");
        await both.StartCoreDns(pods, plugins);
        both.StartAgent(pods, mode);
        await Wait.Until(() => both._agent.Ask("dns-version.cluster.local", RR.Txt).GetAwaiter().GetResult().Answers.Count == 1, "the agent's table");
        // Before it has listed all, it fails where it later denies.
        await Wait.Until(() => Client.Ask(both._coreDns.EndPoint, DnsMessage.Query("nothing.cluster.local")).GetAwaiter().GetResult().ResponseCode == 3, "CoreDNS's table");
        return both;
    }

    /// <summary>Asks both, over UDP as pods do, and over TCP what does not fit; ANY over TCP alone.</summary>
    public async Task<(AnswerText CoreDns, AnswerText Agent)> Ask(string name, ushort type, System.Net.IPAddress? from = null)
    {
        DnsMessage query = DnsMessage.Query(name, type).WithEdns();
        DnsMessage theirs = await Ask(_coreDns.EndPoint, query, from);
        DnsMessage ours = await Ask(_agent.EndPoint, query, from);
        Assert.True((ours.Flags & DnsMessage.RecursionAvailable) != 0);
        return (AnswerText.Of(theirs), AnswerText.Of(ours));
    }

    public void Dispose()
    {
        _agent?.Dispose();
        _coreDns.Dispose();
        _outside.Dispose();
        _directory.Delete(recursive: true);
    }

    private static async Task<DnsMessage> Ask(System.Net.IPEndPoint server, DnsMessage query, System.Net.IPAddress? from)
    {
        if (query.Question.Type == RR.Any)
            return await Client.Ask(server, query, TransportProtocol.Tcp, from);
        DnsMessage reply = await Client.Ask(server, query, from: from);
        return reply.IsTruncated ? await Client.Ask(server, query, TransportProtocol.Tcp, from) : reply;
    }

    private Task StartCoreDns(PodNames pods, string plugins)
    {
        string kubeconfig = Path.Combine(_directory.FullName, "kubeconfig");
        File.WriteAllText(kubeconfig, ApiObjects.Kubeconfig(_server));
        return _coreDns.StartCoreDns($$"""
            {{plugins}}
            kubernetes cluster.local in-addr.arpa ip6.arpa {
                kubeconfig {{kubeconfig}} test
                pods {{pods.ToString().ToLowerInvariant()}}
                fallthrough in-addr.arpa ip6.arpa
                ttl 5
            }
            forward . {{_outside.EndPoint}}
            """);
    }

    private void StartAgent(PodNames pods, ClusterNamesMode mode)
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _outside)) with
        {
            Node = "w1",
            Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = Path.Combine(_directory.FullName, "kubeconfig"), PodNames = pods, ClusterNames = mode },
        };
        _agent = AgentUnderTest.Start(configuration);
    }

    /// <summary>What is outside the cluster: a few names below <c>outside.test</c>.</summary>
    private static Task AnswerOutside(UpstreamExchange exchange)
    {
        ushort type = exchange.Query.Question.Type;
        ResourceRecord[] all = exchange.Name switch
        {
            "www.outside.test" => [RR.AddressRecord(exchange.Name, "203.0.113.80"), RR.AddressRecord(exchange.Name, "2001:db8::80")],
            "v4.outside.test" => [RR.AddressRecord(exchange.Name, "203.0.113.4")],
            "alias.outside.test" => [RR.Alias(exchange.Name, "www.outside.test"), RR.AddressRecord("www.outside.test", "203.0.113.80"), RR.AddressRecord("www.outside.test", "2001:db8::80")],
            _ => [],
        };
        ResourceRecord[] answers = [.. all.Where(record => record.Type == type || record.Type == RR.Cname)];
        if (answers.Length > 0)
            return exchange.Answer(answers);
        return exchange.Send(exchange.Query.Reply(all.Length > 0 ? 0 : 3) with { Authority = [RR.Authority(exchange.Name.EndsWith("arpa", StringComparison.Ordinal) ? "arpa" : "test", ttl: 300, minimum: 300)] });
    }
}

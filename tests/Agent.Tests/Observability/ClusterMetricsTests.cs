using Agent.Configuration;
using Agent.Kubernetes.Tests.Support;
using Agent.Observability;
using Agent.Observability.Metrics;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Observability;

/// <summary>What an agent that watches a cluster exposes of it.</summary>
public sealed class ClusterMetricsTests : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-metrics-");
    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _upstream.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Watches_and_namespaces_are_counted_and_who_is_no_pod_is_unknown()
    {
        (System.Net.IPAddress shop, System.Net.IPAddress other) = (TestAddress.NextAddress(), TestAddress.NextAddress());
        PutPod("web", "shop", shop);
        using NodeAgent agent = Start();
        await Wait.Until(() => agent.Cluster!.IsSynced && agent.Cluster.Pods.All.Count == 1, "the cluster is known");

        await Ask(agent, shop);
        await Ask(agent, shop);
        await Ask(agent, other);
        PutPod("new", "bank", other); // the same address, another's now
        await Wait.Until(() => agent.Cluster!.Pods.All.Count == 2, "the second pod is known");
        await Ask(agent, other);
        Scraped scraped = Scraped.From(SampleWriter.Write(MetricCatalogue.Own, new Scrape(agent), isOpenMetrics: false));

        Assert.Equal(2, scraped["""lra_namespace_queries_total{namespace="shop"}"""]);
        Assert.Equal(1, scraped["""lra_namespace_queries_total{namespace="bank"}"""]);
        Assert.Equal(1, scraped["""lra_namespace_queries_total{namespace="unknown"}"""]);
        Assert.Equal((1, 2), (scraped["""lra_watch_synced{resource="services",scope="cluster"}"""], scraped["""lra_watch_objects{resource="pods",scope="node"}"""]));
        Assert.InRange(scraped["""lra_watch_lag_seconds{resource="endpointslices",scope="cluster"}"""], 0, 60);
        Assert.Equal(0, scraped["""lra_watch_failing{resource="pods",scope="node"}"""]);
        Assert.DoesNotContain(scraped.Samples.Keys, series => series.Contains($"{shop}", StringComparison.Ordinal) || series.Contains($"{other}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_agent_that_has_heard_nothing_of_its_cluster_is_not_ready()
    {
        await _server.Stop();
        using NodeAgent agent = Start();

        await Wait.Until(() => agent.Cluster!.Failure != null, "the API server is not heard");

        HealthPart names = Health.Readiness(agent).Single(part => part.Name == "names");
        Assert.False(names.IsWell);
        Assert.StartsWith("nothing is known of the cluster yet: ", names.State, StringComparison.Ordinal);
        Scraped scraped = Scraped.From(SampleWriter.Write(MetricCatalogue.Own, new Scrape(agent), isOpenMetrics: false));
        Assert.Equal((0, 1), (scraped["""lra_watch_synced{resource="services",scope="cluster"}"""], scraped["""lra_watch_failing{resource="services",scope="cluster"}"""]));
        Assert.Equal(0, scraped["""lra_ready{part="names"}"""]);
    }

    private NodeAgent Start()
    {
        string kubeconfig = Path.Combine(_directory.FullName, "kubeconfig");
        File.WriteAllText(kubeconfig, ApiObjects.Kubeconfig(_server));
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _upstream));
        return NodeAgent.Start(
            configuration with { Node = "w1", Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = kubeconfig } }, NullLogger.Instance);
    }

    private static Task<DnsMessage> Ask(NodeAgent agent, System.Net.IPAddress from) =>
        Client.Ask(new(agent.Configuration.Listen.Addresses[0], agent.Configuration.Listen.Port), DnsMessage.Query("www.example.test"), from: from);

    private void PutPod(string name, string inNamespace, System.Net.IPAddress address) => _server.Put($$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"{{{inNamespace}}}"},"spec":{"nodeName":"w1","containers":[]},
         "status":{"phase":"Running","podIP":"{{{address}}}","podIPs":[{"ip":"{{{address}}}"}],"conditions":[{"type":"Ready","status":"True"}]}}
        """);
}

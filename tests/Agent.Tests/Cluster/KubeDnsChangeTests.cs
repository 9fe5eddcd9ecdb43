using System.Net;
using Agent.Configuration;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Tests.Cluster;

/// <summary>The endpoints of kube-dns replaced again and again while a thousand questions a second need them.</summary>
public sealed class KubeDnsChangeTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int PerRound = 10; // questions every 10 ms
    private const int Rounds = 400;
    private const int RoundsOfEndpoint = 50;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-kube-dns-");
    private readonly ScriptedUpstream _others = new(exchange => exchange.Send(exchange.Query.Reply(3)));
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _others.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task F8_endpoints_of_kube_dns_that_come_and_go_lose_no_question_at_a_thousand_a_second()
    {
        int port = TestAddress.Next().Port;
        ScriptedUpstream current = EndpointAt(0, port);
        _server.Put(ApiObjects.KubeDns("10.96.0.10"));
        Put(current);
        using AgentUnderTest agent = Start();
        await Wait.Until(() => agent.Routes.Find(Dns.DnsName.FromText("cluster.local"))!.Servers.Count == 1, "the first endpoint");
        // Several clients, because one may have only so many questions on their way when this machine is busy.
        UdpConversation[] clients = [.. Enumerable.Range(0, PerRound / 2).Select(i => new UdpConversation(agent.EndPoint, IPAddress.Parse($"127.98.0.{i + 1}")))];
        Task<int>[] answered = [.. clients.Select(client => CountAnswers(client, Rounds * PerRound / clients.Length))];

        List<ScriptedUpstream> old = [];
        for (int round = 0; round < Rounds; round++)
        {
            if (round % RoundsOfEndpoint == 0 && round > 0)
            {
                old.Add(current);
                Put(current = EndpointAt(old.Count, port));
            }

            // A pod that is deleted goes on for a while (lameduck), then its connections break.
            if (round % RoundsOfEndpoint == RoundsOfEndpoint / 2 && old.Count > 0)
                old[^1].Dispose();
            for (int i = 0; i < PerRound; i++)
                clients[i % clients.Length].Send(DnsMessage.Query($"n{round}-{i}.default.svc.cluster.local"));
            await Task.Delay(10);
        }

        int[] counts = await Task.WhenAll(answered);
        output.WriteLine($"{counts.Sum()} of {Rounds * PerRound} answered by {old.Count + 1} endpoints in turn; the last was asked {current.Count} times");
        Assert.Equal(Rounds * PerRound, counts.Sum());
        Assert.Equal(0, _others.Count);
        Assert.All(old.Append(current), endpoint => Assert.NotEqual(0, endpoint.Count));
        Array.ForEach(clients, client => client.Dispose());
        current.Dispose();
    }

    private static ScriptedUpstream EndpointAt(int number, int port) =>
        ScriptedUpstream.Answering("10.96.7.7", ttl: 5, at: new IPEndPoint(IPAddress.Parse($"127.97.0.{number + 1}"), port));

    private void Put(ScriptedUpstream endpoint) => _server.Put(ApiObjects.KubeDnsSlice("kube-dns-1", endpoint.EndPoint.Port, $"{endpoint.EndPoint.Address}"));

    private static async Task<int> CountAnswers(UdpConversation client, int sent)
    {
        int answered = 0;
        for (int replies = 0; replies < sent && await client.Receive(Wait.Long) is { } reply; replies++)
            answered += DnsMessage.Parse(reply) is { ResponseCode: 0, Answers.Count: 1 } ? 1 : 0;
        return answered;
    }

    private AgentUnderTest Start()
    {
        string kubeconfig = Path.Combine(_directory.FullName, "kubeconfig");
        File.WriteAllText(kubeconfig, ApiObjects.Kubeconfig(_server));
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _others));
        return AgentUnderTest.Start(configuration with { Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = kubeconfig } });
    }
}

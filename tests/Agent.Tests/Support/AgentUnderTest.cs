using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Observability.Flows;
using Agent.Serving;

namespace Agent.Tests.Support;

/// <summary>An agent in this process that serves without redirecting. Fails its test when one of its threads met a defect.</summary>
internal sealed class AgentUnderTest : IDisposable
{
    private readonly NodeAgent _agent;

    private AgentUnderTest(NodeAgent agent, LogRecorder log)
    {
        _agent = agent;
        Log = log;
        EndPoint = new IPEndPoint(agent.Configuration.Listen.Addresses[0], agent.Configuration.Listen.Port);
    }

    public IPEndPoint EndPoint { get; }

    public LogRecorder Log { get; }

    public RouteTable Routes => _agent.Routes;

    /// <summary>Whether it knows how the pods of a namespace walk along their search lists.</summary>
    public bool HasPodsOf(string @namespace) => _agent.Cluster!.Pods.All is var pods && pods.Any(pod => pod.Key.Namespace == @namespace) && pods.All(pod => _agent.Cluster.Walks.Find(pod) != null);

    public ResponseCache Cache => _agent.Cache;

    public IReadOnlyList<ServingThread> Threads => _agent.Threads;

    public FlowHub Flows => _agent.Flows;

    public SharedFlights Flights => _agent.Flights;

    public ServingThread UdpThread => _agent.Threads.Single(thread => thread is UdpServer);

    public ServingThread TcpThread => _agent.Threads.Single(thread => thread is TcpServer);

    public static AgentUnderTest Start(AgentConfiguration configuration)
    {
        LogRecorder log = new();
        return new AgentUnderTest(NodeAgent.Start(configuration, log), log);
    }

    /// <summary>An agent that asks these upstreams for everything.</summary>
    public static AgentUnderTest Forwarding(TransportProtocol protocol, params ScriptedUpstream[] upstreams) =>
        Start(Configuration(RootRoute(protocol, upstreams)));

    public static AgentUnderTest Forwarding(params ScriptedUpstream[] upstreams) => Forwarding(TransportProtocol.Udp, upstreams);

    /// <summary>As <see cref="Forwarding(ScriptedUpstream[])"/>; answers may live for a second, where the default makes it five.</summary>
    public static AgentUnderTest ForwardingShortLived(params ScriptedUpstream[] upstreams)
    {
        AgentConfiguration configuration = Configuration(RootRoute(TransportProtocol.Udp, upstreams));
        return Start(configuration with { Cache = configuration.Cache with { MinTtl = 0 } });
    }

    public static AgentConfiguration Configuration(params RouteConfiguration[] routes)
    {
        IPEndPoint endPoint = TestAddress.Next();
        return new AgentConfiguration
        {
            Listen = new ListenConfiguration { Addresses = [endPoint.Address], Port = endPoint.Port, Workers = 1 },
            AdminSocket = $"/tmp/lra-test-{endPoint.Address}/admin.sock",
            Redirect = new RedirectConfiguration { Enabled = false },
            Snapshot = new SnapshotConfiguration { Path = "" },
            Routes = routes,
        };
    }

    public static RouteConfiguration RootRoute(TransportProtocol protocol, params ScriptedUpstream[] upstreams) => Route("", protocol, upstreams);

    public static RouteConfiguration Route(string zone, TransportProtocol protocol, params ScriptedUpstream[] upstreams) =>
        new() { Zone = zone, Protocol = protocol, Servers = [.. upstreams.Select(upstream => upstream.EndPoint)] };

    public Task<DnsMessage> Ask(DnsMessage query, TransportProtocol protocol = TransportProtocol.Udp) => Client.Ask(EndPoint, query, protocol);

    public Task<DnsMessage> Ask(string name, ushort type = RR.A, TransportProtocol protocol = TransportProtocol.Udp) =>
        Ask(DnsMessage.Query(name, type), protocol);

    /// <summary>P16 (RFC 9520): a failure is kept for a while, so that no upstream hears of the question again.</summary>
    public async Task AssertFailureIsKept(string name, params ScriptedUpstream[] upstreams)
    {
        int asked = upstreams.Sum(upstream => upstream.Count);
        DnsMessage reply = await Ask(name);
        Assert.Equal((2, 0), (reply.ResponseCode, reply.Answers.Count));
        Assert.Equal(asked, upstreams.Sum(upstream => upstream.Count));
    }

    /// <summary>Asks until a silent server of the only route is avoided.</summary>
    public async Task AskUntilAvoided(int server)
    {
        for (int i = 0; !Routes.Routes[0].Servers[server].IsAvoided; i++)
        {
            Assert.True(i < 50, "the server is not avoided");
            await Ask($"avoid{i}.example.test");
        }
    }

    public Task<TcpConversation> Connect(int? receiveBuffer = null) => TcpConversation.Open(EndPoint, receiveBuffer);

    public void Dispose()
    {
        _agent.Dispose();
        Assert.DoesNotContain(Log.Lines, line => line.Contains("met a defect", StringComparison.Ordinal));
    }
}

using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

public sealed class RouteTests
{
    [Theory]
    [InlineData("www.example.test", "root")]
    [InlineData("test", "root")]
    [InlineData("", "root")]
    [InlineData("cluster.local", "cluster")]
    [InlineData("API.Default.SVC.Cluster.LOCAL", "cluster")]
    [InlineData("xcluster.local", "root")]
    [InlineData("cluster.local.test", "root")]
    [InlineData("deep.zone.cluster.local", "zone")]
    [InlineData("zone.cluster.local", "zone")]
    [InlineData("azone.cluster.local", "cluster")]
    public async Task The_longest_zone_that_encloses_the_name_decides(string name, string expected)
    {
        using ScriptedUpstream root = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream cluster = ScriptedUpstream.Answering("192.0.2.2");
        using ScriptedUpstream zone = ScriptedUpstream.Answering("192.0.2.3");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.Route("cluster.local", TransportProtocol.Tcp, cluster),
            AgentUnderTest.RootRoute(TransportProtocol.Udp, root),
            AgentUnderTest.Route("zone.cluster.local", TransportProtocol.Udp, zone)));

        await agent.Ask(name);

        Assert.Equal(
            (expected == "root", expected == "cluster", expected == "zone"), (root.Count > 0, cluster.Count > 0, zone.Count > 0));
    }

    [Fact]
    public async Task Each_route_has_its_own_protocol()
    {
        using ScriptedUpstream root = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream cluster = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.Route("cluster.local", TransportProtocol.Tcp, cluster), AgentUnderTest.RootRoute(TransportProtocol.Udp, root)));

        await agent.Ask("a.cluster.local");
        await agent.Ask("www.example.test");

        Assert.True(Assert.Single(cluster.Exchanges).IsTcp);
        Assert.False(Assert.Single(root.Exchanges).IsTcp);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_name_in_no_zone_gets_SERVFAIL_at_once(TransportProtocol protocol)
    {
        using ScriptedUpstream cluster = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.Route("cluster.local", TransportProtocol.Udp, cluster)));

        DnsMessage reply = await Wait.Within(2, agent.Ask(DnsMessage.Query("www.example.test").WithEdns(), protocol), "SERVFAIL");

        Assert.Equal((2, 22, 0), (reply.ResponseCode, reply.ExtendedError, cluster.Count));
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_zone_without_servers_gets_SERVFAIL_at_once_and_does_not_fall_to_the_zone_around_it(TransportProtocol protocol)
    {
        using ScriptedUpstream root = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(TransportProtocol.Udp, root),
            new RouteConfiguration { Zone = "cluster.local", ResolvConf = "/nonexistent/resolv.conf" }));

        DnsMessage reply = await Wait.Within(2, agent.Ask("a.cluster.local", protocol: protocol), "SERVFAIL");

        Assert.Equal((2, 0), (reply.ResponseCode, root.Count));
        Assert.Single((await agent.Ask("www.example.test")).Answers);
    }
}

using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests;

public sealed class NodeAgentStartTests
{
    [Fact]
    public void A_taken_UDP_port_is_named_and_nothing_is_left_running()
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration();
        IPEndPoint taken = new(configuration.Listen.Addresses[0], configuration.Listen.Port);
        using (Socket other = Bound(taken, SocketType.Dgram))
            AssertRefused(configuration, $"bind to {taken}");

        AssertStartsNow(configuration);
    }

    [Fact]
    public void A_taken_TCP_port_is_named_and_nothing_is_left_running()
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration();
        IPEndPoint taken = new(configuration.Listen.Addresses[0], configuration.Listen.Port);
        using (Socket other = Bound(taken, SocketType.Stream))
        {
            other.Listen();
            AssertRefused(configuration, $"{taken}");
        }

        AssertStartsNow(configuration);
    }

    [Theory]
    [InlineData(SocketType.Dgram)]
    [InlineData(SocketType.Stream)]
    public void A_port_taken_on_the_second_address_leaves_nothing_on_the_first(SocketType type)
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration();
        IPEndPoint second = TestAddress.Next();
        int port = configuration.Listen.Port;
        configuration = configuration with { Listen = configuration.Listen with { Addresses = [configuration.Listen.Addresses[0], second.Address] } };
        using (Socket other = Bound(new IPEndPoint(second.Address, port), type))
        {
            if (type == SocketType.Stream)
                other.Listen();
            AssertRefused(configuration, $"{second.Address}:{port}");
        }

        AssertStartsNow(configuration);
    }

    [Fact]
    public async Task Several_workers_and_addresses_all_serve_and_give_their_ports_back()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, upstream));
        configuration = configuration with
        {
            Listen = configuration.Listen with { Addresses = [configuration.Listen.Addresses[0], TestAddress.NextAddress(), IPAddress.IPv6Loopback], Workers = 3 },
        };
        using (AgentUnderTest agent = AgentUnderTest.Start(configuration))
        {
            foreach (IPAddress address in configuration.Listen.Addresses)
            {
                for (int i = 0; i < 20; i++)
                {
                    IPEndPoint endPoint = new(address, configuration.Listen.Port);
                    Assert.Single((await Client.Ask(endPoint, DnsMessage.Query($"n{i}.example.test"), i % 2 == 0 ? TransportProtocol.Udp : TransportProtocol.Tcp)).Answers);
                }
            }
        }

        AssertStartsNow(configuration);
    }

    [Fact]
    public async Task Stopping_takes_less_than_two_seconds_whatever_the_number_of_workers()
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, silent));
        AgentUnderTest agent = AgentUnderTest.Start(configuration with { Listen = configuration.Listen with { Workers = 64 } });

        await Wait.Within(2, Task.Run(() =>
        {
            agent.Dispose();
            return true;
        }), "stopping");
    }

    [Fact]
    public async Task Queries_on_their_way_are_answered_when_the_agent_stops()
    {
        using ScriptedUpstream silent = ScriptedUpstream.Silent();
        AgentUnderTest agent = AgentUnderTest.Forwarding(silent);
        using TcpConversation overTcp = await agent.Connect();
        using UdpConversation overUdp = new(agent.EndPoint);
        overUdp.Send(DnsMessage.Query("udp.example.test"));
        await overTcp.Send(DnsMessage.Query("tcp.example.test"));
        await Wait.Until(() => silent.CountOf("udp.example.test") > 0 && silent.CountOf("tcp.example.test") > 0, "both are on their way");

        agent.Dispose();

        Assert.Equal(2, (await overUdp.Receive()).ResponseCode);
        Assert.Equal(2, (await overTcp.Receive())!.ResponseCode);
        Assert.Null(await overTcp.Receive());
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task F4_what_an_upstream_answers_while_the_agent_stops_reaches_its_client(TransportProtocol protocol)
    {
        TaskCompletionSource answer = new();
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await answer.Task;
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        AgentUnderTest agent = AgentUnderTest.Forwarding(protocol, upstream);
        using UdpConversation client = new(agent.EndPoint);
        client.Send(DnsMessage.Query("late.example.test"));
        await Wait.Until(() => upstream.CountOf("late.example.test") > 0, "it is on its way");

        Task stopping = Task.Run(agent.Dispose);
        await Task.Delay(100); // the worker has been told
        answer.SetResult();

        Assert.Equal("192.0.2.1", Assert.Single((await client.Receive()).Answers).Address.ToString());
        await stopping;
    }

    private static void AssertRefused(AgentConfiguration configuration, string named)
    {
        Win32Exception error = Assert.ThrowsAny<Win32Exception>(() => NodeAgent.Start(configuration, NullLogger.Instance));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("Address already in use", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Whether the addresses are free again, over both protocols: an agent left over would hold one of them.</summary>
    private static void AssertStartsNow(AgentConfiguration configuration)
    {
        foreach (IPAddress address in configuration.Listen.Addresses)
        {
            IPEndPoint endPoint = new(address, configuration.Listen.Port);
            Bound(endPoint, SocketType.Dgram).Dispose();
            Bound(endPoint, SocketType.Stream).Dispose();
            using Socket probe = Bound(endPoint, SocketType.Stream);
            probe.Listen();
        }

        NodeAgent.Start(configuration, NullLogger.Instance).Dispose();
    }

    private static Socket Bound(IPEndPoint endPoint, SocketType type)
    {
        Socket socket = new(endPoint.AddressFamily, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
        socket.Bind(endPoint);
        return socket;
    }
}

using System.Net;
using Agent.Native;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

public sealed class DescriptorTests
{
    private static readonly string[] _zones = ["example", "tcp", "tls"];

    [Theory]
    [InlineData("")]
    [InlineData(".tcp.test")]
    public async Task Two_thousand_misses_of_all_outcomes_leave_no_descriptor_open(string zone)
    {
        using ScriptedUpstream upstream = new(exchange => (int.Parse(exchange.Name.Split('.')[0][1..]) % 8) switch
        {
            0 => exchange.Fail(2),
            1 => exchange.Send([1, 2, 3]),
            2 when !exchange.IsTcp => exchange.Send(exchange.Query.Reply() with { Flags = DnsMessage.Response | DnsMessage.Truncated }),
            3 => Task.CompletedTask,
            _ => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1")),
        });
        using AgentSetup setup = new(upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup);
        await Misses(0, 64); // opens the connection to the upstream, which stays
        int before = agent.SocketCount;

        await Misses(64, 2000);

        await Wait.Until(() => agent.SocketCount <= before, $"no more than the {before} descriptors of before");
        Assert.DoesNotContain("defect", agent.Output, StringComparison.Ordinal);

        async Task Misses(int first, int count)
        {
            using UdpConversation client = new(setup.EndPoint);
            int received = 0;
            for (int sent = 1; sent <= count; sent++)
            {
                client.Send(DnsMessage.Query($"n{first + sent}.example{zone}"));
                // In batches, so that no buffer overflows; a quarter of the answers comes only when the agent gives up.
                for (; sent % 200 == 0 && received < sent * 3 / 4; received++)
                    await client.Receive();
            }

            for (; received < count; received++)
                Assert.InRange((await client.Receive()).ResponseCode, 0, 2);
        }
    }

    [Fact]
    public async Task A_server_that_refuses_leaves_no_descriptor_open()
    {
        using AgentSetup setup = new(upstream: TestAddress.Next());
        using AgentProcess agent = await AgentProcess.Serve(setup);
        await Client.Ask(setup.EndPoint, DnsMessage.Query("first.tls.test"));
        int before = agent.SocketCount;
        using UdpConversation client = new(setup.EndPoint);

        for (int i = 0; i < 200; i++)
            client.Send(DnsMessage.Query($"n{i}.{_zones[i % 3]}.test"));
        for (int i = 0; i < 200; i++)
            Assert.Equal(2, (await client.Receive()).ResponseCode);

        Assert.DoesNotContain("defect", agent.Output, StringComparison.Ordinal);
        await Wait.Until(() => agent.SocketCount <= before, $"no more than the {before} descriptors of before");
    }

    [Fact]
    public async Task More_misses_than_there_are_sockets_for_go_over_TCP_and_leave_descriptors_for_clients()
    {
        const int limit = 512;
        const int budget = limit / 4;
        using SemaphoreSlim release = new(0);
        using ScriptedUpstream upstream = new(async exchange =>
        {
            if (!exchange.IsTcp)
                await release.WaitAsync(Wait.Long);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentSetup setup = new(upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup, limit);
        int before = agent.DescriptorCount;
        using UdpConversation client = new(setup.EndPoint);

        for (int i = 0; i < 900; i++)
            client.Send(DnsMessage.Query($"n{i}.example.test"));
        await Wait.Until(() => upstream.Exchanges.Any(exchange => exchange.IsTcp), "TCP takes over");
        Assert.InRange(agent.DescriptorCount - before, budget - 10, budget + 10);
        using TcpConversation other = await TcpConversation.Open(setup.EndPoint);
        await other.Send(DnsMessage.Query("other.tcp.test"));
        Assert.Equal(0, (await other.Receive())!.ResponseCode);

        release.Release(10_000);
        for (int i = 0; i < 900; i++)
            Assert.Equal(0, (await client.Receive()).ResponseCode);
    }

    [Fact]
    public async Task Without_any_descriptor_a_miss_waits_for_one_and_its_server_is_not_blamed()
    {
        const int limit = 300; // an agent at rest has 170 open, most of them its own files
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentSetup setup = new(upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup, limit);
        List<TcpConversation> hoard = [];
        for (int round = 0; round < 100 && agent.DescriptorCount < limit - DescriptorLimit.Reserve - 1; round++)
        {
            IPAddress source = TestAddress.NextAddress();
            for (int i = 0; i < 16; i++)
                hoard.Add(await TcpConversation.Open(setup.EndPoint, from: source));
            await Task.Delay(20);
        }

        Task<DnsMessage> reply = Client.Ask(setup.EndPoint, DnsMessage.Query("www.example.test"));
        await Task.Delay(1_000); // longer than three failures of a server take
        Assert.False(reply.IsCompleted, "no descriptor was left");
        Assert.Equal(0, upstream.Count);
        hoard.ForEach(connection => connection.Dispose());

        Assert.Single((await reply).Answers);
    }
}

using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

public sealed class DescriptorTests
{
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
        int before = agent.DescriptorCount;

        await Misses(64, 2000);

        await Wait.Until(() => agent.DescriptorCount <= before, $"no more than the {before} descriptors of before");
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
        int before = agent.DescriptorCount;
        using UdpConversation client = new(setup.EndPoint);

        for (int i = 0; i < 200; i++)
            client.Send(DnsMessage.Query(i % 2 == 0 ? $"n{i}.example.test" : $"n{i}.tcp.test"));
        for (int i = 0; i < 200; i++)
            Assert.Equal(2, (await client.Receive()).ResponseCode);

        await Wait.Until(() => agent.DescriptorCount <= before, $"no more than the {before} descriptors of before");
    }
}

using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>T2: upstream data is hostile too.</summary>
public sealed class HostileUpstreamTests
{
    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task T2_responses_with_bytes_changed_at_random_meet_no_defect(TransportProtocol protocol)
    {
        const int count = 3000;
        Random random = new(2);
        bool isHostile = true;
        using ScriptedUpstream upstream = new(exchange =>
        {
            DnsMessage reply = exchange.Query.Reply(
                RR.Alias(exchange.Name, "target.example.test"), RR.AddressRecord("target.example.test", "192.0.2.1"), RR.Text("target.example.test", 300)) with
            {
                Authority = [RR.Authority("example.test", 600, 60)],
                Additional = [RR.OptRecord(1232, (15, [0, 22]))],
            };
            byte[] bytes = reply.ToBytes();
            lock (random)
            {
                for (int change = isHostile ? random.Next(1, 6) : 0; change > 0; change--)
                    bytes[random.Next(2, bytes.Length)] = (byte)random.Next(256);
                if (isHostile && random.Next(8) == 0)
                    bytes = bytes[..random.Next(bytes.Length)];
            }

            return exchange.Send(bytes);
        });
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(protocol, upstream));
        // What is garbled beyond recognition leaves the client waiting for seconds: more than one client may, by default.
        using AgentUnderTest agent = AgentUnderTest.Start(configuration with { Clients = new ClientsConfiguration { InFlight = count } });
        using UdpConversation client = new(agent.EndPoint);

        for (int i = 1; i <= count; i++)
        {
            client.Send(DnsMessage.Query($"n{i}.example.test"));
            if (i % 200 == 0)
                await Wait.Until(() => upstream.Count >= i, "the queries are forwarded");
        }

        isHostile = false;
        DnsMessage reply = await agent.Ask("www.example.test");
        Assert.Equal((RR.Cname, RR.A), (reply.Answers[0].Type, reply.Answers[1].Type));
    } // the agent's disposal fails the test if a thread met a defect

    [Fact]
    public async Task A8_an_alias_of_itself_and_a_chain_without_end_are_answered_and_end()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Name.StartsWith("self", StringComparison.Ordinal)
            ? exchange.Answer(RR.Alias(exchange.Name, exchange.Name))
            : exchange.Answer([.. Enumerable.Range(0, 100).Select(i => RR.Alias(i == 0 ? exchange.Name : $"c{i}.example.test", $"c{i + 1}.example.test"))]));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage self = await Wait.Within(4.5, agent.Ask("self.example.test"), "a reply");
        DnsMessage chain = await Wait.Within(4.5, agent.Ask("chain.example.test", protocol: TransportProtocol.Tcp), "a reply");

        Assert.InRange(self.Answers.Count, 0, 1);
        Assert.InRange(chain.Answers.Count, 0, 20);
    }

    [Fact]
    public async Task A10_a_response_of_the_greatest_length_full_of_small_records_is_answered_whole()
    {
        const int count = 4000;
        using ScriptedUpstream upstream = new(exchange =>
        {
            // Owners as pointers to the question, so that this many fit.
            byte[] head = (exchange.Query.Reply() with { Additional = [] }).ToBytes();
            head[6] = count >> 8;
            head[7] = count & 0xFF;
            return exchange.Send([.. head, .. Enumerable.Range(0, count).SelectMany(i =>
                (byte[])[0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, (byte)(i >> 8), (byte)i])]);
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(TransportProtocol.Tcp, upstream);

        DnsMessage reply = await agent.Ask("many.example.test", protocol: TransportProtocol.Tcp);

        Assert.Equal(count, reply.Answers.DistinctBy(answer => answer.Address).Count());
    }
}

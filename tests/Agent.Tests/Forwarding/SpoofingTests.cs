using System.Net.Sockets;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>A1, A5, and A6 (TuDoor, CVE-2023-28451): what is not the answer is passed over, and the answer that follows wins.</summary>
public sealed class SpoofingTests
{
    private const string Genuine = "192.0.2.1";
    private const string Forged = "203.0.113.66";

    [Fact]
    public Task A6_a_wrong_ID_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Id = (ushort)(exchange.Query.Id + 1) }));

    [Fact]
    public Task A6_a_wrong_name_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Questions = [exchange.Query.Question with { Name = "other.example.test" }] }));

    [Fact]
    public Task A6_a_wrong_type_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Questions = [exchange.Query.Question with { Type = RR.Txt }] }));

    [Fact]
    public Task A6_a_wrong_class_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Questions = [exchange.Query.Question with { Class = 3 }] }));

    [Fact]
    public Task A6_a_missing_question_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Questions = [] }));

    [Fact]
    public Task A6_two_questions_are_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Questions = [exchange.Query.Question, exchange.Query.Question] }));

    [Fact]
    public Task A6_a_message_that_is_no_response_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Flags = DnsMessage.RecursionDesired }));

    [Fact]
    public Task A6_another_opcode_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Flags = DnsMessage.Response | 4 << 11 }));

    [Fact]
    public Task A6_an_empty_FORMERR_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(new DnsMessage { Id = exchange.Query.Id, Flags = DnsMessage.Response | 1 }));

    [Fact]
    public Task A6_TC_with_a_wrong_ID_is_passed_over() =>
        GenuineWins(exchange => exchange.Send(Forge(exchange) with { Id = (ushort)(exchange.Query.Id ^ 0x5555), Flags = DnsMessage.Response | DnsMessage.Truncated }));

    [Fact]
    public Task A6_an_empty_datagram_is_passed_over() => GenuineWins(exchange => exchange.Send([]));

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(512)]
    [InlineData(9000)]
    public Task A6_garbage_of_any_length_is_passed_over(int length) =>
        GenuineWins(exchange =>
        {
            byte[] garbage = new byte[length];
            new Random(length).NextBytes(garbage);
            return exchange.Send(garbage);
        });

    [Fact]
    public Task A6_garbage_behind_the_right_ID_is_passed_over() =>
        GenuineWins(exchange => exchange.Send([.. exchange.Bytes[..2], 0x81, 0x80, 0, 1, 0xFF, 0xFF, 0, 0, 0, 0, .. new byte[40]]));

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public Task A6_an_answer_cut_off_is_passed_over(int missing) => GenuineWins(exchange => exchange.Send(Forge(exchange).ToBytes()[..^missing]));

    [Fact]
    public Task A6_counts_that_lie_are_passed_over() =>
        GenuineWins(exchange =>
        {
            byte[] forged = Forge(exchange).ToBytes();
            forged.AsSpan(6, 6).Fill(0xFF);
            return exchange.Send(forged);
        });

    [Fact]
    public async Task A6_an_answer_from_another_address_of_the_server_is_not_taken()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            using Socket other = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            other.Bind(TestAddress.Next());
            other.SendTo(Forge(exchange).ToBytes(), exchange.Client);
            await Task.Delay(50);
            await exchange.Answer(RR.AddressRecord(exchange.Name, Genuine));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await AssertGenuine(agent);
    }

    /// <summary>Over UDP nothing but the ID is wrong, so that of all 65,536 one is right; the name has no letters whose case would have to be guessed too.</summary>
    [Fact]
    public async Task A1_of_all_IDs_that_are_tried_the_first_ten_count_and_then_TCP_decides()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            if (exchange.IsTcp)
            {
                await Task.Delay(100);
                await exchange.Answer(RR.AddressRecord(exchange.Name, Genuine));
                return;
            }

            for (int ahead = 10; ahead >= 0; ahead--)
                await exchange.Send(Forge(exchange) with { Id = (ushort)(exchange.Query.Id - ahead) });
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await AssertGenuine(agent, "12.34");
        Assert.Contains(upstream.Exchanges, exchange => exchange.IsTcp);
    }

    [Theory]
    [InlineData(1232, false)]
    [InlineData(1233, true)]
    public async Task A5_P33_over_1232_bytes_from_an_upstream_TCP_decides(int size, bool isTcpAsked)
    {
        const ushort Opaque = 65280;
        using ScriptedUpstream upstream = new(exchange =>
        {
            ResourceRecord empty = new(exchange.Name, Opaque, 1, 300, []);
            int data = size - exchange.Query.Reply(empty).ToBytes().Length;
            return exchange.Answer(empty with { Data = new byte[data] });
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        DnsMessage reply = await agent.Ask("asked.example.test", Opaque, TransportProtocol.Tcp);

        Assert.Equal(Opaque, Assert.Single(reply.Answers).Type);
        Assert.Equal(isTcpAsked, upstream.Exchanges.Any(exchange => exchange.IsTcp));
    }

    /// <summary>
    /// The forged message comes twice before the right answer, which goes to the first exchange alone: an agent that gives that one up
    /// because of the forgery gets no other.
    /// </summary>
    private static async Task GenuineWins(Func<UpstreamExchange, Task> forge)
    {
        int exchanges = 0;
        using ScriptedUpstream upstream = new(async exchange =>
        {
            bool isFirst = Interlocked.Increment(ref exchanges) == 1;
            await forge(exchange);
            await forge(exchange);
            await Task.Delay(100);
            if (isFirst)
                await exchange.Answer(RR.AddressRecord(exchange.Name, Genuine));
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await AssertGenuine(agent);
    }

    private static async Task AssertGenuine(AgentUnderTest agent, string name = "asked.example.test")
    {
        for (int time = 0; time < 2; time++) // as it comes, and from the cache
        {
            DnsMessage reply = await agent.Ask(name);
            Assert.Equal(0, reply.ResponseCode);
            Assert.Equal(Genuine, Assert.Single(reply.Answers).Address.ToString());
        }
    }

    private static DnsMessage Forge(UpstreamExchange exchange) => exchange.Query.Reply(RR.AddressRecord(exchange.Name, Forged));
}

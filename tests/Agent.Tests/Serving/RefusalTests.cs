using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>What is decided from the query alone, over both transports, and reaches no upstream.</summary>
public sealed class RefusalTests : IDisposable
{
    private const ushort NoRecursion = 0;

    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private readonly AgentUnderTest _agent;

    public RefusalTests() => _agent = AgentUnderTest.Forwarding(_upstream);

    public void Dispose()
    {
        _agent.Dispose();
        _upstream.Dispose();
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P6_A23_other_opcodes_get_NOTIMP_and_do_not_reach_the_upstream(TransportProtocol protocol)
    {
        foreach (int opcode in Enumerable.Range(1, 15)) // NOTIFY is 4, UPDATE 5
        {
            DnsMessage whole = DnsMessage.Query("example.test") with { Flags = (ushort)(opcode << 11) };
            foreach (DnsMessage query in (DnsMessage[])[whole, whole with { Questions = [] }])
            {
                DnsMessage reply = await _agent.Ask(query, protocol);
                Assert.Equal((query.Id, 4, opcode), (reply.Id, reply.ResponseCode, (reply.Flags >> 11) & 15));
            }
        }

        Assert.Equal(0, _upstream.Count);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp, 252, 1)] // AXFR
    [InlineData(TransportProtocol.Tcp, 252, 1)]
    [InlineData(TransportProtocol.Udp, 251, 1)] // IXFR
    [InlineData(TransportProtocol.Tcp, 251, 1)]
    [InlineData(TransportProtocol.Udp, 16, 3)] // CH
    [InlineData(TransportProtocol.Tcp, 16, 3)]
    [InlineData(TransportProtocol.Udp, 1, 255)] // ANY
    [InlineData(TransportProtocol.Tcp, 1, 254)] // NONE
    public async Task P7_transfers_and_other_classes_are_refused_and_do_not_reach_the_upstream(TransportProtocol protocol, int type, int @class)
    {
        DnsMessage reply = await _agent.Ask(DnsMessage.Query("example.test", (ushort)type, (ushort)@class), protocol);

        Assert.Equal(5, reply.ResponseCode);
        Assert.Equal(0, _upstream.Count);
    }

    [Fact]
    public async Task P7_an_IXFR_with_its_SOA_is_refused()
    {
        DnsMessage transfer = DnsMessage.Query("example.test", 251) with { Authority = [RR.Authority("example.test", 0, 0)] };
        Assert.Equal(5, (await _agent.Ask(transfer, TransportProtocol.Tcp)).ResponseCode);
        Assert.Equal(0, _upstream.Count);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P8_without_RD_a_cached_and_an_unknown_name_get_the_same_refusal(TransportProtocol protocol)
    {
        await _agent.Ask("known.example.test", protocol: protocol);
        Assert.Equal(1, _upstream.Count);

        DnsMessage known = await _agent.Ask(DnsMessage.Query("known.example.test").WithEdns() with { Flags = NoRecursion }, protocol);
        DnsMessage unknown = await _agent.Ask(DnsMessage.Query("other.example.test").WithEdns() with { Flags = NoRecursion }, protocol);

        Assert.Equal(1, _upstream.Count);
        Assert.Equal((5, 20, 0), (known.ResponseCode, known.ExtendedError, known.Answers.Count));
        Assert.Equal(
            known.ToBytes().AsSpan(2, 10).ToArray().Concat(known.Opt!.Data),
            unknown.ToBytes().AsSpan(2, 10).ToArray().Concat(unknown.Opt!.Data));
    }

    [Fact]
    public async Task P8_P26_without_EDNS_the_refusal_has_no_OPT()
    {
        DnsMessage reply = await _agent.Ask(DnsMessage.Query("known.example.test") with { Flags = NoRecursion });

        Assert.Equal(5, reply.ResponseCode);
        Assert.Empty(reply.Additional);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task P21_an_unknown_EDNS_version_gets_BADVERS_and_no_answer(TransportProtocol protocol)
    {
        DnsMessage query = DnsMessage.Query("example.test") with { Additional = [RR.OptRecord(1232) with { Ttl = 100 << 16 }] };

        DnsMessage reply = await _agent.Ask(query, protocol);

        Assert.Equal((16, 0), (reply.ResponseCode, reply.Answers.Count));
        Assert.Equal(0u, (reply.Opt!.Ttl >> 16) & 0xFF);
        Assert.Equal(0, _upstream.Count);
    }
}

using Agent.Configuration;
using Agent.Dns;
using Agent.Serving;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

public sealed class AnswerRecorderTests
{
    private static readonly int _a = Group("A");
    private static readonly int _other = Group("other");

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task Each_query_is_noted_once_with_what_became_of_it(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        AnswerRecorder recorder = (protocol == TransportProtocol.Udp ? agent.UdpThread : agent.TcpThread).Recorder;

        await agent.Ask("example.test", RR.A, protocol);
        await agent.Ask("example.test", RR.A, protocol);
        await agent.Ask("localhost", RR.Txt, protocol);
        await agent.Ask("example.test", 4711, protocol);
        await agent.Ask(DnsMessage.Query("example.test") with { Flags = 0 }, protocol);
        await agent.Ask(DnsMessage.Query("example.test") with { Flags = 5 << 11, Questions = [] }, protocol);

        Assert.Equal(1, recorder.Queries(isIpv6: false, _a, Verdict.Miss));
        Assert.Equal(1, recorder.Queries(isIpv6: false, _a, Verdict.Hit));
        Assert.Equal(1, recorder.Queries(isIpv6: false, Group("TXT"), Verdict.Local));
        Assert.Equal(1, recorder.Queries(isIpv6: false, _other, Verdict.Miss));
        Assert.Equal((1, 1), (recorder.Queries(isIpv6: false, _a, Verdict.Refused), recorder.Queries(isIpv6: false, _other, Verdict.Refused)));
        Assert.Equal((4, 1, 1), (Responses(recorder, ResponseCode.NoError), Responses(recorder, ResponseCode.Refused), Responses(recorder, ResponseCode.NotImp)));
        Assert.Equal((1, 1), (recorder.Responses(Verdict.Hit, ResponseCode.NoError), recorder.Responses(Verdict.Local, ResponseCode.NoError)));
        Assert.Equal(6, Total(recorder));
    }

    [Fact]
    public async Task An_extended_code_is_noted_whole()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await agent.Ask(DnsMessage.Query("example.test") with { Additional = [RR.OptRecord(1232, []) with { Ttl = 100 << 16 }] });

        Assert.Equal((1, 0), (Responses(agent.UdpThread.Recorder, ResponseCode.BadVers), Responses(agent.UdpThread.Recorder, ResponseCode.NoError)));
    }

    private static int Group(string name) => TypeGroup.Names.ToList().IndexOf(name);

    private static long Responses(AnswerRecorder recorder, ResponseCode code) => Enum.GetValues<Verdict>().Sum(verdict => recorder.Responses(verdict, code));

    private static long Total(AnswerRecorder recorder)
    {
        long total = 0;
        for (int type = 0; type < TypeGroup.Count; type++)
            total += Enum.GetValues<Verdict>().Sum(verdict => recorder.Queries(isIpv6: false, type, verdict) + recorder.Queries(isIpv6: true, type, verdict));
        return total;
    }
}

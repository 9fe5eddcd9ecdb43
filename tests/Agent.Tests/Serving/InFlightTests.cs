using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>
/// How many questions of one client may wait for upstreams. Names that start with <c>held</c> are answered once <see cref="_release"/> is set,
/// with <c>slow</c> after a moment, with <c>bad</c> by SERVFAIL.
/// </summary>
public sealed class InFlightTests : IDisposable
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ScriptedUpstream _upstream;

    public InFlightTests() => _upstream = new ScriptedUpstream(async exchange =>
    {
        if (exchange.Name.StartsWith("held", StringComparison.Ordinal))
            await _release.Task;
        if (exchange.Name.StartsWith("slow", StringComparison.Ordinal))
            await Task.Delay(300);
        if (exchange.Name.StartsWith("bad", StringComparison.Ordinal))
            await exchange.Fail(2);
        else
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", ttl: 1));
    });

    public void Dispose()
    {
        _release.TrySetResult();
        _upstream.Dispose();
    }

    private AgentUnderTest Agent(int inFlight = 1000)
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(AgentUnderTest.RootRoute(TransportProtocol.Udp, _upstream));
        return AgentUnderTest.Start(configuration with
        {
            Cache = configuration.Cache with { MinTtl = 0 },
            Clients = new ClientsConfiguration { InFlight = inFlight },
        });
    }

    private static DnsMessage Held(int number) => DnsMessage.Query($"held{number}.example.test").WithEdns();

    [Fact]
    public async Task A7_of_ten_thousand_questions_held_back_a_thousand_are_released_and_the_others_are_refused_at_once()
    {
        using AgentUnderTest agent = Agent();
        ServingCounters counters = agent.UdpThread.Counters;
        using UdpConversation client = new(agent.EndPoint);
        for (int sent = 0; sent < 10_000; sent += 250)
        {
            for (int i = 0; i < 250; i++)
                client.Send(Held(sent + i));
            await Wait.Until(() => counters.Misses == sent + 250, "all are read");
            for (int i = 0; sent >= 1_000 && i < 250; i++)
            {
                DnsMessage refused = await client.Receive();
                Assert.Equal((5, 18), (refused.ResponseCode, refused.ExtendedError));
            }
        }

        Assert.Equal(9_000, counters.Limited);
        _release.SetResult();
        for (int i = 0; i < 1_000; i++)
            Assert.NotEqual(5, (await client.Receive()).ResponseCode);
        Assert.Null(await client.Receive(TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public async Task Both_transports_count_together_and_other_clients_do_not()
    {
        using AgentUnderTest agent = Agent(inFlight: 10);
        IPAddress client = TestAddress.NextAddress();
        using UdpConversation udp = new(agent.EndPoint, client);
        using TcpConversation tcp = await TcpConversation.Open(agent.EndPoint, from: client);
        for (int i = 0; i < 5; i++)
            udp.Send(Held(i));
        await tcp.Send([.. Enumerable.Range(5, 5).Select(Held)]);
        await Wait.Until(() => _upstream.Exchanges.Select(exchange => exchange.Name).Distinct().Count() == 10, "ten are asked for");

        udp.Send(Held(10));
        await tcp.Send(Held(11));
        Assert.Equal((5, 18), Codes(await udp.Receive()));
        Assert.Equal((5, 18), Codes((await tcp.Receive())!));
        Assert.Single((await Client.Ask(agent.EndPoint, DnsMessage.Query("free.example.test"), from: TestAddress.NextAddress())).Answers);
    }

    [Fact]
    public async Task A_client_that_has_its_fill_gets_what_needs_no_upstream_but_nothing_stale()
    {
        using AgentUnderTest agent = Agent(inFlight: 1);
        await agent.Ask("stale.example.test");
        await Task.Delay(1_200);
        using UdpConversation client = new(agent.EndPoint);
        client.Send(Held(0));
        await Wait.Until(() => _upstream.CountOf("held0.example.test") > 0, "the client has its fill");

        Assert.Single((await agent.Ask("localhost")).Answers);
        Assert.Equal((5, 18), Codes(await agent.Ask(DnsMessage.Query("stale.example.test").WithEdns())));
    }

    [Theory]
    [InlineData("answered")]
    [InlineData("failed")]
    [InlineData("stale")]
    [InlineData("closed")]
    public async Task A_question_that_no_longer_waits_is_given_back_once_however_it_ended(string how)
    {
        using AgentUnderTest agent = Agent(inFlight: 5);
        if (how == "stale")
        {
            await AskAll(agent, "free");
            await Task.Delay(1_200);
            _upstream.Handler = exchange => _release.Task;
        }

        // Two wait throughout, so that what is given back twice is seen; three end.
        using UdpConversation client = new(agent.EndPoint);
        client.Send(Held(100));
        client.Send(Held(101));
        switch (how)
        {
            case "failed":
                Assert.All(await AskAll(agent, "bad"), reply => Assert.Equal(2, reply.ResponseCode));
                break;
            case "closed":
                TcpConversation gone = await agent.Connect();
                await gone.Send([.. Enumerable.Range(0, 3).Select(i => DnsMessage.Query($"slow{i}.example.test"))]);
                await Wait.Until(() => !agent.TcpThread.IsIdle, "the upstream is asked");
                gone.Reset();
                await Wait.Until(() => agent.TcpThread.IsIdle, "the flights have ended");
                break;
            default:
                Assert.All(await AskAll(agent, "free"), reply => Assert.Single(reply.Answers));
                break;
        }

        for (int i = 0; i < 6; i++)
            client.Send(Held(i));
        for (int i = 0; i < 3; i++)
            Assert.Equal((5, 18), Codes(await client.Receive()));
        Assert.Null(await client.Receive(TimeSpan.FromMilliseconds(200)));
    }

    private static async Task<DnsMessage[]> AskAll(AgentUnderTest agent, string prefix) =>
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => agent.Ask($"{prefix}{i}.example.test")));

    private static (int, int) Codes(DnsMessage reply) => (reply.ResponseCode, reply.ExtendedError);
}

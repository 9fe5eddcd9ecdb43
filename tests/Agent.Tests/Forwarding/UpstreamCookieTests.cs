using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>Cookies between the agent and its upstreams (RFC 7873).</summary>
public sealed class UpstreamCookieTests
{
    private const ushort Cookie = 10;
    private const string Genuine = "192.0.2.1";
    private const string Forged = "203.0.113.66";

    private static readonly byte[] _serverPart = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];

    [Fact]
    public async Task P27_the_servers_part_comes_back_to_it_and_the_clients_stays_the_same()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(Answer(exchange, [.. CookieOf(exchange)[..8], .. _serverPart])));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await AssertAnswered(agent, "first.example.test");
        await AssertAnswered(agent, "second.example.test");

        Assert.Equal(2, upstream.Count);
        Assert.Equal(8, CookieOf(upstream.Exchanges[0]).Length);
        Assert.Equal([.. CookieOf(upstream.Exchanges[0]), .. _serverPart], CookieOf(upstream.Exchanges[1]));
    }

    [Fact]
    public async Task P27_two_servers_get_two_cookies()
    {
        using ScriptedUpstream first = ScriptedUpstream.Answering(Genuine);
        using ScriptedUpstream second = ScriptedUpstream.Answering(Genuine);
        using AgentUnderTest agent = AgentUnderTest.Forwarding(first, second);
        for (int i = 0; first.Count == 0 || second.Count == 0; i++)
            await AssertAnswered(agent, $"n{i}.example.test");

        Assert.NotEqual(CookieOf(first.Exchanges[0]), CookieOf(second.Exchanges[0]));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("another")]
    [InlineData("too long")]
    public async Task P27_a_response_without_the_cookie_is_not_taken_from_a_server_that_knows_it_and_TCP_decides(string flaw)
    {
        bool isForging = false;
        using ScriptedUpstream upstream = new(exchange => exchange switch
        {
            { IsTcp: true } => exchange.Answer(RR.AddressRecord(exchange.Name, Genuine)),
            _ when !isForging => exchange.Send(Answer(exchange, [.. CookieOf(exchange)[..8], .. _serverPart])),
            _ => exchange.Send(flaw switch
            {
                "none" => exchange.Query.Reply(RR.AddressRecord(exchange.Name, Forged)),
                "another" => Answer(exchange, [.. new byte[8], .. _serverPart], Forged),
                _ => Answer(exchange, [.. CookieOf(exchange)[..8], .. new byte[33]], Forged),
            }),
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await AssertAnswered(agent, "first.example.test");
        isForging = true;

        await AssertAnswered(agent, "asked.example.test");

        Assert.Contains(upstream.Exchanges, exchange => exchange.IsTcp && exchange.Name == "asked.example.test");
    }

    /// <summary>As when a resolver is replaced behind its address.</summary>
    [Fact]
    public async Task P27_a_server_that_has_cookies_no_more_is_asked_over_UDP_again_although_TCP_is_closed()
    {
        bool hasCookies = true;
        using ScriptedUpstream upstream = new(exchange => exchange switch
        {
            { IsTcp: true } => Close(exchange),
            _ when hasCookies => exchange.Send(Answer(exchange, [.. CookieOf(exchange)[..8], .. _serverPart])),
            _ => exchange.Answer(RR.AddressRecord(exchange.Name, Genuine)),
        });
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        await AssertAnswered(agent, "first.example.test");
        hasCookies = false;

        for (int i = 0; i < 5; i++)
            await AssertAnswered(agent, $"n{i}.example.test");

        int asked = upstream.Exchanges.Count(exchange => exchange.IsTcp);
        await AssertAnswered(agent, "later.example.test");
        Assert.Equal(asked, upstream.Exchanges.Count(exchange => exchange.IsTcp));

        static Task Close(UpstreamExchange exchange)
        {
            exchange.Close();
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task P27_what_drops_queries_with_a_cookie_gets_the_next_without()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Options.Any() ? Task.CompletedTask : exchange.Answer(RR.AddressRecord(exchange.Name, Genuine)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);

        await AssertAnswered(agent, "asked.example.test");
    }

    [Fact]
    public async Task P27_a_server_that_takes_no_cookies_is_asked_without_them_after_a_while()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Options.Any() ? exchange.Fail(1) : exchange.Answer(RR.AddressRecord(exchange.Name, Genuine)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        for (int i = 0; i < 5; i++)
            await AssertAnswered(agent, $"n{i}.example.test");
        int asked = upstream.Count;

        await AssertAnswered(agent, "later.example.test");

        Assert.Equal(asked + 1, upstream.Count);
        Assert.NotNull(upstream.Exchanges[^1].Query.Opt);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task P27_a_server_without_cookies_is_asked_over_UDP(bool isEchoing)
    {
        using ScriptedUpstream upstream = new(exchange => isEchoing ? exchange.Send(Answer(exchange, CookieOf(exchange))) : exchange.Answer(RR.AddressRecord(exchange.Name, Genuine)));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        for (int i = 0; i < 3; i++)
            await AssertAnswered(agent, $"n{i}.example.test");

        Assert.DoesNotContain(upstream.Exchanges, exchange => exchange.IsTcp);
    }

    /// <summary>It says BADCOOKIE to the first query, and answers those that bring its part.</summary>
    [Fact]
    public async Task P27_a_real_server_that_insists_on_cookies_answers()
    {
        using DnsServerProcess server = new();
        await server.StartKnot();
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(new RouteConfiguration { Zone = "", Servers = [server.EndPoint] }));
        for (int i = 0; i < 3; i++)
            await AssertAnswered(agent, $"n{i}.example.test");
    }

    private static byte[] CookieOf(UpstreamExchange exchange) => exchange.Query.Options.Single(option => option.Code == Cookie).Value;

    private static DnsMessage Answer(UpstreamExchange exchange, byte[] cookie, string address = Genuine) =>
        exchange.Query.Reply(RR.AddressRecord(exchange.Name, address)).WithEdns(1232, (Cookie, cookie));

    private static async Task AssertAnswered(AgentUnderTest agent, string name) =>
        Assert.Equal(Genuine, Assert.Single((await agent.Ask(name)).Answers).Address.ToString());
}

using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Names;

public sealed class RewriteTests
{
    private const string Rewrites = """
        rewrite:
          - { from: example.org, to: default.svc.cluster.local }
          - { from: special.example.org, to: other.svc.cluster.local }
          - { from: once.test, to: example.org }
          - { from: local.test, to: static.test }
          - { from: loop.test, to: localhost }
        hosts: [ { address: 10.0.0.7, names: [db.static.test, shadowed.local.test] } ]
        zones: [ { zone: gone.static.test, rcode: NXDOMAIN } ]
        """;

    [Theory]
    [InlineData("db.Example.org", "db.default.svc.cluster.local")]
    [InlineData("example.org", "default.svc.cluster.local")]
    [InlineData("a.special.example.org", "a.other.svc.cluster.local")] // the longest suffix
    [InlineData("a.once.test", "a.example.org")] // once, not repeated
    [InlineData("xexample.org", "xexample.org")]
    public async Task A_suffix_is_rewritten_for_the_upstream_and_given_back_to_the_client(string name, string asked)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1", ttl: 60);
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal($"0; {name} 1 60 192.0.2.1", (await agent.Ask(name)).Text());
        Assert.Equal($"0; {name} 1 60 192.0.2.1", (await agent.Ask(name)).Text());
        upstream.AssertOneFlight(asked);
        Assert.Equal(upstream.CountOf(asked), upstream.Count);
        Assert.Equal(1, agent.UdpThread.Counters.Hits);
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task The_route_is_that_of_the_rewritten_name(TransportProtocol protocol)
    {
        using ScriptedUpstream root = ScriptedUpstream.Answering("192.0.2.1");
        using ScriptedUpstream cluster = ScriptedUpstream.Answering("192.0.2.2");
        using AgentUnderTest agent = ConfiguredNames.Start(
            Rewrites, AgentUnderTest.RootRoute(protocol, root), AgentUnderTest.Route("cluster.local", protocol, cluster));

        Assert.Equal("0; db.example.org 1 300 192.0.2.2", (await agent.Ask("db.example.org")).Text());
        Assert.Equal(0, root.Count);
    }

    [Fact]
    public async Task An_alias_behind_the_rewritten_name_keeps_its_own_names()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.Alias(exchange.Name, "real.default.svc.cluster.local", 30), RR.AddressRecord("real.default.svc.cluster.local", "192.0.2.5", 30)));
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal(
            "0; db.example.org 5 30 real.default.svc.cluster.local; real.default.svc.cluster.local 1 30 192.0.2.5",
            (await agent.Ask("db.example.org")).Text());
    }

    [Fact]
    public async Task P34_the_letters_that_were_varied_for_the_upstream_do_not_reach_the_client()
    {
        // As servers compress: the SOA's owner is a pointer to the end of the question.
        const string asked = "absent.in.another.zone.of.cluster.local";
        using ScriptedUpstream upstream = new(exchange =>
        {
            byte[] reply = (exchange.Query.Reply(3) with { Authority = [RR.Authority("", 30, 30)] }).ToBytes();
            int owner = 12 + asked.Length + 2 + 4;
            return exchange.Send([.. reply[..owner], 0xC0, 12 + 10, .. reply[(owner + 1)..]]);
        });
        using AgentUnderTest agent = ConfiguredNames.Start($"zones: [ {{ zone: static.test, records: [ \"* 20 CNAME {asked}.\" ] }} ]", upstream);

        DnsMessage reply = await agent.Ask("a.static.test");
        Assert.Equal((3, "another.zone.of.cluster.local"), (reply.ResponseCode, Assert.Single(reply.Authority).Name));
    }

    [Fact]
    public async Task That_a_rewritten_name_is_missing_is_said_and_kept_for_the_clients_name()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("cluster.local", 30, 30)] }));
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal("3; +example.org 6", (await agent.Ask("no.example.org")).Text()); // an SOA of another zone would be no proof for this name
        Assert.Equal("3; +example.org 6", (await agent.Ask("no.example.org", RR.Aaaa)).Text());
        upstream.AssertOneFlight("no.default.svc.cluster.local");
        Assert.Equal("3; +cluster.local 6", (await agent.Ask("no.default.svc.cluster.local")).Text());
    }

    [Fact]
    public async Task A1_only_a_response_to_the_rewritten_question_is_taken()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await exchange.Send(exchange.Query.Reply(RR.AddressRecord("db.example.org", "192.0.2.66")) with { Questions = [new Question("db.example.org", RR.A)] });
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal("0; db.example.org 1 300 192.0.2.1", (await agent.Ask("db.example.org")).Text());
    }

    [Fact]
    public async Task A8_records_of_the_clients_name_that_an_upstream_adds_are_left_out()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.AddressRecord("db.example.org", "192.0.2.66"), RR.AddressRecord(exchange.Name, "192.0.2.1")));
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal("0; db.example.org 1 300 192.0.2.1", (await agent.Ask("db.example.org")).Text());
    }

    [Theory]
    [InlineData("db.local.test", RR.A, "0; db.local.test 1 3600 10.0.0.7")]
    [InlineData("x.gone.local.test", RR.A, "3; +gone.static.test 6")]
    [InlineData("x.loop.test", RR.A, "0; x.loop.test 1 3600 127.0.0.1")]
    public async Task The_agents_own_names_are_found_by_the_rewritten_name(string name, ushort type, string expected)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal(expected, (await agent.Ask(name, type)).Text());
        Assert.Equal(0, upstream.Count);
        Assert.Equal("0; shadowed.local.test 1 300 192.0.2.1", (await agent.Ask("shadowed.local.test")).Text());
    }

    [Fact]
    public async Task A_name_that_would_be_too_long_is_asked_as_it_is()
    {
        string name = string.Join('.', Enumerable.Repeat(new string('a', 59), 4).Append("example.org"));
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        Assert.Equal($"0; {name} 1 300 192.0.2.1", (await agent.Ask(name)).Text());
        upstream.AssertOneFlight(name);
    }

    [Fact]
    public async Task A3_many_clients_of_a_rewritten_name_share_one_flight()
    {
        using ScriptedUpstream upstream = new(async exchange =>
        {
            await Task.Delay(100);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        });
        using AgentUnderTest agent = ConfiguredNames.Start(Rewrites, upstream);

        DnsMessage[] replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => agent.Ask("db.example.org")));

        Assert.All(replies, reply => Assert.Equal("0; db.example.org 1 300 192.0.2.1", reply.Text()));
        upstream.AssertOneFlight("db.default.svc.cluster.local");
    }
}

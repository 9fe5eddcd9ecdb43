using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Names;

public sealed class FixedZoneTests(SharedZones shared) : IClassFixture<SharedZones>
{
    public const string Zones = """
        zones:
          - { zone: blocked.test, rcode: NXDOMAIN }
          - { zone: six.test, rcode: NOERROR, types: [AAAA, TYPE65] }
          - { zone: refused.test, rcode: refused }
          - zone: static.test
            records:
              - "www 60 A 192.0.2.1"
              - "www 60 AAAA 2001:db8::1"
              - "@ 300 TXT \"hello world\" \"\\195\\188\\\"\""
              - "alias 60 CNAME www"
              - "longer 50 CNAME alias"
              - "gone 60 CNAME nowhere"
              - "blocked 60 CNAME x.blocked.test."
              - "circle 60 CNAME circle2"
              - "circle2 60 CNAME circle"
              - "out 20 CNAME www.example.net."
              - "outer 40 CNAME out"
              - "mail 60 IN MX 10 mx"
              - "_sip._tcp 60 SRV 0 5 5060 sip"
              - "* 60 A 192.0.2.9"
              - "deep.er TXT plain"
              - "*.star 60 CNAME www"
        filterAaaa: [ nosix.test, foo.static.test ]
        """;

    [Theory]
    [InlineData("www.static.test", RR.A, "0; www.static.test 1 60 192.0.2.1")]
    [InlineData("WWW.static.test", RR.Aaaa, "0; WWW.static.test 28 60 2001:db8::1")]
    [InlineData("www.static.test", RR.Txt, "0; +static.test 6")]
    [InlineData("static.test", RR.Txt, "0; static.test 16 300 0B68656C6C6F20776F726C6403C3BC22")]
    [InlineData("static.test", RR.A, "0; +static.test 6")]
    [InlineData("mail.static.test", 15, "0; mail.static.test 15 60 000A026D780673746174696304746573" + "7400")]
    [InlineData("_sip._tcp.static.test", 33, "0; _sip._tcp.static.test 33 60 0000000513C403736970067374617469630474657374" + "00")]
    [InlineData("blocked.test", RR.A, "3; +blocked.test 6")]
    [InlineData("a.b.blocked.test", RR.Aaaa, "3; +blocked.test 6")]
    [InlineData("a.six.test", RR.Aaaa, "0; +six.test 6")]
    [InlineData("a.six.test", 65, "0; +six.test 6")]
    [InlineData("a.refused.test", RR.A, "5")]
    [InlineData("a.nosix.test", RR.Aaaa, "0; +nosix.test 6")]
    public async Task A_fixed_zone_answers_for_its_names_and_no_upstream_hears_of_them(string name, ushort type, string expected)
    {
        Assert.Equal(expected, (await shared.Agent.Ask(name, type)).Text());
        Assert.Equal(0, shared.Upstream.CountOf(name));
    }

    [Theory]
    [InlineData("alias.static.test", RR.A, "0; alias.static.test 5 60 www.static.test; www.static.test 1 60 192.0.2.1")]
    [InlineData("longer.static.test", RR.Aaaa, "0; longer.static.test 5 50 alias.static.test; alias.static.test 5 60 www.static.test; www.static.test 28 60 2001:db8::1")]
    [InlineData("longer.static.test", RR.Cname, "0; longer.static.test 5 50 alias.static.test")]
    [InlineData("longer.static.test", RR.Txt, "0; longer.static.test 5 50 alias.static.test; alias.static.test 5 60 www.static.test; +static.test 6")]
    [InlineData("gone.static.test", RR.A, "0; gone.static.test 5 60 nowhere.static.test; nowhere.static.test 1 60 192.0.2.9")]
    [InlineData("blocked.static.test", RR.A, "3; blocked.static.test 5 60 x.blocked.test; +blocked.test 6")]
    [InlineData("circle.static.test", RR.A, "2")]
    [InlineData("any.star.static.test", RR.A, "0; any.star.static.test 5 60 www.static.test; www.static.test 1 60 192.0.2.1")]
    public async Task An_alias_is_followed_within_what_is_known_and_a_circle_ends(string name, ushort type, string expected)
    {
        Assert.Equal(expected, (await shared.Agent.Ask(name, type)).Text());
        Assert.Equal(0, shared.Upstream.CountOf(name));
    }

    /// <summary>RFC 4592 section 2.2.1's cases, on this zone.</summary>
    [Theory]
    [InlineData("host.static.test", RR.A, "0; host.static.test 1 60 192.0.2.9")]
    [InlineData("a.b.host.static.test", RR.A, "0; a.b.host.static.test 1 60 192.0.2.9")]
    [InlineData("host.static.test", RR.Txt, "0; +static.test 6")] // the wildcard has no such type
    [InlineData("below.www.static.test", RR.A, "3; +static.test 6")] // www exists, and nothing below it
    [InlineData("er.static.test", RR.A, "0; +static.test 6")] // an empty non-terminal exists
    [InlineData("x.er.static.test", RR.A, "3; +static.test 6")]
    [InlineData("_tcp.static.test", RR.A, "0; +static.test 6")]
    [InlineData("star.static.test", RR.A, "0; +static.test 6")]
    [InlineData("foo.static.test", RR.A, "0; foo.static.test 1 60 192.0.2.9")] // a filter begins there, which makes no name
    [InlineData("x.foo.static.test", RR.A, "0; x.foo.static.test 1 60 192.0.2.9")]
    [InlineData("x.foo.static.test", RR.Aaaa, "0; +foo.static.test 6")]
    public async Task A_wildcard_stands_for_the_names_that_are_not_there(string name, ushort type, string expected)
    {
        Assert.Equal(expected, (await shared.Agent.Ask(name, type)).Text());
        Assert.Equal(0, shared.Upstream.CountOf(name));
    }

    [Theory]
    [InlineData("a.six.test")]
    [InlineData("a.nosix.test")]
    [InlineData("test")]
    [InlineData("xstatic.test")]
    public async Task Types_and_names_that_no_zone_is_for_are_asked_of_the_upstream(string name)
    {
        Assert.Equal($"0; {name} 1 300 192.0.2.99", (await shared.Agent.Ask(name)).Text());
        Assert.Equal(1, shared.Upstream.CountOf(name));
    }

    [Fact]
    public async Task An_alias_that_leads_out_is_followed_by_asking_for_its_target_and_the_whole_is_kept()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.Alias(exchange.Name, "edge.example.net", 100), RR.AddressRecord("edge.example.net", "192.0.2.7", 90)));
        using AgentUnderTest agent = ConfiguredNames.Start(Zones, upstream);

        const string expected = "0; Outer.static.test 5 20 out.static.test; out.static.test 5 20 www.example.net; www.example.net 5 20 edge.example.net; edge.example.net 1 20 192.0.2.7";
        Assert.Equal(expected, (await agent.Ask("Outer.static.test")).Text());
        Assert.Equal(expected, (await agent.Ask("Outer.static.test")).Text());
        upstream.AssertOneFlight("www.example.net");
        Assert.Equal(upstream.CountOf("www.example.net"), upstream.Count);
        Assert.Equal(1, agent.UdpThread.Counters.Hits);
        Assert.Equal("0; outer.static.test 5 40 out.static.test", (await agent.Ask("outer.static.test", RR.Cname)).Text());
    }

    [Fact]
    public async Task An_alias_that_leads_out_to_a_name_that_is_not_there_says_so_behind_the_alias()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.net", 50, 50)] }));
        using AgentUnderTest agent = ConfiguredNames.Start(Zones, upstream);

        Assert.Equal("3; out.static.test 5 20 www.example.net; +example.net 6", (await agent.Ask("out.static.test")).Text());
        Assert.Equal("3; out.static.test 5 20 www.example.net; +example.net 6", (await agent.Ask("out.static.test")).Text());
        upstream.AssertOneFlight("www.example.net");
        Assert.Equal("3", (await agent.Ask("out.static.test", RR.Aaaa)).Text()[..1]); // the name at the end, not this one, is missing for all types
    }

    [Fact]
    public async Task RFC2308_the_SOA_of_a_fixed_zone_lets_clients_keep_that_a_name_is_missing()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using AgentUnderTest agent = ConfiguredNames.Start(Zones, upstream);

        ResourceRecord soa = Assert.Single((await agent.Ask("x.blocked.test")).Authority);
        Assert.Equal(("blocked.test", RR.Soa, 60u), (soa.Name, soa.Type, soa.Ttl));
        Assert.Equal(60, soa.Data[^1]); // MINIMUM
    }

    [Fact]
    public async Task ANY_gets_one_RRset_over_TCP_and_HINFO_over_UDP()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using AgentUnderTest agent = ConfiguredNames.Start(Zones, upstream);

        Assert.Equal("0; www.static.test 1 60 192.0.2.1", (await agent.Ask("www.static.test", 255, TransportProtocol.Tcp)).Text());
        Assert.Equal(13, Assert.Single((await agent.Ask("www.static.test", 255)).Answers).Type);
    }
}

/// <summary>One agent for all questions that leave no trace in it.</summary>
public sealed class SharedZones : IDisposable
{
    public SharedZones() => Agent = ConfiguredNames.Start(FixedZoneTests.Zones, Upstream);

    internal ScriptedUpstream Upstream { get; } = ScriptedUpstream.Answering("192.0.2.99");

    internal AgentUnderTest Agent { get; }

    public void Dispose()
    {
        Agent.Dispose();
        Upstream.Dispose();
    }
}

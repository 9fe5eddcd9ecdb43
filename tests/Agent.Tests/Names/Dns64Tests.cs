using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Names;

/// <summary>RFC 6147, against upstreams that count.</summary>
public sealed class Dns64Tests
{
    private const string Plain = "dns64: {}";

    /// <summary>An upstream that has A records alone, and an SOA for all else.</summary>
    private static ScriptedUpstream Ipv4Only(uint ttl = 300, uint minimum = 300) => new(exchange => exchange.Query.Questions[0].Type == RR.A
        ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.33", ttl))
        : exchange.Send(exchange.Query.Reply() with { Authority = [RR.Authority("example.test", 3600, minimum)] }));

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task A_name_with_A_records_alone_gets_AAAA_records_in_the_prefix(TransportProtocol protocol)
    {
        using ScriptedUpstream upstream = Ipv4Only(ttl: 60);
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream, protocol);

        for (int i = 0; i < 2; i++)
            Assert.Equal("0; Www.example.test 28 60 64:ff9b::c000:221", (await agent.Ask("Www.example.test", RR.Aaaa)).Text());
        Assert.Equal("0; www.example.test 1 60 192.0.2.33", (await agent.Ask("www.example.test")).Text());

        Assert.Equal(1, agent.UdpThread.Counters.Hits);
        Assert.InRange(upstream.Exchanges.Count(exchange => exchange.Query.Questions[0].Type == RR.Aaaa), 1, 4);
    }

    [Theory]
    [InlineData(300, 120, 120)]
    [InlineData(60, 120, 60)]
    public async Task Section_5_1_7_the_TTL_is_the_smaller_of_the_A_records_and_the_SOA(uint ttl, uint minimum, uint expected)
    {
        using ScriptedUpstream upstream = Ipv4Only(ttl, minimum);
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal(expected, Assert.Single((await agent.Ask("www.example.test", RR.Aaaa)).Answers).Ttl);
    }

    [Fact]
    public async Task Section_5_1_7_without_an_SOA_the_TTL_is_at_most_600()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Questions[0].Type == RR.A
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.33", 3000)) : exchange.Answer());
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal(600u, Assert.Single((await agent.Ask("www.example.test", RR.Aaaa)).Answers).Ttl);
    }

    [Fact]
    public async Task Section_5_1_5_the_chain_of_aliases_stays()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(exchange.Query.Questions[0].Type == RR.A
            ? [RR.Alias(exchange.Name, "farm.example.test", 200), RR.AddressRecord("farm.example.test", "192.0.2.1", 100), RR.AddressRecord("farm.example.test", "192.0.2.2", 100)]
            : [RR.Alias(exchange.Name, "farm.example.test", 200)]));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal(
            "0; www.example.test 5 100 farm.example.test; farm.example.test 28 100 64:ff9b::c000:201; farm.example.test 28 100 64:ff9b::c000:202",
            (await agent.Ask(DnsMessage.Query("www.example.test", RR.Aaaa) with { Id = 2 })).Text());
    }

    [Fact]
    public async Task Real_AAAA_records_are_given_as_they_are_and_A_is_not_asked_for()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("2001:db8::1");
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal("0; www.example.test 28 300 2001:db8::1", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        Assert.All(upstream.Exchanges, exchange => Assert.Equal(RR.Aaaa, exchange.Query.Questions[0].Type));
    }

    [Fact]
    public async Task Section_5_1_4_excluded_addresses_count_as_absent()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Questions[0].Type == RR.A
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.33"))
            : exchange.Answer(exchange.Name.StartsWith("mixed", StringComparison.Ordinal)
                ? [RR.AddressRecord(exchange.Name, "2001:db8:bad::1"), RR.AddressRecord(exchange.Name, "2001:db8::1")]
                : [RR.AddressRecord(exchange.Name, "2001:db8:bad::1")]));
        using AgentUnderTest agent = ConfiguredNames.Start("dns64: { exclude: [\"2001:db8:bad::/48\"] }", upstream);

        Assert.Equal("0; all.example.test 28 300 64:ff9b::c000:221", (await agent.Ask("all.example.test", RR.Aaaa)).Text());
        Assert.Equal("0; mixed.example.test 28 300 2001:db8::1", (await agent.Ask("mixed.example.test", RR.Aaaa)).Text());
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_not_asked_for_again()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", 60, 60)] }));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal("3; +example.test 6", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        Assert.All(upstream.Exchanges, exchange => Assert.Equal(RR.Aaaa, exchange.Query.Questions[0].Type));
    }

    [Fact]
    public async Task A_name_without_addresses_has_none_and_that_is_kept()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Send(exchange.Query.Reply() with { Authority = [RR.Authority("example.test", 60, 60)] }));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal("0; +example.test 6", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        int asked = upstream.Count;
        Assert.Equal("0; +example.test 6", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        Assert.Equal(asked, upstream.Count);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Section_5_1_2_a_server_that_fails_for_AAAA_alone_counts_as_having_none(int code)
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Query.Questions[0].Type == RR.A
            ? exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.33")) : exchange.Fail(code));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal("0; www.example.test 28 300 64:ff9b::c000:221", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
    }

    [Fact]
    public async Task A_server_that_fails_for_both_gives_SERVFAIL_and_is_not_asked_without_end()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Fail(2));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal("2", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        int asked = upstream.Count;
        Assert.InRange(asked, 2, 8);
        Assert.Equal("2", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        Assert.Equal(asked, upstream.Count);
    }

    [Theory]
    [InlineData(0x0110, true, false)] // CD and DO: the client validates for itself (section 5.5)
    [InlineData(0x0100, true, true)]
    [InlineData(0x0110, false, true)]
    public async Task Section_5_5_a_client_that_validates_gets_what_is_there(int flags, bool isDnssecOk, bool isMade)
    {
        using ScriptedUpstream upstream = Ipv4Only();
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);
        DnsMessage query = DnsMessage.Query("www.example.test", RR.Aaaa) with { Flags = (ushort)flags };

        DnsMessage reply = await agent.Ask(isDnssecOk ? query with { Additional = [RR.OptRecord(1232) with { Ttl = 0x8000 }] } : query.WithEdns());

        Assert.Equal(isMade ? "0; www.example.test 28 300 64:ff9b::c000:221" : "0; +example.test 6", reply.Text());
    }

    [Fact]
    public async Task Real_AAAA_records_keep_their_signature()
    {
        const ushort rrsig = 46;
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(
            RR.AddressRecord(exchange.Name, "2001:db8::1"), new ResourceRecord(exchange.Name, rrsig, 1, 300, [0, 28, .. new byte[40]])));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        DnsMessage reply = await agent.Ask(DnsMessage.Query("www.example.test", RR.Aaaa) with { Additional = [RR.OptRecord(1232) with { Ttl = 0x8000 }] });

        Assert.Equal([RR.Aaaa, rrsig], reply.Answers.Select(record => record.Type));
    }

    [Fact]
    public async Task Only_names_in_the_zones_are_concerned()
    {
        using ScriptedUpstream upstream = Ipv4Only();
        using AgentUnderTest agent = ConfiguredNames.Start("dns64: { prefix: \"2001:db8:122:344::/64\", zones: [ v4.example.test ] }", upstream);

        Assert.Equal("0; a.v4.example.test 28 300 2001:db8:122:344:c0:2:2100:0", (await agent.Ask("a.v4.example.test", RR.Aaaa)).Text());
        Assert.Equal("0; +example.test 6", (await agent.Ask("a.example.test", RR.Aaaa)).Text());
    }

    [Fact]
    public async Task Rewritten_names_aliases_that_lead_out_and_own_hosts_get_AAAA_records_too()
    {
        const string yaml = Plain + """

            rewrite: [ { from: svc.test, to: example.test } ]
            hosts: [ { address: 10.0.0.1, names: [four.internal] } ]
            zones: [ { zone: static.test, records: [ "out 20 CNAME www.example.test.", "in 30 CNAME four.internal." ] } ]
            """;
        using ScriptedUpstream upstream = Ipv4Only();
        using AgentUnderTest agent = ConfiguredNames.Start(yaml, upstream);

        Assert.Equal("0; db.svc.test 28 300 64:ff9b::c000:221", (await agent.Ask("db.svc.test", RR.Aaaa)).Text());
        Assert.Equal("0; out.static.test 5 20 www.example.test; www.example.test 28 20 64:ff9b::c000:221", (await agent.Ask("out.static.test", RR.Aaaa)).Text());
        Assert.Equal("0; four.internal 28 3600 64:ff9b::a00:1", (await agent.Ask("four.internal", RR.Aaaa)).Text());
        Assert.Equal("0; in.static.test 5 30 four.internal; four.internal 28 3600 64:ff9b::a00:1", (await agent.Ask("in.static.test", RR.Aaaa)).Text());
    }

    [Fact]
    public async Task Filtered_AAAA_stays_filtered()
    {
        using ScriptedUpstream upstream = Ipv4Only();
        using AgentUnderTest agent = ConfiguredNames.Start(Plain + "\nfilterAaaa: [ \".\" ]", upstream);

        Assert.Equal("0; + 6", (await agent.Ask("www.example.test", RR.Aaaa)).Text());
        Assert.Equal(0, upstream.Count);
    }

    [Fact]
    public async Task Section_5_3_1_a_made_address_is_found_in_reverse_by_its_IPv4_address()
    {
        const string reverse = "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa";
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(new ResourceRecord(exchange.Name, RR.Ptr, 1, 300, RR.NameBytes("www.example.test"))));
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, upstream);

        Assert.Equal($"0; {reverse} 5 300 33.2.0.192.in-addr.arpa; 33.2.0.192.in-addr.arpa 12 300 www.example.test", (await agent.Ask(reverse, RR.Ptr)).Text());
        upstream.AssertOneFlight("33.2.0.192.in-addr.arpa");
        string elsewhere = $"1.0.0.0.{reverse[8..]}".Replace("b.9.f.f", "8.b.d.0", StringComparison.Ordinal);
        Assert.Equal($"0; {elsewhere} 12 300 www.example.test", (await agent.Ask(elsewhere, RR.Ptr)).Text());
    }

    [Fact]
    public async Task A_slow_first_answer_that_comes_after_the_second_question_does_no_harm()
    {
        using ScriptedUpstream slow = new(async exchange =>
        {
            await Task.Delay(900);
            await exchange.Answer(RR.AddressRecord(exchange.Name, "2001:db8::bad"));
        });
        using ScriptedUpstream quick = Ipv4Only();
        using AgentUnderTest agent = ConfiguredNames.Start(Plain, AgentUnderTest.RootRoute(TransportProtocol.Udp, slow, quick));

        for (int i = 0; i < 4; i++)
        {
            string reply = (await agent.Ask($"w{i}.example.test", RR.Aaaa)).Text();
            Assert.Contains(reply, (string[])[$"0; w{i}.example.test 28 300 64:ff9b::c000:221", $"0; w{i}.example.test 28 300 2001:db8::bad"]);
        }
    }
}

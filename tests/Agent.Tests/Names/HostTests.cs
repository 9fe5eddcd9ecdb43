using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Names;

public sealed class HostTests
{
    private const string Hosts = """
        hosts:
          - { address: 10.1.2.3, names: [db.internal, DB2.internal], ttl: 60 }
          - { address: 10.1.2.4, names: [db.internal], ttl: 30 }
          - { address: 2001:db8::7, names: [six.internal] }
          - { address: 0.0.0.0, names: [ads.example] }
        """;

    [Theory]
    [InlineData("Db2.Internal", RR.A, "0; Db2.Internal 1 60 10.1.2.3")]
    [InlineData("six.internal", RR.Aaaa, "0; six.internal 28 3600 2001:db8::7")]
    [InlineData("six.internal", RR.A, "0")]
    [InlineData("db.internal", RR.Txt, "0")]
    [InlineData("ads.example", RR.A, "0; ads.example 1 3600 0.0.0.0")]
    [InlineData("4.2.1.10.in-addr.arpa", RR.Ptr, "0; 4.2.1.10.in-addr.arpa 12 30 db.internal")]
    [InlineData("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", RR.Ptr,
        "0; 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 12 3600 six.internal")]
    public async Task A_host_is_answered_by_name_and_by_address_and_no_upstream_hears_of_it(string name, ushort type, string expected)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(Hosts, upstream);

        Assert.Equal(expected, (await agent.Ask(name, type)).Text());
        Assert.Equal(expected, (await agent.Ask(name, type, TransportProtocol.Tcp)).Text());
        Assert.Equal(0, upstream.Count);
        Assert.Equal((1, 1), (agent.UdpThread.Counters.Local, agent.TcpThread.Counters.Local));
    }

    [Theory]
    [InlineData("internal")]
    [InlineData("other.internal")]
    [InlineData("below.db.internal")]
    [InlineData("xdb.internal")]
    [InlineData("0.0.0.0.in-addr.arpa")]
    public async Task Names_around_a_host_are_asked_of_the_upstream(string name)
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(Hosts, upstream);

        Assert.Equal($"0; {name} 1 300 192.0.2.1", (await agent.Ask(name)).Text());
        upstream.AssertOneFlight(name);
    }

    [Fact]
    public async Task Several_addresses_of_a_host_share_the_smaller_TTL_and_take_turns()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(Hosts, upstream);

        HashSet<string> seen = [];
        for (ushort id = 0; id < 4; id++)
            seen.Add((await agent.Ask(DnsMessage.Query("db.internal") with { Id = id })).Text());

        Assert.Equal(
            ["0; db.internal 1 30 10.1.2.3; db.internal 1 30 10.1.2.4", "0; db.internal 1 30 10.1.2.4; db.internal 1 30 10.1.2.3"], seen.Order());
    }

    [Fact]
    public async Task A_host_wins_over_what_an_upstream_said_before_and_over_the_zone_around_it()
    {
        const string yaml = """
            hosts: [ { address: 10.0.0.1, names: [ok.blocked.test, localhost] } ]
            zones: [ { zone: blocked.test, rcode: NXDOMAIN } ]
            """;
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start(yaml, upstream);
        byte[] key = [.. RR.NameBytes("ok.blocked.test"), 0, 1, 0, 0, 1];
        agent.Cache.Store(key, Dns.CacheEntry.CreateFailure(key, 1, Environment.TickCount64));

        Assert.Equal("0; ok.blocked.test 1 3600 10.0.0.1", (await agent.Ask("ok.blocked.test")).Text());
        Assert.Equal("3; +blocked.test 6", (await agent.Ask("below.ok.blocked.test")).Text());
        Assert.Equal("0; localhost 1 3600 10.0.0.1", (await agent.Ask("localhost")).Text());
        Assert.Equal(0, upstream.Count);
    }

    [Fact]
    public async Task P23_own_answers_are_cut_to_what_the_client_takes()
    {
        string names = string.Join("\n", Enumerable.Range(1, 100).Select(i => $"  - {{ address: 10.9.0.{i}, names: [many.internal] }}"));
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = ConfiguredNames.Start($"hosts:\n{names}", upstream);

        DnsMessage udp = await agent.Ask(DnsMessage.Query("many.internal").WithEdns(1232));
        Assert.Equal((true, 0), ((udp.Flags & 0x0200) != 0, udp.Answers.Count));
        Assert.NotNull(udp.Opt);
        Assert.Equal(100, (await agent.Ask("many.internal", protocol: TransportProtocol.Tcp)).Answers.Count);
    }
}

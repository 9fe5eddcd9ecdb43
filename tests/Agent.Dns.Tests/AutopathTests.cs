using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>P44: the first query of a pod's search walk is answered with what the walk would come to.</summary>
public class AutopathTests
{
    private const string Pod = "10.244.1.2";
    private const string First = "www.outside.test.default.svc.cluster.local";
    private const string Alias = "www.outside.test.";

    private readonly WalkingPods _pods = new WalkingPods().Pod(Pod).Has("www.outside.test", "203.0.113.80", "2001:db8::80");

    [Fact]
    public void P44_an_external_name_is_answered_at_the_first_query_and_once_warm_without_an_upstream()
    {
        Assert.Equal($"{Alias} 203.0.113.80", _pods.Text(Pod, First));
        Assert.Equal($"{Alias} 2001:db8::80", _pods.Text(Pod, First, T.Aaaa));
        // What does not exist is asked for once, for both families.
        Assert.Equal(
            ["www.outside.test.default.svc.cluster.local.", "www.outside.test.svc.cluster.local.", "www.outside.test.cluster.local.", "www.outside.test.corp.test.", "www.outside.test.", "www.outside.test."],
            _pods.Forwarded.Select(question => question.Split(' ')[1]));

        _pods.Forwarded.Clear();
        Assert.Equal($"{Alias} 203.0.113.80", _pods.Text(Pod, First));
        Assert.Equal($"{Alias} 2001:db8::80", _pods.Text(Pod, First, T.Aaaa));
        Assert.Empty(_pods.Forwarded);
        Assert.Equal((3, 1), (_pods.Counters.Hits, _pods.Counters.Misses)); // the second family was there already
    }

    [Fact]
    public void P44_the_reply_has_the_client_s_letters_ID_and_OPT_and_the_alias_lives_no_longer_than_what_was_passed_over()
    {
        _pods.Ask(Pod, First);
        _pods.Now = 10_000;
        OracleMessage reply = _pods.Ask(Pod, "WwW.Outside.test.DEFAULT.svc.cluster.local", with: query => query.Id(0xCAFE).Opt());

        Assert.Equal((0xCAFE, 0, true, true, false, false), (reply.Id, reply.Rcode, reply.IsResponse, reply.RA, reply.AA, reply.TC));
        Assert.Equal(MessageBuilder.Name("WwW.Outside.test.DEFAULT.svc.cluster.local"), reply.QuestionBytes[..^4]);
        Assert.Equal([("www.outside.test.default.svc.cluster.local.", T.Cname, 20u), (Alias, T.A, 50u)], reply.Answers.Select(record => (record.Owner, (ushort)record.Type, record.Ttl)));
        Assert.NotNull(reply.Opt);
    }

    [Fact]
    public void P44_a_Service_of_another_namespace_is_found_in_the_table()
    {
        _pods.Table.Service("web.other", "10.96.1.1").Namespace("other");
        _pods.Publish();

        Assert.Equal("web.other.svc.cluster.local. 10.96.1.1", _pods.Text(Pod, "web.other.default.svc.cluster.local"));
        Assert.Equal("NODATA", _pods.Text(Pod, "web.other.default.svc.cluster.local", T.Aaaa));
        Assert.Equal(["1 web.other.default.svc.cluster.local."], _pods.Forwarded);
    }

    [Fact]
    public void P44_a_name_of_one_family_has_no_data_of_the_other_and_no_alias_there_that_would_end_glibc_s_walk()
    {
        _pods.Has("v4.outside.test", "203.0.113.4").Has("v4.outside.test.corp.test", "2001:db8::4");
        Assert.Equal("v4.outside.test.corp.test. 2001:db8::4", _pods.Text(Pod, "v4.outside.test.default.svc.cluster.local", T.Aaaa));
        Assert.Equal("NODATA", _pods.Text(Pod, "v4.outside.test.default.svc.cluster.local"));

        OracleMessage reply = _pods.Ask(Pod, "v4.outside.test.default.svc.cluster.local", with: query => query.Opt());
        Assert.Equal("local.", Assert.Single(reply.Authority).Owner);
    }

    [Fact]
    public void P44_a_name_that_exists_without_records_ends_no_walk()
    {
        _pods.Has("www.outside.test.cluster.local");

        Assert.Equal("NXDOMAIN", _pods.Text(Pod, First));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, First, T.Aaaa));
    }

    [Fact]
    public void P44_behind_a_failure_nothing_is_answered_that_the_failing_name_might_have_had()
    {
        _pods.Fails("www.outside.test.cluster.local", T.A).Fails("www.outside.test.cluster.local", T.Aaaa);

        Assert.Equal("NXDOMAIN", _pods.Text(Pod, First));
        Assert.DoesNotContain("1 www.outside.test.", _pods.Forwarded);
        Assert.Equal("SERVFAIL", _pods.Text(Pod, "www.outside.test.cluster.local"));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, First)); // with the failure kept
    }

    [Fact]
    public void P44_around_an_answer_that_is_not_kept_the_client_walks_by_itself()
    {
        foreach (ushort type in (ushort[])[T.A, T.Aaaa])
        {
            byte[] address = new byte[type == T.A ? 4 : 16];
            _pods.Says("brief.outside.test", type, () => Steps.Entry(MessageBuilder.Response("brief.outside.test", type).Answer("brief.outside.test", type, 0, address), "brief.outside.test", type));
            _pods.Says("odd.outside.test.cluster.local", type, () => Steps.Entry(MessageBuilder.Response("odd.outside.test.cluster.local", type, rcode: 3), "odd.outside.test.cluster.local", type));
        }

        _pods.Has("odd.outside.test", "192.0.2.2");

        Assert.Equal("NXDOMAIN", _pods.Text(Pod, "brief.outside.test.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, "odd.outside.test.default.svc.cluster.local"));
        Assert.DoesNotContain("1 odd.outside.test.", _pods.Forwarded);
    }

    [Fact]
    public void P44_a_Service_that_appears_is_answered_although_a_shortcut_was_given()
    {
        Assert.Equal($"{Alias} 203.0.113.80", _pods.Text(Pod, First));

        _pods.Table.Headless("outside.test", ClusterTable.Slice("", "www=10.244.1.7")); // an earlier step of the walk
        _pods.Publish();
        Assert.Equal("www.outside.test.svc.cluster.local. 10.244.1.7", _pods.Text(Pod, First));

        _pods.Has("api.lan.corp.test", "192.0.2.5");
        Assert.Equal("api.lan.corp.test. 192.0.2.5", _pods.Text(Pod, "api.lan.default.svc.cluster.local"));
        _pods.Table.Headless("lan.default", ClusterTable.Slice("", "api=10.244.1.8")); // the first step
        _pods.Publish();
        Assert.Equal("10.244.1.8", _pods.Text(Pod, "api.lan.default.svc.cluster.local"));
    }

    [Fact]
    public void P44_the_host_of_a_Service_that_is_there_and_a_Service_that_is_not_are_nobody_else_s_names()
    {
        _pods.Has("db-0.db.corp.test", "192.0.2.66").Has("gone.corp.test", "192.0.2.67");
        _pods.Table.Headless("db.default", ClusterTable.Slice("", "db-1=10.244.1.7"));
        _pods.Publish();

        Assert.Equal("NXDOMAIN", _pods.Text(Pod, "db-0.db.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, "gone.default.svc.cluster.local"));
    }

    [Fact]
    public void P44_each_pod_gets_what_its_own_list_leads_to_whoever_asked_before()
    {
        _pods.Pod("10.244.1.3", "default.svc.cluster.local svc.cluster.local cluster.local other.test").Pod("10.244.1.4", WalkingPods.Default, ndots: 2);
        _pods.Pod("10.244.1.5", "team.svc.cluster.local svc.cluster.local cluster.local corp.test");
        _pods.Has("www.lan.corp.test", "192.0.2.1").Has("www.lan.other.test", "192.0.2.2");
        const string Name = "www.lan.default.svc.cluster.local";
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal("www.lan.corp.test. 192.0.2.1", _pods.Text(Pod, Name));
            Assert.Equal("www.lan.other.test. 192.0.2.2", _pods.Text("10.244.1.3", Name));
            Assert.Equal("www.lan.corp.test. 192.0.2.1", _pods.Text("10.244.1.4", Name));
            Assert.Equal("NXDOMAIN", _pods.Text("10.244.1.4", First)); // two dots: asked for as it is first
            Assert.Equal("NXDOMAIN", _pods.Text("10.244.1.5", Name)); // not its namespace
            Assert.Equal("NXDOMAIN", _pods.Text("10.244.1.99", Name)); // nobody's address
        }
    }

    [Theory]
    [InlineData(T.Txt)]
    [InlineData(T.Srv)]
    [InlineData(T.Https)]
    public void P44_other_types_are_answered_as_they_are(int type) => Assert.Equal("NXDOMAIN", _pods.Text(Pod, First, (ushort)type));

    [Fact]
    public void P44_who_validates_gets_each_step_as_it_is()
    {
        Assert.Equal($"{Alias} 203.0.113.80", _pods.Text(Pod, First));
        Assert.Equal(3, _pods.Ask(Pod, First, with: query => query.Opt(flags: 0x8000)).Rcode);
        Assert.Equal(3, _pods.Ask(Pod, First, with: query => query.Flags(0x0110)).Rcode);
    }

    [Fact]
    public void P44_before_the_table_is_whole_nothing_is_shortened()
    {
        PublishedNames cluster = new();
        cluster.PublishSearches(new SearchLists(new Dictionary<ClientAddress, SearchList> { [ClientAddress.From([10, 244, 1, 2])] = new(WalkingPods.Default.Split(' ').Select(MessageBuilder.Name), 5) }));
        ResponseCache cache = new(1 << 20, TimeSpan.Zero);
        cache.Store(Steps.Key(First), Steps.NxDomainEntry(First, "local"));
        byte[] reply = new byte[1232];

        int length = new Resolver(cache, new ServingCounters(), isUdp: true, null, cluster).Answer(MessageBuilder.Query(First).Build(), 0, reply, out _, [10, 244, 1, 2]);

        Assert.Equal(3, OracleMessage.Decode(reply.AsSpan(0, length)).Rcode);
    }

    [Fact]
    public void P44_an_answer_that_the_alias_makes_too_long_is_left_to_the_client_over_UDP_and_given_over_TCP()
    {
        const string Name = "many.outside.test";
        CacheEntry Many()
        {
            MessageBuilder response = MessageBuilder.Response(Name);
            for (int i = 0; i < 27; i++)
                response.Answer(Name, T.A, 60, 192, 0, 2, i);
            return Steps.Entry(response, Name);
        }

        _pods.Has(Name, "2001:db8::1").Says(Name, T.A, Many);
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, $"{Name}.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, $"{Name}.default.svc.cluster.local", T.Aaaa)); // else glibc would be content with one family
        Assert.False(_pods.Ask(Pod, Name).TC);
        Assert.Equal(28, _pods.Ask(Pod, $"{Name}.default.svc.cluster.local", with: query => query.Opt(udpSize: 1232)).Answers.Count);
        WalkingPods overTcp = new WalkingPods(isUdp: false).Pod(Pod).HasNo(Name, T.Aaaa).Says(Name, T.A, Many);
        Assert.Equal(28, overTcp.Ask(Pod, $"{Name}.default.svc.cluster.local").Answers.Count);
    }

    [Fact]
    public void P44_an_alias_chain_at_the_end_comes_along_and_so_does_what_says_that_it_leads_nowhere()
    {
        _pods.Says("cdn.outside.test", T.A, () => Steps.Entry(
            MessageBuilder.Response("cdn.outside.test").Answer("cdn.outside.test", T.Cname, 60, "edge.other.test").Answer("edge.other.test", T.A, 60, 192, 0, 2, 9), "cdn.outside.test"));
        _pods.Says("cdn.outside.test", T.Aaaa, () => Steps.Entry(
            MessageBuilder.Response("cdn.outside.test", T.Aaaa).Answer("cdn.outside.test", T.Cname, 60, "edge.other.test").Soa("other.test", 60, 60), "cdn.outside.test", T.Aaaa));

        Assert.Equal("cdn.outside.test. edge.other.test. 192.0.2.9", _pods.Text(Pod, "cdn.outside.test.default.svc.cluster.local"));
        OracleMessage reply = _pods.Ask(Pod, "cdn.outside.test.default.svc.cluster.local", T.Aaaa);
        Assert.Equal([T.Cname, T.Cname], reply.Answers.Select(record => (ushort)record.Type));
        Assert.Equal("other.test.", Assert.Single(reply.Authority).Owner);
    }

    [Fact]
    public void P44_a_step_that_is_asked_for_again_and_again_is_renewed_before_it_expires()
    {
        for (int i = 0; i < 6; i++)
            _pods.Text(Pod, First);
        _pods.Now = 28_000; // of the 30 s that the names passed over are known to be absent

        _pods.Text(Pod, First);

        Assert.True(_pods.IsRefreshDue);
        Assert.StartsWith("1 www.outside.test.", _pods.Due, StringComparison.Ordinal);
        _pods.Text(Pod, "www.outside.test");
        Assert.Equal("", _pods.Due);
    }

    [Fact]
    public void P44_a_walk_whose_first_answer_expires_while_it_goes_on_begins_anew()
    {
        _pods.Says("www.outside.test.svc.cluster.local", T.Aaaa, () =>
        {
            _pods.Now += 31_000;
            _pods.Upstream.Remove("28 www.outside.test.svc.cluster.local.");
            return Steps.NxDomainEntry("www.outside.test.svc.cluster.local", "local", ttl: 30, now: _pods.Now, type: T.Aaaa);
        });

        Assert.Equal($"{Alias} 203.0.113.80", _pods.Text(Pod, First));
        Assert.Equal(2, _pods.Forwarded.Count(question => question == $"1 {First}."));
    }

    [Fact]
    public void P44_where_nobody_walks_or_nothing_is_absent_a_hit_is_as_before()
    {
        Assert.Equal("203.0.113.80", _pods.Text(Pod, "www.outside.test"));
        Assert.Equal("NXDOMAIN", _pods.Text(Pod, "none.outside.test"));
        Assert.Equal("NXDOMAIN", _pods.Text("10.244.1.99", First));
        Assert.Equal(3, _pods.Forwarded.Count);
    }

    [Fact]
    public void A_shortcut_allocates_nothing()
    {
        byte[] message = MessageBuilder.Query(First).Build();
        byte[] reply = new byte[1232];
        _pods.Text(Pod, First);
        Resolver resolver = _pods.NewResolver();
        Assert.True(resolver.Answer(message, 0, reply, out _, [10, 244, 1, 2]) > 0); // warm up: JIT and statics

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            resolver.Answer(message, 0, reply, out _, [10, 244, 1, 2]);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}

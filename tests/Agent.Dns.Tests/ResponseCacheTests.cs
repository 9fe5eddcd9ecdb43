using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class ResponseCacheTests
{
    private static readonly TimeSpan _staleFor = TimeSpan.FromHours(1);

    private readonly ResponseCache _cache = new(1 << 20, _staleFor);

    private void Store(string name, CacheEntry entry, ushort type = T.A, KeyFlags flags = KeyFlags.None) =>
        _cache.Store(Steps.Key(name, type, flags), entry);

    private OracleMessage? Ask(MessageBuilder query, long now = 0)
    {
        Steps.TryAnswer(_cache, query, now, out OracleMessage? reply);
        return reply;
    }

    private OracleMessage? Ask(string name, ushort type = T.A, long now = 0) => Ask(MessageBuilder.Query(name, type), now);

    [Fact]
    public void An_empty_cache_misses()
    {
        Assert.Null(Ask("a.test"));
        Assert.Equal((0, 0, 0), (_cache.Count, _cache.Bytes, _cache.Evictions));
    }

    [Fact]
    public void A_stored_answer_is_found_by_its_name_in_any_case_and_by_no_other()
    {
        Store("www.a.test", Steps.AddressEntry("www.a.test"));
        Assert.NotNull(Ask("www.a.test"));
        Assert.NotNull(Ask("WWW.A.TEST"));
        Assert.Null(Ask("a.test"));
        Assert.Null(Ask("x.www.a.test"));
        Assert.Null(Ask("wwv.a.test"));
        Assert.Null(Ask("www.a.test", T.Aaaa));
    }

    [Fact]
    public void Every_name_type_and_flag_has_an_answer_of_its_own()
    {
        for (int i = 0; i < 500; i++)
            Store($"n{i}.test", Steps.Entry(MessageBuilder.Response($"n{i}.test").Answer($"n{i}.test", T.A, 60, 10, 0, i >> 8, i), $"n{i}.test"));
        for (int i = 0; i < 500; i++)
            Assert.Equal($"0A00{i:X4}", Assert.Single(Ask($"n{i}.test")!.Answers).Data);
        Assert.Equal(500, _cache.Count);
    }

    [Fact]
    public void Two_types_of_one_name_are_kept_apart()
    {
        Store("a.test", Steps.AddressEntry("a.test"));
        Store("a.test", Steps.Entry(MessageBuilder.Response("a.test", T.Txt).Answer("a.test", T.Txt, 60, 1, 65), "a.test", T.Txt), T.Txt);
        Assert.Equal(T.A, Assert.Single(Ask("a.test")!.Answers).Type);
        Assert.Equal(T.Txt, Assert.Single(Ask("a.test", T.Txt)!.Answers).Type);
    }

    [Fact]
    public void P13_DO_and_CD_have_answers_of_their_own()
    {
        KeyFlags[] all = [KeyFlags.None, KeyFlags.DnssecOk, KeyFlags.CheckingDisabled, KeyFlags.DnssecOk | KeyFlags.CheckingDisabled];
        MessageBuilder Query(KeyFlags flags) => MessageBuilder.Query("a.test")
            .Flags(flags.HasFlag(KeyFlags.CheckingDisabled) ? 0x0110 : 0x0100).Opt(flags: flags.HasFlag(KeyFlags.DnssecOk) ? 0x8000 : 0);
        foreach (KeyFlags flags in all)
        {
            Assert.Null(Ask(Query(flags)));
            Store("a.test", Steps.Entry(MessageBuilder.Response("a.test").Answer("a.test", T.A, 60, 10, 0, 0, (int)flags), "a.test", flags: flags), flags: flags);
        }

        foreach (KeyFlags flags in all)
            Assert.Equal($"0A0000{(int)flags:X2}", Assert.Single(Ask(Query(flags))!.Answers).Data);
    }

    [Fact]
    public void P12_an_NXDOMAIN_answers_every_type_of_its_name_and_no_other_name()
    {
        Store("none.test", Steps.NxDomainEntry("none.test", "test"));
        foreach (ushort type in new ushort[] { T.A, T.Aaaa, T.Txt, T.Srv, T.Any, 65280, 0 })
            Assert.Equal((3, type), (Ask("none.test", type)!.Rcode, Ask("none.test", type)!.QuestionType));
        Assert.Null(Ask("test"));
        Assert.Null(Ask(MessageBuilder.Query("none.test").Opt(flags: 0x8000)));
    }

    [Fact]
    public void P12_NODATA_answers_its_type_alone()
    {
        Store("a.test", Steps.Entry(MessageBuilder.Response("a.test", T.Aaaa).Soa("test", 60, 60), "a.test", T.Aaaa), T.Aaaa);
        Assert.Equal(0, Ask("a.test", T.Aaaa)!.Rcode);
        Assert.Null(Ask("a.test"));
    }

    [Fact]
    public void P12_an_NXDOMAIN_behind_an_alias_answers_its_type_alone()
    {
        Store("a.test", Steps.Entry(MessageBuilder.Response("a.test", rcode: 3).Answer("a.test", T.Cname, 60, "gone.test").Soa("test", 60, 60), "a.test"));
        Assert.Equal(3, Ask("a.test")!.Rcode);
        Assert.Null(Ask("a.test", T.Aaaa));
        Assert.Null(Ask("gone.test"));
    }

    [Fact]
    public void P14_an_NXDOMAIN_says_nothing_of_the_names_below()
    {
        Store("local", Steps.NxDomainEntry("local", "."));
        Assert.Null(Ask("kubernetes.default.svc.cluster.local"));
    }

    [Fact]
    public void A_newer_answer_takes_the_place_of_the_older()
    {
        Store("a.test", Steps.AddressEntry("a.test", ttl: 60));
        MessageBuilder newer = MessageBuilder.Response("a.test").Answer("a.test", T.A, 600, 10, 0, 0, 2).Answer("a.test", T.A, 600, 10, 0, 0, 3);
        Store("a.test", Steps.Entry(newer, "a.test", now: 10_000));
        Assert.Equal(1, _cache.Count);
        OracleMessage reply = Ask("a.test", now: 100_000)!;
        Assert.Equal(["0A000002", "0A000003"], reply.Answers.Select(record => record.Data));
        Assert.Equal(510u, reply.Answers[0].Ttl);
    }

    [Fact]
    public void An_NXDOMAIN_for_one_type_takes_the_place_of_one_for_another()
    {
        Store("none.test", Steps.NxDomainEntry("none.test", "test", ttl: 60));
        Store("none.test", Steps.NxDomainEntry("none.test", "test", ttl: 600, type: T.Aaaa), T.Aaaa);
        Assert.Equal(1, _cache.Count);
        Assert.Equal(3, Ask("none.test", T.A, now: 599_000)!.Rcode);
    }

    [Fact]
    public void A_name_that_did_not_exist_is_found_once_it_does()
    {
        Store("a.test", Steps.NxDomainEntry("a.test", "test", ttl: 60));
        Assert.Null(Ask("a.test", now: 60_000));
        Store("a.test", Steps.AddressEntry("a.test", now: 60_000));
        Assert.Equal(0, Ask("a.test", now: 60_001)!.Rcode);
        Assert.Null(Ask("a.test", T.Aaaa, now: 60_001)); // to be asked for: the NXDOMAIN has expired
    }

    [Fact]
    public void An_answer_expires_with_its_TTL()
    {
        Store("a.test", Steps.AddressEntry("a.test", ttl: 60, now: 1_000));
        Assert.Equal(1u, Ask("a.test", now: 60_999)!.Answers[0].Ttl);
        Assert.Null(Ask("a.test", now: 61_000));
    }

    [Fact]
    public void A20_being_asked_for_does_not_prolong_an_answer_s_life()
    {
        Store("a.test", Steps.AddressEntry("a.test", ttl: 60));
        for (long now = 0; now < 60_000; now += 100)
            Assert.NotNull(Ask("a.test", now: now));
        Assert.Null(Ask("a.test", now: 60_000));
    }

    [Fact]
    public void P15_a_stale_answer_is_found_within_the_window_alone_and_only_when_asked_for()
    {
        Store("a.test", Steps.AddressEntry("a.test", ttl: 60));
        long end = 60_000 + (long)_staleFor.TotalMilliseconds;
        bool IsStale(long now)
        {
            Assert.True(Query.TryParse(MessageBuilder.Query("a.test").Build(), new byte[Query.MaxKeyLength], out Query query));
            return _cache.TryFindStale(query, now, out _);
        }

        Assert.True(IsStale(60_000));
        Assert.True(IsStale(end - 1));
        Assert.False(IsStale(end));
        Assert.Null(Ask("a.test", now: 60_000));
    }

    [Fact]
    public void P11_an_answer_with_TTL_0_is_not_stored_and_leaves_the_older_one_to_expire()
    {
        Store("a.test", Steps.AddressEntry("a.test", ttl: 0));
        Assert.Null(Ask("a.test"));
        Assert.Equal(0, _cache.Count);
    }

    [Fact]
    public void A19_a_label_with_a_dot_in_it_is_another_name()
    {
        Store("kubernetes.default", Steps.AddressEntry("kubernetes.default"));
        byte[] dotted = [.. new MessageBuilder().Flags(0x0100).Counts(1, 0, 0, 0).Build(), 18, .. "kubernetes.default"u8, 0, 0, 1, 0, 1];
        Assert.True(Query.TryParse(dotted, new byte[Query.MaxKeyLength], out Query query));
        Assert.False(_cache.TryAnswer(query, _cache.NameHash(query), 0, new byte[512], out _, out _));
    }

    [Fact]
    public void P15_an_NXDOMAIN_replaces_an_expired_positive_answer()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 5, now: 0));
        _cache.Store(Steps.Key("a.test"), Steps.NxDomainEntry("a.test", "test", ttl: 600, now: 10_000));
        Assert.True(Steps.TryAnswer(_cache, MessageBuilder.Query("a.test"), 11_000, out OracleMessage? reply));
        Assert.Equal(3, reply!.Rcode);
    }

    [Fact]
    public void P15_a_deleted_name_is_not_served_stale()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 5, now: 0));
        _cache.Store(Steps.Key("a.test"), Steps.NxDomainEntry("a.test", "test", ttl: 60, now: 10_000));
        Assert.True(Query.TryParse(MessageBuilder.Query("a.test").Build(), new byte[Query.MaxKeyLength], out Query query));
        Assert.True(_cache.TryFindStale(query, 100_000, out CacheEntry entry));
        Assert.Equal(ResponseCode.NxDomain, entry.ResponseCode);
    }

    [Fact]
    public void P12_a_name_that_has_an_answer_again_exists_for_every_type()
    {
        _cache.Store(Steps.Key("a.test"), Steps.NxDomainEntry("a.test", "test", ttl: 600, now: 0));
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 5, now: 10_000));
        Assert.False(Steps.TryAnswer(_cache, MessageBuilder.Query("a.test", T.Aaaa), 11_000, out _));
    }

    [Fact]
    public void P15_an_answer_that_may_not_be_kept_still_ends_the_life_of_an_older_one()
    {
        byte[] key = Steps.Key("a.test");
        _cache.Store(key, Steps.AddressEntry("a.test", ttl: 5, now: 0));
        _cache.StoreFailure(key, 10_000); // served stale for a while
        Assert.True(Steps.TryAnswer(_cache, MessageBuilder.Query("a.test"), 11_000, out _));

        _cache.Store(key, Steps.AddressEntry("a.test", ttl: 0, now: 12_000));

        Assert.False(Steps.TryAnswer(_cache, MessageBuilder.Query("a.test"), 13_000, out _));
        Assert.False(_cache.HasStale(key, 13_000));
    }

    [Fact]
    public void P16_failures_in_a_row_are_kept_longer_and_one_after_a_long_time_is_not()
    {
        byte[] key = Steps.Key("broken.test");
        bool IsKept(long now) => Steps.TryAnswer(_cache, MessageBuilder.Query("broken.test"), now, out _);

        _cache.StoreFailure(key, 0);
        Assert.True(IsKept(4_900));
        Assert.False(IsKept(5_100));
        _cache.StoreFailure(key, 6_000);
        Assert.True(IsKept(15_900)); // 10 s now
        Assert.False(IsKept(16_100));
        _cache.StoreFailure(key, 3_600_000);
        Assert.True(IsKept(3_604_900));
        Assert.False(IsKept(3_605_100)); // 5 s again
    }

    [Fact]
    public void P16_a_failure_that_several_threads_see_at_once_counts_once()
    {
        byte[] key = Steps.Key("broken.test");
        _cache.StoreFailure(key, 0);
        _cache.StoreFailure(key, 1);
        Assert.True(Steps.IsHit(_cache, MessageBuilder.Query("broken.test"), 4_900));
        Assert.False(Steps.IsHit(_cache, MessageBuilder.Query("broken.test"), 5_100));
    }

    [Fact]
    public void A3_the_outcome_for_those_who_waited_is_a_fresh_answer_or_that_there_is_none()
    {
        byte[] key = Steps.Key("a.test", T.A, KeyFlags.None);
        Assert.False(_cache.TryFindOutcome(key, 0, out _));
        _cache.StoreFailure(key, 0);
        Assert.Equal((true, true), (_cache.TryFindOutcome(key, 4_999, out CacheEntry outcome), outcome.IsNone));
        Assert.False(_cache.TryFindOutcome(key, 5_000, out _));
        Store("a.test", Steps.AddressEntry("a.test", ttl: 60, now: 5_000));
        Assert.Equal((true, false), (_cache.TryFindOutcome(key, 64_999, out outcome), outcome.IsNone));
        Assert.False(_cache.TryFindOutcome(key, 65_000, out _));
        _cache.StoreFailure(key, 65_000); // the expired answer is served for 30 s
        Assert.Equal((true, true), (_cache.TryFindOutcome(key, 94_999, out outcome), outcome.IsNone));
        Assert.False(_cache.TryFindOutcome(key, 95_000, out _));
    }
}

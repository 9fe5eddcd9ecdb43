using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>What a cache is after a restart: the same, only older.</summary>
public class CacheSnapshotTests
{
    private const long Now = 1_000_000;
    private static readonly CacheSelection _all = new(1 << 20, []);

    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromHours(1));

    private static byte[] Write(ResponseCache cache, CacheSelection selection, long now = Now)
    {
        using MemoryStream bytes = new();
        using (BinaryWriter writer = new(bytes))
            CacheSnapshot.Write(cache, selection, writer, now);
        return bytes.ToArray();
    }

    private static ResponseCache Read(byte[] bytes, long elapsed, TimeSpan? serveStale = null, CacheLimits? limits = null, long now = Now)
    {
        ResponseCache cache = new(1 << 20, serveStale ?? TimeSpan.FromHours(1));
        using BinaryReader reader = new(new MemoryStream(bytes));
        CacheSnapshot.Read(cache, reader, limits ?? Steps.Limits, (now, elapsed));
        return cache;
    }

    private void StoreOneOfEachKind()
    {
        void Store(CacheEntry entry, string name, ushort type = T.A, KeyFlags flags = KeyFlags.None) => _cache.Store(Steps.Key(name, type, flags), entry);

        Store(Steps.AddressEntry("a.test", ttl: 60, now: Now), "a.test");
        Store(Steps.AddressEntry("signed.test", ttl: 60, now: Now, flags: KeyFlags.DnssecOk), "signed.test", flags: KeyFlags.DnssecOk);
        Store(Steps.NxDomainEntry("no.test", "test", now: Now), "no.test");
        Store(Steps.Entry(MessageBuilder.Response("empty.test", T.Aaaa).Soa("test", 60, 60), "empty.test", T.Aaaa, now: Now), "empty.test", T.Aaaa);
        MessageBuilder alias = MessageBuilder.Response("www.test")
            .Answer("www.test", T.Cname, 90, MessageBuilder.Name("web.other.test"))
            .Answer("web.other.test", T.A, 60, 10, 0, 0, 1).Answer("web.other.test", T.A, 60, 10, 0, 0, 2);
        Store(Steps.Entry(alias, "www.test", now: Now), "www.test");
        Store(Steps.Entry(MessageBuilder.Response("t.test", T.Txt).Answer("t.test", T.Txt, 60, 1, 65), "t.test", T.Txt, now: Now), "t.test", T.Txt);
    }

    private static readonly MessageBuilder[] _questions =
    [
        MessageBuilder.Query("a.test"), MessageBuilder.Query("signed.test").Opt(flags: 0x8000), MessageBuilder.Query("no.test", T.Txt), MessageBuilder.Query("empty.test", T.Aaaa),
        MessageBuilder.Query("www.test"), MessageBuilder.Query("T.TEST", T.Txt),
    ];

    private static byte[]? Reply(ResponseCache cache, MessageBuilder question, long now)
    {
        byte[] reply = new byte[ushort.MaxValue];
        Assert.True(Query.TryParse(question.Build(), new byte[Query.MaxKeyLength], out Query query));
        return cache.TryAnswer(query, cache.NameHash(query), now, reply, out int length, out _) ? reply[..length] : null;
    }

    [Fact]
    public void Every_kind_of_answer_comes_back_byte_for_byte_with_the_life_that_it_had_left()
    {
        StoreOneOfEachKind();

        ResponseCache restored = Read(Write(_cache, _all, Now + 20_000), elapsed: 10_000, now: Now + 30_000);

        Assert.Equal(_questions.Length, restored.Count);
        foreach (MessageBuilder question in _questions)
        {
            byte[]? before = Reply(_cache, question, Now + 30_000);
            Assert.NotNull(before);
            Assert.Equal(before, Reply(restored, question, Now + 30_000));
            Assert.Null(Reply(restored, question, Now + 60_000));
        }
    }

    [Fact]
    public void A20_no_answer_lives_longer_than_it_had_left_whatever_the_clock_of_the_new_machine_says()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 60, now: Now));
        byte[] bytes = Write(_cache, _all, Now + 50_000);

        // A machine that was just switched on, and a wall clock that was set back: nothing seems to have elapsed.
        ResponseCache restored = Read(bytes, elapsed: 0, now: 7);

        Assert.True(Steps.IsHit(restored, MessageBuilder.Query("a.test"), 7 + 9_999));
        Assert.False(Steps.IsHit(restored, MessageBuilder.Query("a.test"), 7 + 10_000));
        Assert.True(restored.HasStale(Steps.Key("a.test"), 7 + 10_000));
    }

    [Fact]
    public void An_answer_that_expired_meanwhile_is_only_for_when_no_upstream_answers_and_not_for_ever()
    {
        StoreOneOfEachKind();
        byte[] bytes = Write(_cache, _all);

        ResponseCache expired = Read(bytes, elapsed: 60_000);
        Assert.All(_questions, question => Assert.False(Steps.IsHit(expired, question, Now)));
        Assert.True(expired.HasStale(Steps.Key("a.test"), Now));
        Assert.Equal(0, Read(bytes, elapsed: 60_000, serveStale: TimeSpan.Zero).Count);
        Assert.Equal(0, Read(bytes, elapsed: 60_000 + 3_600_000).Count);
        Assert.Equal(0, Read(bytes, elapsed: long.MaxValue / 4).Count);
    }

    [Fact]
    public void Other_limits_shorten_a_life_and_never_lengthen_it()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 60, now: Now));

        ResponseCache shorter = Read(Write(_cache, _all), elapsed: 0, limits: new CacheLimits(MinTtl: 5, MaxTtl: 30, MaxNegativeTtl: 30));
        ResponseCache longer = Read(Write(_cache, _all), elapsed: 0, limits: new CacheLimits(MinTtl: 300, MaxTtl: 3600, MaxNegativeTtl: 30));

        Assert.Equal((true, false), (Steps.IsHit(shorter, MessageBuilder.Query("a.test"), Now + 29_999), Steps.IsHit(shorter, MessageBuilder.Query("a.test"), Now + 30_000)));
        Assert.Equal((true, false), (Steps.IsHit(longer, MessageBuilder.Query("a.test"), Now + 59_999), Steps.IsHit(longer, MessageBuilder.Query("a.test"), Now + 60_000)));
    }

    [Fact]
    public void Within_the_bound_the_answers_asked_for_most_are_kept_and_failures_and_left_out_zones_are_not()
    {
        for (int i = 0; i < 100; i++)
            _cache.Store(Steps.Key($"n{i:D2}.test"), Steps.AddressEntry($"n{i:D2}.test", now: Now));
        for (int times = 0; times < 3; times++)
        {
            for (int i = 70; i < 80; i++)
                Steps.IsHit(_cache, MessageBuilder.Query($"n{i:D2}.test"), Now);
        }

        _cache.StoreFailure(Steps.Key("broken.test"), Now);
        byte[] bytes = Write(_cache, new CacheSelection(500, [MessageBuilder.Name("n75.test")]));

        ResponseCache restored = Read(bytes, elapsed: 0);
        Assert.InRange(bytes.Length, 400, 501);
        Assert.All(Enumerable.Range(70, 10), i => Assert.Equal(i != 75, Steps.IsHit(restored, MessageBuilder.Query($"n{i}.test"), Now)));
        Assert.False(Read(Write(_cache, _all), elapsed: 0).HasStale(Steps.Key("broken.test"), Now));
        Assert.Equal(0, Read(Write(_cache, new CacheSelection(0, [])), elapsed: 0).Count);
    }

    [Fact]
    public void What_a_restored_cache_knows_already_stays()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 60, now: Now));
        byte[] bytes = Write(_cache, _all);
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test", ttl: 600, now: Now));

        using BinaryReader reader = new(new MemoryStream(bytes));
        Assert.Equal(0, CacheSnapshot.Read(_cache, reader, Steps.Limits, (Now, 0)));
        Assert.True(Steps.IsHit(_cache, MessageBuilder.Query("a.test"), Now + 100_000));
    }

    [Fact]
    public void Any_truncation_and_any_flipped_bit_is_read_without_harm_and_what_it_gives_are_whole_messages()
    {
        StoreOneOfEachKind();
        byte[] bytes = Write(_cache, _all);
        for (int length = 0; length < bytes.Length; length++)
            Assert.Throws<EndOfStreamException>(() => Read(bytes[..length], elapsed: 0));
        for (int bit = 0; bit < 8 * bytes.Length; bit++)
        {
            byte[] damaged = [.. bytes];
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            try
            {
                ResponseCache restored = Read(damaged, elapsed: 0);
                foreach (MessageBuilder question in _questions)
                {
                    if (Reply(restored, question, Now) is { } reply)
                        OracleMessage.Decode(reply);
                }

                Assert.InRange(restored.List([0], Now).Count(), 0, _questions.Length);
            }
            catch (EndOfStreamException)
            {
                // A length that grew.
            }
        }
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>One budget in bytes, and who is evicted to keep it (CHECKS A12, A14).</summary>
public class ResponseCacheBudgetTests
{
    private const long Budget = 1 << 20;

    private readonly ResponseCache _cache = new(Budget, TimeSpan.FromDays(1));

    private static CacheEntry TextEntry(string name, int length) =>
        Steps.Entry(MessageBuilder.Response(name, T.Txt).Answer(name, T.Txt, 60, new byte[length]), name, T.Txt);

    private void StoreText(string name, int length) => _cache.Store(Steps.Key(name, T.Txt), TextEntry(name, length));

    [Fact]
    public void A14_the_budget_holds_whatever_is_stored()
    {
        Random random = new(5);
        for (int i = 0; i < 3_000; i++)
        {
            StoreText($"n{random.Next(2_000)}.test", random.Next(100) switch { 0 => random.Next(60_000), < 10 => random.Next(4_000), _ => random.Next(200) });
            Assert.InRange(_cache.Bytes, 0, Budget);
        }

        Assert.True(_cache.Evictions > 0);
        Assert.InRange(_cache.Bytes, Budget / 2, Budget); // and is used
    }

    [Fact]
    public void A14_the_budget_holds_when_a_part_of_the_cache_has_room_for_two_answers_alone()
    {
        // Both queues of a part run empty again and again.
        Random random = new(7);
        for (int i = 0; i < 3_000; i++)
        {
            string name = $"n{random.Next(60)}.test";
            if (!Steps.IsHit(_cache, MessageBuilder.Query(name, T.Txt)))
                StoreText(name, random.Next(25_000, 32_000));
            Assert.InRange(_cache.Bytes, 0, Budget);
        }

        Assert.InRange(_cache.Count, 16, 48);
        Assert.True(_cache.Evictions > 1_000);
    }

    [Fact]
    public void Storing_an_answer_again_counts_the_difference_alone()
    {
        StoreText("a.test", 100);
        long bytes = _cache.Bytes;
        StoreText("a.test", 300);
        Assert.Equal(bytes + 200, _cache.Bytes);
        StoreText("a.test", 100);
        Assert.Equal(bytes, _cache.Bytes);
    }

    [Fact]
    public void A14_an_answer_too_large_for_its_part_of_the_budget_is_refused_and_evicts_nobody()
    {
        ManyNames names = new("kept");
        for (int i = 0; i < 500; i++)
            names.Store(_cache, i);
        for (int i = 0; i < 50; i++)
            StoreText($"huge{i}.test", 60_000);
        Assert.Equal((500, 0), (_cache.Count, _cache.Evictions));
        Assert.All(Enumerable.Range(0, 500), i => Assert.True(names.IsHit(_cache, i)));
    }

    [Fact]
    public void The_counts_agree_with_what_can_be_found()
    {
        ManyNames names = new("agree");
        Random random = new(6);
        names.Store(_cache, 0);
        long overhead = _cache.Bytes - names.Entry(0).Size;
        for (int i = 0; i < 60_000; i++)
        {
            int number = random.Next(20_000);
            if (!names.IsHit(_cache, number))
                names.Store(_cache, number);
        }

        long count = 0;
        long bytes = 0;
        for (int i = 0; i < 20_000; i++)
        {
            if (!_cache.TryFindStale(names.Ask(i), 0, out CacheEntry entry))
                continue;
            count++;
            bytes += entry.Size + overhead;
        }

        Assert.Equal(count, _cache.Count);
        Assert.Equal(bytes, _cache.Bytes);
    }

    [Fact]
    public void A12_a_flood_of_names_asked_for_once_does_not_evict_the_hot_ones()
    {
        const int hotCount = 1_000;
        const int floodSize = 200_000; // some thirty times what the budget holds
        ManyNames hot = new("hot");
        ManyNames random = new("rnd");
        bool Ask(ManyNames names, int number)
        {
            if (names.IsHit(_cache, number))
                return true;
            names.Store(_cache, number);
            return false;
        }

        for (int i = 0; i < 2 * hotCount; i++)
            Ask(hot, i % hotCount);

        int hits = 0;
        const int floods = 3;
        for (int flood = 0; flood < floods; flood++)
        {
            for (int i = 0; i < floodSize; i++)
                Assert.False(Ask(random, flood * floodSize + i));
            for (int i = 0; i < hotCount; i++)
                hits += Ask(hot, i) ? 1 : 0;
        }

        Assert.InRange(hits, floods * hotCount * 99 / 100, floods * hotCount);
        Assert.InRange(_cache.Bytes, 0, Budget);
    }

    [Fact]
    public void A12_hot_names_that_arrive_in_the_middle_of_a_flood_become_hot()
    {
        ManyNames hot = new("hot");
        ManyNames random = new("rnd");
        int next = 0;
        void Flood(int count)
        {
            for (; count > 0; count--)
                random.Store(_cache, next++);
        }

        Flood(50_000);
        int hits = 0;
        for (int round = 0; round < 10; round++)
        {
            for (int i = 0; i < 100; i++)
            {
                if (hot.IsHit(_cache, i))
                    hits++;
                else
                    hot.Store(_cache, i);
                Flood(3);
            }
        }

        Flood(50_000);
        Assert.InRange(hits, 8 * 100, 9 * 100);
        Assert.InRange(Enumerable.Range(0, 100).Count(i => hot.IsHit(_cache, i)), 99, 100);
    }

    [Fact]
    public void Names_that_are_no_longer_asked_for_make_room()
    {
        ManyNames old = new("old");
        ManyNames recent = new("new");
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 4_000; i++)
            {
                if (!old.IsHit(_cache, i))
                    old.Store(_cache, i);
            }
        }

        for (int round = 0; round < 12; round++)
        {
            for (int i = 0; i < 4_000; i++)
            {
                if (!recent.IsHit(_cache, i))
                    recent.Store(_cache, i);
            }
        }

        Assert.True(Enumerable.Range(0, 4_000).Count(i => recent.IsHit(_cache, i)) > 3_500, "the names in use do not stay in the cache");
    }

    [Fact]
    public void A14_an_answer_too_large_is_refused_also_in_place_of_a_small_one()
    {
        ManyNames names = new("kept");
        CacheEntry Text(string name, int length) => Steps.Entry(MessageBuilder.Response(name, T.Txt).Answer(name, T.Txt, 60, new byte[length]), name, T.Txt);
        for (int i = 0; i < 500; i++)
            names.Store(_cache, i);
        for (int i = 0; i < 50; i++)
        {
            _cache.Store(Steps.Key($"huge{i}.test", T.Txt), Text($"huge{i}.test", 10));
            _cache.Store(Steps.Key($"huge{i}.test", T.Txt), Text($"huge{i}.test", 65_000));
        }

        Assert.Equal(500, Enumerable.Range(0, 500).Count(i => names.IsHit(_cache, i)));
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Readers take no lock: whatever the writers do meanwhile, a hit is the whole answer to the question that was asked.</summary>
public class ResponseCacheThreadTests
{
    private const int Names = 12_000; // twice what the budget holds
    private const int Steps = 60_000;

    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromDays(1));
    private long _hits;

    private void Run(params Action<Random>[] bodies)
    {
        Exception? failure = null;
        Thread[] threads = [.. bodies.Select((body, seed) => new Thread(() =>
        {
            try
            {
                body(new Random(seed));
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, error, null);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(failure);
    }

    private void Read(Random random)
    {
        ManyNames names = new("shared");
        for (int i = 0; i < Steps; i++)
        {
            if (names.IsHit(_cache, random.Next(random.Next(Names) + 1), now: 1))
                Interlocked.Increment(ref _hits);
        }
    }

    private void Write(Random random)
    {
        ManyNames names = new("shared");
        for (int i = 0; i < Steps; i++)
            names.Store(_cache, random.Next(random.Next(Names) + 1), now: random.Next(2));
    }

    [Fact]
    public void Answers_belong_to_their_questions_while_others_store_replace_and_evict()
    {
        Run(Read, Write, Read, Write, Read);
        Assert.True(_hits > Steps / 10, "hardly any hit: the test has lost its point");
        Assert.True(_cache.Evictions > 0, "nothing was evicted: the test has lost its point");
        Assert.InRange(_cache.Bytes, 0, 1 << 20);

        ManyNames names = new("shared");
        Assert.Equal(_cache.Count, Enumerable.Range(0, Names).Count(i => names.IsHit(_cache, i, now: 1)));
    }

    [Fact]
    public void A_hot_answer_is_never_missed_while_it_is_replaced()
    {
        new ManyNames("hot").Store(_cache, 7);
        Assert.True(new ManyNames("hot").IsHit(_cache, 7));
        void AskHot(Random random)
        {
            ManyNames hot = new("hot");
            for (int i = 0; i < Steps; i++)
                Assert.True(hot.IsHit(_cache, 7, now: 1));
        }

        void ReplaceHot(Random random)
        {
            ManyNames hot = new("hot");
            for (int i = 0; i < Steps; i++)
                hot.Store(_cache, 7, now: i % 2);
        }

        Run(AskHot, ReplaceHot, AskHot);
        Assert.Equal(1, _cache.Count);
    }
}

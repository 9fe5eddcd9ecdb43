using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Measures the whole process's heap, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(CacheMemoryTests), DisableParallelization = true)]
[Collection(nameof(CacheMemoryTests))]
public class CacheMemoryTests
{
    [Fact]
    public void A14_answers_are_counted_with_all_the_memory_that_they_take()
    {
        ResponseCache cache = new(64 << 20, TimeSpan.Zero);
        ManyNames names = new("counted");
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 50_000; i++)
            names.Store(cache, i);
        long taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(50_000, cache.Count);
        Assert.InRange(taken, cache.Bytes / 2, cache.Bytes * 11 / 10);
        GC.KeepAlive(names);
    }

    [Fact]
    public void A14_three_thousand_texts_of_60_KB_go_through_16_MiB_and_the_process_stays_small()
    {
        const long Budget = 16 << 20;
        const int Count = 3_000;
        ResponseCache cache = new(Budget, TimeSpan.FromHours(1));
        UpstreamResponse reader = new(Steps.Limits);
        byte[] text = new byte[60_000];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long mostCounted = 0;
        long mostHeld = 0;
        for (int i = 0; i < Count; i++)
        {
            string name = $"t{i}.test";
            byte[] response = MessageBuilder.Response(name, T.Txt).Answer(name, T.Txt, 300, text).Build();
            Assert.Equal(ResponseVerdict.Answered, reader.Read(response, Steps.Key(name, T.Txt), now: i, out CacheEntry entry));
            cache.Store(Steps.Key(name, T.Txt), entry);
            mostCounted = Math.Max(mostCounted, cache.Bytes);
            if (i % 250 == 0)
                mostHeld = Math.Max(mostHeld, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        Assert.InRange(mostCounted, Budget / 2, Budget);
        Assert.InRange(mostHeld, Budget / 2, Budget * 11 / 10);
        Assert.InRange(cache.Evictions, Count - Budget / text.Length, Count);
        Assert.True(Steps.IsHit(cache, MessageBuilder.Query($"t{Count - 1}.test", T.Txt), now: Count), "the last one is there");
    }
}

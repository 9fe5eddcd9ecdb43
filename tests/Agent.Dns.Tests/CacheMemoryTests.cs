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
}

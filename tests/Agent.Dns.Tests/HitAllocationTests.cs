using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class HitAllocationTests
{
    [Fact]
    public void A_cache_hit_allocates_nothing()
    {
        ResponseCache cache = new(1 << 20, TimeSpan.FromDays(1));
        ServingCounters counters = new();
        Resolver resolver = new(cache, counters, isUdp: true);
        cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test"));
        cache.Store(Steps.Key("none.test"), Steps.NxDomainEntry("none.test", "test"));
        byte[][] messages =
        [
            MessageBuilder.Query("a.test").Build(),
            MessageBuilder.Query("A.TEST").Opt(udpSize: 1232).Build(),
            MessageBuilder.Query("none.test", T.Aaaa).Opt(udpSize: 4096).Build(),
        ];
        byte[] reply = new byte[1232];
        foreach (byte[] message in messages)
            Assert.True(resolver.Answer(message, now: 1, reply, out _) > 0); // warm up: JIT and statics

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 300; i++)
            resolver.Answer(messages[i % 3], now: 2, reply, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(303, counters.Hits);
    }

    [Fact]
    public void A_miss_allocates_nothing_before_it_is_forwarded()
    {
        Resolver resolver = new(new ResponseCache(1 << 20, TimeSpan.FromDays(1)), new ServingCounters(), isUdp: true);
        byte[] message = MessageBuilder.Query("a.test").Opt().Build();
        byte[] reply = new byte[1232];
        Assert.Equal(Resolver.Forward, resolver.Answer(message, now: 1, reply, out _));
        long before = GC.GetAllocatedBytesForCurrentThread();
        resolver.Answer(message, now: 2, reply, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A14_reading_an_answer_allocates_the_entry_and_nothing_else()
    {
        UpstreamResponse reader = new(Steps.Limits);
        byte[] response = MessageBuilder.Response("a.test").Answer("a.test", T.Cname, 60, "b.test").Answer("b.test", T.A, 60, 1, 2, 3, 4).Build();
        byte[] key = Steps.Key("a.test");
        reader.Read(response, key, 0, out CacheEntry entry);
        long before = GC.GetAllocatedBytesForCurrentThread();
        reader.Read(response, key, 0, out entry);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 1, entry.Size + 8); // arrays are rounded up to 8 bytes
    }
}

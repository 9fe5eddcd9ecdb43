using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class OwnNamesTests
{
    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromDays(1));
    private readonly ServingCounters _counters = new();
    private readonly byte[] _reply = new byte[1232];

    [Fact]
    public void An_own_answer_allocates_nothing_and_neither_does_a_hit_beside_it()
    {
        OwnNamesBuilder builder = new();
        builder.AddRecord(new OwnRecord(MessageBuilder.Name("a.own.test"), T.A, 60, [10, 0, 0, 1]));
        builder.AddRecord(new OwnRecord(MessageBuilder.Name("a.own.test"), T.A, 60, [10, 0, 0, 2]));
        builder.AddZone(MessageBuilder.Name("blocked.test"), ResponseCode.NxDomain, null);
        builder.AddRewrite(MessageBuilder.Name("new.test"), MessageBuilder.Name("own.test"));
        Resolver resolver = new(_cache, _counters, isUdp: true, new PublishedRules(new ServingRules(null, builder.Build(), new CacheLimits(5, 3600, 1800))));
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        byte[][] messages = [.. ((string[])["a.own.test", "x.y.blocked.test", "A.new.test", "cached.test"]).Select(name => MessageBuilder.Query(name).Opt().Build())];
        foreach (byte[] message in messages)
            Assert.True(resolver.Answer(message, now: 1, _reply, out _) > 0);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 400; i++)
            resolver.Answer(messages[i % 4], now: 2, _reply, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((303, 101), (_counters.Local, _counters.Hits));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(127)]
    public void The_longest_names_are_looked_up(int labels)
    {
        byte[] name = [.. Enumerable.Range(0, labels).SelectMany(_ => (byte[])[1, (byte)'a']), 0];
        OwnNamesBuilder builder = new();
        builder.AddRecord(new OwnRecord(name, T.A, 60, [10, 0, 0, 1]));
        Resolver resolver = new(_cache, _counters, isUdp: true, new PublishedRules(new ServingRules(null, builder.Build(), new CacheLimits(5, 3600, 1800))));

        string text = DnsName.ToText(name);
        Assert.Equal($"{text} 1 1 0A000001", Assert.Single(Reply(resolver, text).Answers).Text);
    }

    [Fact]
    public void A_chain_of_16_aliases_is_followed_and_one_of_17_is_not()
    {
        OwnNamesBuilder builder = new();
        for (int i = 1; i <= 17; i++)
            builder.AddRecord(new OwnRecord(MessageBuilder.Name($"n{i}.test"), T.Cname, 60, MessageBuilder.Name($"n{i - 1}.test")));
        builder.AddRecord(new OwnRecord(MessageBuilder.Name("n0.test"), T.A, 60, [10, 0, 0, 1]));
        Resolver resolver = new(_cache, _counters, isUdp: true, new PublishedRules(new ServingRules(null, builder.Build(), new CacheLimits(5, 3600, 1800))));

        Assert.Equal(17, Reply(resolver, "n16.test").Answers.Count);
        Assert.Equal((2, 0), (Reply(resolver, "n17.test").Rcode, Reply(resolver, "n17.test").Answers.Count));
    }

    private OracleMessage Reply(Resolver resolver, string name)
    {
        int length = resolver.Answer(MessageBuilder.Query(name).Opt().Build(), now: 1, _reply, out _);
        return OracleMessage.Decode(_reply.AsSpan(0, length));
    }
}

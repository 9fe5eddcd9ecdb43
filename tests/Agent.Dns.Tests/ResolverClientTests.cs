using System.Net;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>What the policy for clients decides, before anything else is looked at (A22).</summary>
public class ResolverClientTests
{
    private static readonly byte[] _friend = [10, 0, 0, 1];
    private static readonly byte[] _denied = [10, 9, 0, 1];
    private static readonly byte[] _dropped = [10, 8, 0, 1];

    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromDays(1));
    private readonly ServingCounters _counters = new();
    private readonly byte[] _reply = new byte[1232];

    private static AccessList Access() => new(
        new Dictionary<IPNetwork, ClientVerdict>
        {
            [IPNetwork.Parse("10.9.0.0/16")] = ClientVerdict.Denied,
            [IPNetwork.Parse("10.8.0.0/16")] = ClientVerdict.Dropped,
        },
        ClientVerdict.Admitted);

    private Resolver Resolver(AccessList? access = null, int queries = 0, int bytes = 0, bool isUdp = true) => new(
        _cache, _counters, isUdp, new PublishedRules(new ServingRules(
            new ClientPolicy(access, queries > 0 ? new ClientRates(queries) : null, bytes > 0 ? new ClientRates(bytes) : null), null, new CacheLimits(5, 3600, 1800))));

    private OracleMessage Reply(Resolver resolver, byte[] client, MessageBuilder query, long now = 0)
    {
        int length = resolver.Answer(query.Build(), now, _reply, out _, client);
        Assert.True(length > 0, $"no reply: {length}");
        return OracleMessage.Decode(_reply.AsSpan(0, length));
    }

    public static TheoryData<string> Messages => ["cached.test", "other.test", "localhost", "norec", "chaos", "badvers", "twoquestions", "notify", "halfheader"];

    private static MessageBuilder Message(string which) => which switch
    {
        "norec" => MessageBuilder.Query("cached.test").Flags(0),
        "chaos" => new MessageBuilder().Flags(0x0100).Question("version.bind", T.Txt, 3),
        "badvers" => MessageBuilder.Query("cached.test").Opt(version: 1),
        "twoquestions" => MessageBuilder.Query("a.test").Question("b.test"),
        "notify" => MessageBuilder.Query("a.test").Flags(4 << 11),
        "halfheader" => new MessageBuilder().Flags(0x0100),
        _ => MessageBuilder.Query(which),
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void A22_a_denied_client_gets_the_same_REFUSED_to_whatever_it_asks(string which)
    {
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        OracleMessage reply = Reply(Resolver(Access()), _denied, Message(which));
        Assert.Equal((5, 0), (reply.Rcode, reply.Answers.Count));
        Assert.Equal((1, 0, 0, 0), (_counters.Denied, _counters.Hits, _counters.Misses, _counters.Refused));
    }

    [Fact]
    public void A22_a_denied_client_is_told_so_with_the_extended_error_18_when_it_sent_an_OPT()
    {
        Assert.Equal([18], Reply(Resolver(Access()), _denied, MessageBuilder.Query("a.test").Opt()).ExtendedErrors);
        Assert.Empty(Reply(Resolver(Access()), _denied, MessageBuilder.Query("a.test")).Additional);
        Assert.Equal(0, Resolver(Access()).Answer(MessageBuilder.Response("a.test").Build(), 0, _reply, out _, _denied));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A22_a_dropped_client_gets_silence_and_is_counted(string which)
    {
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        Assert.Equal(0, Resolver(Access()).Answer(Message(which).Build(), 0, _reply, out _, _dropped));
        Assert.Equal((1, 0), (_counters.Denied, _counters.Hits));
    }

    [Theory]
    [InlineData("twoquestions")]
    [InlineData("notify")]
    [InlineData("cached.test")]
    [InlineData("norec")]
    public void A11_every_query_counts_against_the_rate_and_what_is_too_much_gets_REFUSED(string which)
    {
        Resolver resolver = Resolver(queries: 3);
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        for (int i = 0; i < 3; i++)
            Reply(resolver, _friend, Message(which));
        Assert.Equal(0, _counters.Limited);

        OracleMessage refused = Reply(resolver, _friend, MessageBuilder.Query("cached.test").Opt());
        Assert.Equal(5, refused.Rcode);
        Assert.Equal([18], refused.ExtendedErrors);
        Assert.Equal(1, _counters.Limited);
        Assert.Equal(0, Reply(resolver, [10, 0, 0, 2], MessageBuilder.Query("cached.test")).Rcode);
        Assert.Equal(0, Reply(resolver, _friend, MessageBuilder.Query("cached.test"), now: 1_000).Rcode);
    }

    [Fact]
    public void What_a_denied_client_sends_does_not_use_up_a_rate()
    {
        Resolver resolver = Resolver(Access(), queries: 1);
        Reply(resolver, _denied, MessageBuilder.Query("a.test"));
        Reply(resolver, _denied, MessageBuilder.Query("a.test"));
        Assert.Equal((2, 0), (_counters.Denied, _counters.Limited));
    }

    [Fact]
    public void Past_its_bytes_a_client_is_sent_to_TCP_and_there_refused()
    {
        CacheEntry entry = Steps.AddressEntry("cached.test");
        _cache.Store(Steps.Key("cached.test"), entry);
        MessageBuilder query = MessageBuilder.Query("cached.test").Opt();
        Resolver udp = Resolver(bytes: 100);
        Assert.Single(Reply(udp, _friend, query).Answers);
        Assert.Single(Reply(udp, _friend, query).Answers); // what is left of the credit buys one more

        OracleMessage truncated = Reply(udp, _friend, query);
        Assert.Equal((true, 0, 0), (truncated.TC, truncated.Rcode, truncated.Answers.Count));
        Assert.NotNull(truncated.Opt);
        Assert.Single(Reply(udp, _friend, query, now: 2_000).Answers);

        Resolver tcp = Resolver(bytes: 1, isUdp: false);
        Assert.Single(Reply(tcp, _friend, query).Answers);
        OracleMessage refused = Reply(tcp, _friend, query);
        Assert.Equal((false, 5), (refused.TC, refused.Rcode));
        Assert.Equal([18], refused.ExtendedErrors);
        Assert.Equal(2, _counters.Limited);
    }

    [Fact]
    public void Past_its_bytes_a_client_that_waited_is_sent_to_TCP_too()
    {
        Resolver resolver = Resolver(bytes: 1);
        CacheEntry entry = Steps.AddressEntry("late.test");
        Assert.Equal(Dns.Resolver.Forward, resolver.Answer(MessageBuilder.Query("late.test").Build(), 0, _reply, out Query query, _friend));
        Assert.Single(OracleMessage.Decode(_reply.AsSpan(0, resolver.AnswerWith(entry, ref query, 0, _reply))).Answers);
        Assert.True(OracleMessage.Decode(_reply.AsSpan(0, resolver.AnswerWith(entry, ref query, 0, _reply))).TC);
    }

    [Fact]
    public void A_limited_query_allocates_nothing()
    {
        Resolver resolver = Resolver(Access(), queries: 1, bytes: 1);
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        byte[] message = MessageBuilder.Query("cached.test").Opt().Build();
        byte[][] clients = [_friend, _denied, _dropped, [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]];
        for (int i = 0; i < 8; i++)
            resolver.Answer(message, now: 1, _reply, out _, clients[i % 4]); // warm up: JIT and statics

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 400; i++)
            resolver.Answer(message, now: 2 + i, _reply, out _, clients[i % 4]);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((204, 202), (_counters.Denied, _counters.Limited));
    }
}

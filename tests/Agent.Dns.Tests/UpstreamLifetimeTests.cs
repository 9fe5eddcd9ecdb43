using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>How long an answer may be reused (RFC 2308, RFC 2181; CHECKS P11, P12).</summary>
public class UpstreamLifetimeTests
{
    private static uint Lifetime(MessageBuilder response, string name = "a.test", ushort type = T.A) => Steps.Entry(response, name, type).Lifetime;

    private static MessageBuilder Address(uint ttl) => MessageBuilder.Response("a.test").Answer("a.test", T.A, ttl, 10, 0, 0, 1);

    private static bool IsStored(MessageBuilder response, string name = "a.test")
    {
        ResponseCache cache = new(1 << 20, TimeSpan.Zero);
        cache.Store(Steps.Key(name), Steps.Entry(response, name));
        return cache.Count > 0;
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(5, 5)]
    [InlineData(6, 6)]
    [InlineData(3600, 3600)]
    [InlineData(3601, 3600)]
    [InlineData(0x7FFF_FFFF, 3600)]
    public void A_positive_TTL_is_kept_between_5_and_3600_seconds(uint ttl, uint expected) => Assert.Equal(expected, Lifetime(Address(ttl)));

    [Fact]
    public void P11_the_smallest_TTL_of_the_answer_counts_and_all_records_show_it()
    {
        MessageBuilder response = Address(300).Answer("a.test", T.A, 20, 10, 0, 0, 2).Answer("a.test", T.A, 100, 10, 0, 0, 3);
        CacheEntry entry = Steps.Entry(response, "a.test");
        Assert.Equal(20u, entry.Lifetime);
        Assert.All(Steps.Reply(entry, MessageBuilder.Query("a.test")).Answers, record => Assert.Equal(20u, record.Ttl));
    }

    [Fact]
    public void P11_the_smallest_TTL_of_the_alias_chain_counts() =>
        Assert.Equal(7u, Lifetime(MessageBuilder.Response("a.test").Answer("a.test", T.Cname, 7, "b.test").Answer("b.test", T.A, 300, 10, 0, 0, 1)));

    [Fact]
    public void P11_the_TTL_of_a_record_that_is_not_kept_does_not_count() =>
        Assert.Equal(300u, Lifetime(Address(300).Answer("other.test", T.A, 6, 10, 0, 0, 9).Authority("test", T.Ns, 6, "ns.test")));

    [Theory]
    [InlineData(0x8000_0000)]
    [InlineData(0xFFFF_FFFF)]
    public void P11_a_TTL_with_the_most_significant_bit_counts_as_0_and_is_not_stored(uint ttl)
    {
        Assert.Equal(0u, Lifetime(Address(ttl)));
        Assert.False(IsStored(Address(ttl)));
    }

    [Fact]
    public void P11_TTL_0_is_an_answer_that_is_not_stored()
    {
        Assert.Equal(0u, Lifetime(Address(0)));
        Assert.False(IsStored(Address(0)));
        Assert.False(IsStored(Address(300).Answer("a.test", T.A, 0, 10, 0, 0, 2)));
        Assert.True(IsStored(Address(300)));
    }

    [Theory]
    [InlineData(60, 300, 60)] // the SOA's TTL
    [InlineData(300, 60, 60)] // its MINIMUM
    [InlineData(1, 300, 5)]
    [InlineData(86400, 86400, 1800)]
    [InlineData(300, 0, 0)]
    [InlineData(0, 300, 0)]
    [InlineData(300, 0xFFFF_FFFF, 300)]
    public void P12_a_negative_answer_lives_for_the_smaller_of_the_SOA_s_TTL_and_its_MINIMUM(uint ttl, uint minimum, uint expected)
    {
        Assert.Equal(expected, Lifetime(MessageBuilder.Response("a.test", rcode: 3).Soa("test", ttl, minimum)));
        Assert.Equal(expected, Lifetime(MessageBuilder.Response("a.test").Soa("test", ttl, minimum)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void P12_a_negative_answer_without_SOA_is_given_but_not_stored(int rcode)
    {
        MessageBuilder response = MessageBuilder.Response("a.test", rcode: rcode);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test"), MessageBuilder.Query("a.test"));
        Assert.Equal(rcode, reply.Rcode);
        Assert.False(IsStored(response));
        Assert.False(IsStored(MessageBuilder.Response("a.test", rcode: rcode).Authority("test", T.Ns, 300, "ns.test"))); // a referral
    }

    [Fact]
    public void P12_NODATA_is_for_its_type_alone_and_NXDOMAIN_for_all()
    {
        Assert.False(Steps.Entry(MessageBuilder.Response("a.test").Soa("test", 60, 60), "a.test").CoversAllTypes);
        Assert.True(Steps.Entry(MessageBuilder.Response("a.test", rcode: 3).Soa("test", 60, 60), "a.test").CoversAllTypes);
    }

    [Fact]
    public void P12_the_rcode_behind_an_alias_belongs_to_the_end_of_the_chain()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", rcode: 3).Answer("a.test", T.Cname, 300, "gone.example").Soa("example", 60, 60);
        CacheEntry entry = Steps.Entry(response, "a.test");
        Assert.Equal(60u, entry.Lifetime);
        Assert.False(entry.CoversAllTypes); // a.test exists: it has an alias
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("a.test"));
        Assert.Equal(3, reply.Rcode);
        Assert.Equal("a.test. 1 5 gone.example.", Assert.Single(reply.Answers).Text);
        Assert.Equal("example.", Assert.Single(reply.Authority).Owner);
    }

    [Fact]
    public void P12_the_SOA_must_be_of_a_zone_of_the_end_of_the_chain_not_of_its_start()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", rcode: 3).Answer("a.test", T.Cname, 300, "gone.example").Soa("test", 60, 60);
        CacheEntry entry = Steps.Entry(response, "a.test");
        Assert.Equal(0u, entry.Lifetime);
        Assert.Empty(Steps.Reply(entry, MessageBuilder.Query("a.test")).Authority);
    }

    [Fact]
    public void P12_the_SOA_of_the_root_or_of_the_name_itself_bounds_a_negative_answer()
    {
        Assert.Equal(60u, Lifetime(MessageBuilder.Response("a.test", rcode: 3).Soa(".", 60, 60)));
        Assert.Equal(60u, Lifetime(MessageBuilder.Response("a.test").Soa("A.TEST", 60, 60)));
    }

    [Fact]
    public void A_SOA_that_was_asked_for_is_a_positive_answer()
    {
        MessageBuilder response = MessageBuilder.Response("test", T.Soa).Answer("test", T.Soa, 3000, "ns.test", "admin.test", new byte[20]);
        Assert.Equal(3000u, Lifetime(response, "test", T.Soa));
    }

    [Fact]
    public void A_limit_for_negative_answers_below_the_minimum_TTL_wins()
    {
        UpstreamResponse reader = new(new CacheLimits(MinTtl: 30, MaxTtl: 3600, MaxNegativeTtl: 10));
        byte[] response = MessageBuilder.Response("a.test", rcode: 3).Soa("test", 600, 600).Build();
        reader.Read(response, Steps.Key("a.test"), 0, out CacheEntry entry);
        Assert.Equal(10u, entry.Lifetime);
    }
}

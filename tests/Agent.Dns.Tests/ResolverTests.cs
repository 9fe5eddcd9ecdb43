using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class ResolverTests
{
    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromDays(1));
    private readonly ServingCounters _counters = new();
    private readonly byte[] _reply = new byte[1232];

    private int Answer(MessageBuilder message, out Query query, long now = 0, bool isUdp = true) =>
        new Resolver(_cache, _counters, isUdp).Answer(message.Build(), now, _reply, out query);

    private OracleMessage Reply(MessageBuilder message, long now = 0, bool isUdp = true)
    {
        int length = Answer(message, out _, now, isUdp);
        Assert.True(length > 0, $"no reply: {length}");
        return OracleMessage.Decode(_reply.AsSpan(0, length));
    }

    [Fact]
    public void P2_an_error_reply_has_the_ID_the_question_and_RD_of_the_query_and_RA()
    {
        OracleMessage reply = Reply(new MessageBuilder().Id(0xCAFE).Flags(0x0110).Question("WwW.Test", T.A, 3));
        Assert.Equal(0xCAFE, reply.Id);
        Assert.Equal((true, 0, true, true, true), (reply.IsResponse, reply.Opcode, reply.RD, reply.RA, reply.CD));
        Assert.Equal((false, false, false, false), (reply.AA, reply.TC, reply.Z, reply.AD));
        Assert.Equal([.. MessageBuilder.Name("WwW.Test"), 0, 1, 0, 3], reply.QuestionBytes);
    }

    [Fact]
    public void P3_two_questions_get_FORMERR_without_a_question()
    {
        OracleMessage reply = Reply(MessageBuilder.Query("a.test").Question("b.test"));
        Assert.Equal((1, 0), (reply.Rcode, reply.QuestionCount));
        Assert.Equal(1, _counters.Refused);
    }

    [Fact]
    public void P4_responses_and_fragments_of_headers_get_silence()
    {
        Assert.Equal(0, Answer(MessageBuilder.Response("a.test"), out _));
        Assert.Equal(0, new Resolver(_cache, _counters, isUdp: true).Answer(new byte[11], 0, _reply, out _));
        Assert.Equal(2, _counters.Dropped);
    }

    [Fact]
    public void P6_an_unknown_opcode_gets_NOTIMP_with_that_opcode()
    {
        OracleMessage reply = Reply(new MessageBuilder().Id(7).Flags(0x7800));
        Assert.Equal((4, 15, 7, 0), (reply.Rcode, reply.Opcode, reply.Id, reply.QuestionCount));
    }

    [Theory]
    [InlineData(252, 1)]
    [InlineData(251, 1)]
    [InlineData(16, 3)]
    [InlineData(1, 255)]
    public void P7_transfers_and_other_classes_get_REFUSED(int type, int @class)
    {
        OracleMessage reply = Reply(new MessageBuilder().Flags(0x0100).Question("version.bind", (ushort)type, (ushort)@class).Opt());
        Assert.Equal(5, reply.Rcode);
        Assert.Equal([21], reply.ExtendedErrors);
    }

    [Fact]
    public void P8_a_query_without_RD_gets_the_same_REFUSED_whether_the_name_is_cached_or_not()
    {
        _cache.Store(Steps.Key("cached.test"), Steps.AddressEntry("cached.test"));
        Assert.True(Steps.IsHit(_cache, MessageBuilder.Query("cached.test")));
        byte[] Probe(string name) => _reply[..Answer(MessageBuilder.Query(name).Flags(0).Opt(), out _)];
        byte[] cached = Probe("cached.test");
        OracleMessage reply = OracleMessage.Decode(cached);
        Assert.Equal(5, reply.Rcode);
        Assert.Equal([20], reply.ExtendedErrors);
        Assert.Equal(OracleMessage.Decode(Probe("others.test")).ExtendedErrors, reply.ExtendedErrors);
        Assert.Equal(Probe("others.test").Length, cached.Length);
        Assert.Equal(0, _counters.Hits);
        Assert.Equal(0, _counters.Misses);
    }

    [Fact]
    public void P19_P26_no_OPT_and_no_extended_error_for_a_client_without_EDNS()
    {
        OracleMessage reply = Reply(MessageBuilder.Query("a.test").Flags(0));
        Assert.Equal(5, reply.Rcode);
        Assert.Empty(reply.Additional);
    }

    [Fact]
    public void P21_BADVERS_comes_with_version_0_and_no_answer()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test"));
        OracleMessage reply = Reply(MessageBuilder.Query("a.test").Opt(version: 100, flags: 0x0080, options: MessageBuilder.Option(100, 1)));
        Assert.Equal(16, reply.Rcode);
        Assert.Empty(reply.Answers);
        Assert.Equal(0x0100_0000u, reply.Opt!.Ttl); // the upper half of BADVERS, version 0, no flag
        Assert.Empty(reply.Opt.RawData);
    }

    [Fact]
    public void A_miss_is_to_be_forwarded_and_counted_and_the_query_stays_readable()
    {
        int length = Answer(MessageBuilder.Query("A.test", id: 9), out Query query);
        Assert.Equal(Resolver.Forward, length);
        Assert.Equal(9, query.Header.Id);
        Assert.Equal(MessageBuilder.Name("a.test"), query.Name);
        Assert.Equal((0, 1), (_counters.Hits, _counters.Misses));
    }

    [Fact]
    public void A_hit_is_answered_and_counted()
    {
        _cache.Store(Steps.Key("a.test"), Steps.AddressEntry("a.test"));
        OracleMessage reply = Reply(MessageBuilder.Query("A.test"));
        Assert.Equal("a.test. 1 1 0A000001", Assert.Single(reply.Answers).Text);
        Assert.Equal((1, 0), (_counters.Hits, _counters.Misses));
    }

    [Fact]
    public void P23_the_client_s_size_bounds_UDP_and_not_TCP()
    {
        MessageBuilder response = MessageBuilder.Response("big.test");
        for (int i = 0; i < 60; i++)
            response.Answer("big.test", T.A, 60, 10, 0, 0, i);
        _cache.Store(Steps.Key("big.test"), Steps.Entry(response, "big.test"));

        Assert.True(Reply(MessageBuilder.Query("big.test")).TC);
        Assert.True(Reply(MessageBuilder.Query("big.test").Opt(udpSize: 600)).TC);
        Assert.Equal(60, Reply(MessageBuilder.Query("big.test").Opt(udpSize: 65535)).Answers.Count);
        Assert.Equal(60, Reply(MessageBuilder.Query("big.test"), isUdp: false).Answers.Count);
    }

    [Fact]
    public void Without_an_upstream_a_stale_answer_is_given_and_else_SERVFAIL()
    {
        Resolver resolver = new(_cache, _counters, isUdp: true);
        _cache.Store(Steps.Key("stale.test"), Steps.AddressEntry("stale.test", ttl: 10));
        Assert.Equal(Resolver.Forward, resolver.Answer(MessageBuilder.Query("stale.test").Opt().Build(), 60_000, _reply, out Query query));
        OracleMessage stale = OracleMessage.Decode(_reply.AsSpan(0, resolver.AnswerWithoutUpstream(ref query, 60_000, _reply)));
        Assert.Equal(30u, Assert.Single(stale.Answers).Ttl);
        Assert.Equal([3], stale.ExtendedErrors);

        Assert.Equal(Resolver.Forward, resolver.Answer(MessageBuilder.Query("none.test").Opt().Build(), 60_000, _reply, out query));
        OracleMessage failure = OracleMessage.Decode(_reply.AsSpan(0, resolver.AnswerWithoutUpstream(ref query, 60_000, _reply)));
        Assert.Equal(2, failure.Rcode);
        Assert.Equal([22], failure.ExtendedErrors);
        Assert.Equal((1, 1), (_counters.Stale, _counters.Failed));
    }

    [Fact]
    public void A_query_kept_in_parts_is_answered_as_the_whole_would_have_been()
    {
        byte[] message = MessageBuilder.Query("Kept.test").Opt(flags: 0x8000, udpSize: 900).Build();
        Assert.True(Query.TryParse(message, new byte[Query.MaxKeyLength], out Query query));
        Query restored = Query.Restore(query.Head.ToArray(), query.Key.ToArray(), query.Fields);
        CacheEntry entry = Steps.AddressEntry("kept.test", flags: KeyFlags.DnssecOk);
        byte[] expected = new byte[900];
        int length = entry.WriteTo(query, 1_000, expected);
        byte[] actual = new byte[900];
        Assert.Equal(length, entry.WriteTo(restored, 1_000, actual));
        Assert.Equal(expected, actual);
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>What a client gets of a stored answer (CHECKS P2, P19, P20, P23, P26).</summary>
public class CacheEntryTests
{
    private static CacheEntry Addresses(string name, int count, uint ttl = 60)
    {
        MessageBuilder response = MessageBuilder.Response(name);
        for (int i = 0; i < count; i++)
            response.Answer(name, T.A, ttl, 10, 0, i / 256, i);
        return Steps.Entry(response, name);
    }

    [Fact]
    public void P2_the_reply_has_the_ID_the_case_and_the_RD_of_the_query_and_RA_but_no_AA_AD_or_Z()
    {
        // The upstream says AA, AD and the reserved bit; none of it may pass.
        CacheEntry entry = Steps.Entry(MessageBuilder.Response("www.example.test").Flags(0x85F0).Answer("www.example.test", T.A, 60, 10, 0, 0, 1), "www.example.test");
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("WwW.ExAmPlE.test", id: 0xBEEF));
        Assert.Equal(0xBEEF, reply.Id);
        Assert.Equal((true, 0, true, true), (reply.IsResponse, reply.Opcode, reply.RD, reply.RA));
        Assert.Equal((false, false, false, false, false), (reply.AA, reply.TC, reply.Z, reply.AD, reply.CD));
        Assert.Equal([.. MessageBuilder.Name("WwW.ExAmPlE.test"), 0, 1, 0, 1], reply.QuestionBytes);
        Assert.Equal("www.example.test. 1 1 0A000001", Assert.Single(reply.Answers).Text);
    }

    [Fact]
    public void P2_flags_that_only_a_response_may_have_are_not_echoed_from_the_query()
    {
        OracleMessage reply = Steps.Reply(Steps.AddressEntry("a.test"), MessageBuilder.Query("a.test").Flags(0x076F)); // AA, TC, RD, Z, AD, RCODE 15
        Assert.Equal((false, false, true, false, false, 0), (reply.AA, reply.TC, reply.RD, reply.Z, reply.AD, reply.Rcode));
    }

    [Fact]
    public void A16_an_entry_answers_its_own_question_alone_whatever_the_hash_says()
    {
        bool Answers(CacheEntry entry, MessageBuilder message)
        {
            Assert.True(Query.TryParse(message.Build(), new byte[Query.MaxKeyLength], out Query query));
            return entry.Answers(query);
        }

        CacheEntry positive = Steps.AddressEntry("a.test");
        CacheEntry negative = Steps.NxDomainEntry("a.test", "test");
        Assert.True(Answers(positive, MessageBuilder.Query("A.test")));
        Assert.False(Answers(positive, MessageBuilder.Query("a.test", T.Aaaa)));
        Assert.True(Answers(negative, MessageBuilder.Query("a.test", T.Aaaa)));
        foreach (CacheEntry entry in new[] { positive, negative })
        {
            Assert.False(Answers(entry, MessageBuilder.Query("b.test")));
            Assert.False(Answers(entry, MessageBuilder.Query("a.tes")));
            Assert.False(Answers(entry, MessageBuilder.Query("a.test.test")));
            Assert.False(Answers(entry, MessageBuilder.Query("a.test").Opt(flags: 0x8000)));
            Assert.False(Answers(entry, MessageBuilder.Query("a.test").Flags(0x0110)));
            Assert.False(Answers(entry, new MessageBuilder().Flags(0x0100).Question("a.test", T.A, 3)));
        }
    }

    [Fact]
    public void P13_CD_of_the_query_is_echoed()
    {
        CacheEntry entry = Steps.AddressEntry("a.test", flags: KeyFlags.CheckingDisabled);
        Assert.True(Steps.Reply(entry, MessageBuilder.Query("a.test").Flags(0x0110)).CD);
    }

    [Fact]
    public void The_upstream_s_OPT_does_not_reach_the_client()
    {
        CacheEntry entry = Steps.Entry(
            MessageBuilder.Response("a.test").Answer("a.test", T.A, 60, 10, 0, 0, 1).Opt(udpSize: 4096, options: MessageBuilder.Option(10, 16)), "a.test");
        Assert.Empty(Steps.Reply(entry, MessageBuilder.Query("a.test")).Additional); // P19
        OracleRecord opt = Assert.Single(Steps.Reply(entry, MessageBuilder.Query("a.test").Opt(udpSize: 4096, options: MessageBuilder.Option(100, 2))).Additional);
        Assert.Equal((T.Opt, ".", 1232, 0u, 0), (opt.Type, opt.Owner, opt.Class, opt.Ttl, opt.RawData.Length)); // P20
    }

    [Theory]
    [InlineData(0x0000, 0x0000u)]
    [InlineData(0x8000, 0x8000u)]
    [InlineData(0xFFFF, 0x8000u)] // P20: what must be zero is clear
    public void DO_is_copied_to_the_reply_s_OPT_and_no_other_flag(int flags, uint expected)
    {
        CacheEntry entry = Steps.AddressEntry("a.test");
        Assert.Equal(expected, Steps.Reply(entry, MessageBuilder.Query("a.test").Opt(flags: flags)).Opt!.Ttl);
    }

    [Theory]
    [InlineData(-2, 60)] // stored by another thread since this one read the time
    [InlineData(0, 60)]
    [InlineData(1, 60)] // rounded up: the first client sees the TTL as it came
    [InlineData(999, 60)]
    [InlineData(1_000, 59)]
    [InlineData(59_000, 1)]
    [InlineData(59_999, 1)]
    public void TTLs_age_by_whole_seconds(long later, uint expected)
    {
        const long stored = 123_456_789;
        CacheEntry entry = Steps.AddressEntry("a.test", ttl: 60, now: stored);
        Assert.Equal(expected, Assert.Single(Steps.Reply(entry, MessageBuilder.Query("a.test"), stored + later).Answers).Ttl);
        Assert.Equal(later - 60_000, entry.ExpiredFor(stored + later));
    }

    [Fact]
    public void TTLs_of_every_section_age_and_the_SOA_s_own_numbers_do_not()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", rcode: 3).Answer("a.test", T.Cname, 300, "b.test").Soa("test", 40, 100);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test"), MessageBuilder.Query("a.test"), now: 10_000);
        Assert.Equal(30u, Assert.Single(reply.Answers).Ttl);
        Assert.Equal(30u, Assert.Single(reply.Authority).Ttl);
        Assert.EndsWith("0000000100000002000000030000000400000064", reply.Authority[0].Data);
    }

    [Fact]
    public void Writing_a_reply_leaves_the_entry_as_it_was()
    {
        CacheEntry entry = Steps.AddressEntry("a.test");
        byte[] first = Steps.ReplyBytes(entry, MessageBuilder.Query("a.test"));
        Steps.ReplyBytes(entry, MessageBuilder.Query("A.TEST", id: 77).Flags(0x0110).Opt(flags: 0x8000), now: 30_000);
        Assert.Equal(first, Steps.ReplyBytes(entry, MessageBuilder.Query("a.test")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void P23_a_reply_is_whole_or_has_TC_and_no_record_at_every_size(bool hasEdns)
    {
        CacheEntry entry = Addresses("big.test", 40);
        MessageBuilder query = MessageBuilder.Query("Big.test");
        if (hasEdns)
            query.Opt();
        int whole = Steps.ReplyBytes(entry, query).Length;
        Assert.Equal(12 + 14 + 40 * 16 + (hasEdns ? 11 : 0), whole);
        for (int room = 512; room < whole + 2; room++)
        {
            byte[] bytes = Steps.ReplyBytes(entry, query, room: room);
            Assert.InRange(bytes.Length, 12, room);
            OracleMessage reply = OracleMessage.Decode(bytes);
            Assert.Equal(room < whole, reply.TC);
            Assert.Equal(room < whole ? 0 : 40, reply.Answers.Count);
            Assert.Equal(hasEdns, reply.Opt != null);
            Assert.Equal((0, true), (reply.Rcode, reply.RA));
            Assert.Equal([.. MessageBuilder.Name("Big.test"), 0, 1, 0, 1], reply.QuestionBytes);
        }
    }

    [Fact]
    public void A_truncated_reply_keeps_the_rcode()
    {
        string name = string.Concat(Enumerable.Repeat("abcdefg.", 31)); // 249 bytes
        MessageBuilder response = MessageBuilder.Response(name, rcode: 3);
        response.Answer(name, T.Cname, 60, string.Concat(Enumerable.Repeat("hijklmn.", 31))).Soa(".", 60, 60);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, name), MessageBuilder.Query(name), room: 512);
        Assert.Equal((true, 3), (reply.TC, reply.Rcode));
    }

    [Fact]
    public void P26_a_stale_reply_has_TTL_30_and_EDE_3_for_a_client_with_EDNS()
    {
        CacheEntry entry = Steps.AddressEntry("a.test", ttl: 60);
        foreach (long now in new long[] { 60_000, 60_001, 86_400_000 })
        {
            OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("a.test").Opt(), now);
            Assert.Equal(30u, Assert.Single(reply.Answers).Ttl);
            Assert.Equal([3], reply.ExtendedErrors);
        }
    }

    [Fact]
    public void P26_a_stale_NXDOMAIN_has_EDE_19()
    {
        CacheEntry entry = Steps.NxDomainEntry("a.test", "test");
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("a.test").Opt(), now: 61_000);
        Assert.Equal(3, reply.Rcode);
        Assert.Equal([19], reply.ExtendedErrors);
    }

    [Fact]
    public void P26_a_stale_reply_has_no_EDE_for_a_client_without_EDNS()
    {
        OracleMessage reply = Steps.Reply(Steps.AddressEntry("a.test", ttl: 60), MessageBuilder.Query("a.test"), now: 61_000);
        Assert.Equal(30u, Assert.Single(reply.Answers).Ttl);
        Assert.Empty(reply.Additional);
    }

    [Fact]
    public void P26_a_fresh_reply_has_no_EDE() =>
        Assert.Empty(Steps.Reply(Steps.AddressEntry("a.test"), MessageBuilder.Query("a.test").Opt()).ExtendedErrors);

    [Fact]
    public void P11_an_answer_with_TTL_0_is_given_with_TTL_0_and_no_EDE()
    {
        CacheEntry entry = Steps.AddressEntry("a.test", ttl: 0);
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("a.test").Opt());
        Assert.Equal(0u, Assert.Single(reply.Answers).Ttl);
        Assert.Empty(reply.ExtendedErrors);
    }

    [Fact]
    public void P12_an_NXDOMAIN_answers_a_query_of_any_type_with_that_type_in_the_question()
    {
        CacheEntry entry = Steps.NxDomainEntry("none.test", "test", type: T.A);
        Assert.True(entry.CoversAllTypes);
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("None.test", T.Aaaa));
        Assert.Equal((3, T.Aaaa), (reply.Rcode, reply.QuestionType));
    }

    [Fact]
    public void An_entry_knows_its_size() =>
        Assert.InRange(Steps.AddressEntry("a.test").Size, 12 + 12 + 16 + 2, 12 + 12 + 16 + 2 + 64);

    [Fact]
    public void P26_the_EDE_is_dropped_first_when_space_is_short()
    {
        CacheEntry entry = Steps.AddressEntry("a.test");
        int withoutError = Steps.ReplyBytes(entry, MessageBuilder.Query("a.test").Opt()).Length;
        OracleMessage reply = Steps.Reply(entry, MessageBuilder.Query("a.test").Opt(), now: 61_000, room: withoutError + 3);
        Assert.False(reply.TC);
        Assert.Single(reply.Answers);
        Assert.Empty(reply.ExtendedErrors);
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Which responses are the answer to a query (CHECKS A1, A6, P32), and that what they say arrives whole (P9).</summary>
public class UpstreamResponseTests
{
    private static MessageBuilder Good() => MessageBuilder.Response("a.test").Answer("a.test", T.A, 60, 10, 0, 0, 1);

    private static ResponseVerdict Verdict(MessageBuilder response, string name = "a.test", ushort type = T.A) =>
        Steps.Read(response, name, out _, type);

    [Fact]
    public void An_answer_to_the_question_is_accepted_whatever_its_case()
    {
        Assert.Equal(ResponseVerdict.Answered, Verdict(Good()));
        Assert.Equal(ResponseVerdict.Answered, Verdict(MessageBuilder.Response("A.TeSt").Answer("a.TEST", T.A, 60, 10, 0, 0, 1)));
    }

    [Fact]
    public void A6_a_message_that_is_no_response_to_the_question_is_ignored()
    {
        Assert.Equal(ResponseVerdict.Ignored, Verdict(Good().Flags(0x0100))); // QR=0
        Assert.Equal(ResponseVerdict.Ignored, Verdict(Good().Flags(0xA180))); // opcode NOTIFY
        Assert.Equal(ResponseVerdict.Ignored, Verdict(MessageBuilder.Response("b.test").Answer("b.test", T.A, 60, 10, 0, 0, 1)));
        Assert.Equal(ResponseVerdict.Ignored, Verdict(MessageBuilder.Response("a.test", T.Aaaa).Answer("a.test", T.A, 60, 10, 0, 0, 1)));
        Assert.Equal(ResponseVerdict.Ignored, Verdict(new MessageBuilder().Flags(0x8180).Question("a.test", T.A, 3)));
        Assert.Equal(ResponseVerdict.Ignored, Verdict(new MessageBuilder().Flags(0x8180).Question("a.test").Question("a.test")));
        Assert.Equal(ResponseVerdict.Ignored, Verdict(new MessageBuilder().Flags(0x8181))); // FORMERR without a question
        Assert.Equal(ResponseVerdict.Ignored, Verdict(MessageBuilder.Response("a.test.test")));
        Assert.Equal(ResponseVerdict.Ignored, Verdict(MessageBuilder.Response("test")));
    }

    [Fact]
    public void A6_a_question_that_is_compressed_is_not_the_question() =>
        Assert.Equal(ResponseVerdict.Ignored, Verdict(new MessageBuilder().Flags(0x8180).Counts(1, 0, 0, 0).Raw(0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0)));

    [Fact]
    public void A6_every_prefix_of_an_answer_is_ignored()
    {
        byte[] whole = Good().Soa("test", 60, 60).Build();
        UpstreamResponse response = new(Steps.Limits);
        for (int length = 0; length < whole.Length; length++)
            Assert.Equal(ResponseVerdict.Ignored, response.Read(whole.AsSpan(0, length), Steps.Key("a.test"), 0, out _));
    }

    [Theory]
    [InlineData(1, 2, 0)]
    [InlineData(1, 65535, 0)]
    [InlineData(1, 65535, 65535)]
    [InlineData(1, 1, 1)]
    [InlineData(65535, 1, 0)]
    [InlineData(0, 1, 0)]
    public void A9_counts_that_lie_are_ignored(int questions, int answers, int authority) =>
        Assert.Equal(ResponseVerdict.Ignored, Verdict(Good().Counts(questions, answers, authority, 0)));

    [Fact]
    public void P32_TC_asks_for_TCP_and_is_no_answer()
    {
        Assert.Equal(ResponseVerdict.Truncated, Verdict(Good().Flags(0x8380)));
        Assert.Equal(ResponseVerdict.Truncated, Verdict(MessageBuilder.Response("a.test").Flags(0x8380).Counts(1, 9, 0, 0))); // cut off in the middle
    }

    [Fact]
    public void P25_a_FORMERR_with_the_question_is_told_apart_because_the_server_may_not_take_EDNS() =>
        Assert.Equal(ResponseVerdict.FormErr, Verdict(MessageBuilder.Response("a.test", rcode: 1)));

    [Theory]
    [InlineData(2)] // SERVFAIL
    [InlineData(4)] // NOTIMP
    [InlineData(5)] // REFUSED
    [InlineData(6)] // YXDOMAIN
    [InlineData(9)] // NOTAUTH
    [InlineData(15)]
    public void Other_rcodes_than_NOERROR_and_NXDOMAIN_are_a_failure_of_that_server(int rcode)
    {
        Assert.Equal(ResponseVerdict.Failed, Verdict(Good().Flags(0x8180 | rcode)));
        Assert.Equal(ResponseVerdict.Failed, Verdict(MessageBuilder.Response("a.test", rcode: rcode)));
    }

    [Theory]
    [InlineData(65280, "")]
    [InlineData(65280, "00")]
    [InlineData(65280, "C00CC00CC00C")] // looks like pointers
    [InlineData(T.Svcb, "0001000001000302683200040004C0000201")]
    [InlineData(T.Https, "00010000010006026832026833")]
    [InlineData(T.Txt, "03C00C41FF")]
    [InlineData(T.Rrsig, "00010D02000000780000000000000000123400C00C")]
    [InlineData(0, "FFFF")]
    [InlineData(T.Aaaa, "20010DB8000000000000000000000001")]
    public void P9_RDATA_without_compressible_names_is_byte_exact(int type, string data)
    {
        byte[] bytes = Convert.FromHexString(data);
        MessageBuilder response = MessageBuilder.Response("a.test", (ushort)type).Answer("a.test", (ushort)type, 60, bytes);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test", (ushort)type), MessageBuilder.Query("a.test", (ushort)type));
        Assert.Equal(bytes, Assert.Single(reply.Answers).RawData);
    }

    [Fact]
    public void P9_RDATA_of_every_length_passes()
    {
        foreach (int length in new[] { 1, 255, 256, 4096, 16383, 16384, 60_000, 65_535 - 12 - 12 - 12 })
        {
            byte[] bytes = new byte[length];
            new Random(length).NextBytes(bytes);
            MessageBuilder response = MessageBuilder.Response("a.test", T.Txt).Compressed().Answer("a.test", T.Txt, 60, bytes);
            OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test", T.Txt), MessageBuilder.Query("a.test", T.Txt));
            Assert.Equal(bytes, Assert.Single(reply.Answers).RawData);
        }
    }

    [Fact]
    public void P9_all_record_types_of_an_ANY_answer_pass()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", T.Any)
            .Answer("a.test", T.A, 60, 10, 0, 0, 1).Answer("a.test", T.Mx, 60, 0, 5, "mx.a.test").Answer("a.test", 65280, 60, 1, 2, 3);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test", T.Any), MessageBuilder.Query("a.test", T.Any));
        Assert.Equal([T.A, T.Mx, 65280], reply.Answers.Select(record => record.Type));
    }

    [Fact]
    public void Ignored_truncated_and_failed_responses_give_no_entry()
    {
        foreach (int flags in new[] { 0x0100, 0x8380, 0x8182 })
        {
            Steps.Read(Good().Flags(flags), "a.test", out CacheEntry entry);
            Assert.True(entry.IsNone);
        }
    }

    [Fact]
    public void A_reader_is_reused_without_a_trace_of_the_response_before()
    {
        UpstreamResponse reader = new(Steps.Limits);
        MessageBuilder big = MessageBuilder.Response("big.test", T.Mx);
        for (int i = 0; i < 500; i++)
            big.Answer("big.test", T.Mx, 60, 0, i, $"mx{i}.big.test");
        Assert.Equal(ResponseVerdict.Answered, reader.Read(big.Build(), Steps.Key("big.test", T.Mx), 0, out _));
        Assert.Equal(ResponseVerdict.Answered, reader.Read(Good().Build(), Steps.Key("a.test"), 0, out CacheEntry entry));
        Assert.Equal(Steps.ReplyBytes(Steps.Entry(Good(), "a.test"), MessageBuilder.Query("a.test")), Steps.ReplyBytes(entry, MessageBuilder.Query("a.test")));
    }
}

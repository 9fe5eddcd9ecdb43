using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class QueryTests
{
    private readonly byte[] _key = new byte[Query.MaxKeyLength];

    private Query Parse(byte[] message)
    {
        Assert.True(Query.TryParse(message, _key, out Query query));
        return query;
    }

    private Query Parse(MessageBuilder message) => Parse(message.Build());

    [Fact]
    public void A_query_is_read_into_its_parts()
    {
        byte[] message = MessageBuilder.Query("WwW.ExAmPlE.test", T.Aaaa, id: 0xBEEF).Build();
        Query query = Parse(message);
        Assert.Equal(ResponseCode.NoError, query.Error);
        Assert.Equal(message, query.Head);
        Assert.Equal(0xBEEF, query.Header.Id);
        Assert.Equal(MessageBuilder.Name("www.example.test"), query.Name);
        Assert.Equal(T.Aaaa, query.Type);
        Assert.Equal(1, query.Class);
        Assert.Equal(KeyFlags.None, query.Flags);
        Assert.True(query.Header.WantsRecursion);
        Assert.False(query.HasEdns);
        Assert.Equal(512, query.UdpSize);
        Assert.False(query.IsOutOfScope);
    }

    [Theory]
    [InlineData(false, false, KeyFlags.None)]
    [InlineData(true, false, KeyFlags.DnssecOk)]
    [InlineData(false, true, KeyFlags.CheckingDisabled)]
    [InlineData(true, true, KeyFlags.DnssecOk | KeyFlags.CheckingDisabled)]
    public void P13_the_key_is_the_lower_case_name_the_class_DO_and_CD_and_the_type(bool isDnssecOk, bool isCheckingDisabled, KeyFlags flags)
    {
        MessageBuilder message = MessageBuilder.Query("Mixed.CASE.test", T.Txt)
            .Flags(isCheckingDisabled ? 0x0110 : 0x0100).Opt(flags: isDnssecOk ? 0x8000 : 0);
        Query query = Parse(message);
        Assert.Equal(flags, query.Flags);
        Assert.Equal(Steps.Key("mixed.case.test", T.Txt, flags), query.Key);
    }

    [Fact]
    public void P13_the_class_is_part_of_the_key()
    {
        byte[] internet = Parse(new MessageBuilder().Flags(0x0100).Question("a.test")).Key.ToArray();
        byte[] chaos = Parse(new MessageBuilder().Flags(0x0100).Question("a.test", T.A, 3)).Key.ToArray();
        Assert.NotEqual(internet, chaos);
    }

    [Fact]
    public void Only_the_question_the_flags_and_nothing_else_of_a_query_is_in_its_key()
    {
        byte[] plain = Parse(MessageBuilder.Query("a.test", id: 1)).Key.ToArray();
        Assert.Equal(plain, Parse(MessageBuilder.Query("A.TEST", id: 2)).Key);
        Assert.Equal(plain, Parse(MessageBuilder.Query("a.test").Opt(udpSize: 4096, options: MessageBuilder.Option(8, 11))).Key);
        Assert.Equal(plain, Parse(MessageBuilder.Query("a.test").Flags(0x0120)).Key); // AD
    }

    [Fact]
    public void The_longest_name_fits_the_key()
    {
        string name = string.Concat(Enumerable.Repeat("a.", 127));
        Assert.Equal(Query.MaxKeyLength, Parse(MessageBuilder.Query(name)).Key.Length);
    }

    [Fact]
    public void The_root_can_be_asked_for()
    {
        Query query = Parse(MessageBuilder.Query(".", T.Ns));
        Assert.Equal(ResponseCode.NoError, query.Error);
        Assert.Equal([0], query.Name.ToArray());
    }

    [Theory]
    [InlineData("123401000000000000000000")] // no question
    [InlineData("123401000002000000000000")] // two, and neither there
    [InlineData("12340100FFFF000000000000")]
    public void P3_a_question_count_other_than_one_gets_FORMERR(string message)
    {
        Query query = Parse(Convert.FromHexString(message));
        Assert.Equal(ResponseCode.FormErr, query.Error);
        Assert.Equal(Header.Size, query.Head.Length);
    }

    [Fact]
    public void P3_two_questions_get_FORMERR() =>
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Question("b.test")).Error);

    [Fact]
    public void P4_less_than_a_header_is_not_answered()
    {
        byte[] message = MessageBuilder.Query("a.test").Build();
        for (int length = 0; length < Header.Size; length++)
            Assert.False(Query.TryParse(message.AsSpan(0, length), _key, out _));
    }

    [Theory]
    [InlineData(0x8180)]
    [InlineData(0x8000)]
    [InlineData(0xF800)] // with an unknown opcode
    public void P4_a_response_is_not_answered(int flags) =>
        Assert.False(Query.TryParse(MessageBuilder.Query("a.test").Flags(flags).Build(), _key, out _));

    [Fact]
    public void P5_a_question_that_is_not_there_gets_FORMERR_with_the_header_alone()
    {
        Query query = Parse(Convert.FromHexString("123401000001000000000000"));
        Assert.Equal(ResponseCode.FormErr, query.Error);
        Assert.Equal(Header.Size, query.Head.Length);
    }

    [Fact]
    public void P5_trailing_bytes_get_FORMERR()
    {
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Raw(0)).Error);
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Opt().Raw(0)).Error);
    }

    [Fact]
    public void Records_in_the_answer_or_authority_of_a_query_get_FORMERR()
    {
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Answer("a.test", T.A, 1, 1, 2, 3, 4)).Error);
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Soa("test", 1, 1)).Error);
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Counts(1, 1, 0, 0)).Error); // also when they are not there
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Counts(1, 0, 1, 0)).Error);
    }

    [Theory]
    [InlineData(1)] // IQUERY
    [InlineData(2)] // STATUS
    [InlineData(4)] // NOTIFY
    [InlineData(5)] // UPDATE
    [InlineData(6)] // DSO
    [InlineData(15)]
    public void P6_every_opcode_but_QUERY_gets_NOTIMP_also_with_a_header_alone(int opcode)
    {
        Assert.Equal(ResponseCode.NotImp, Parse(MessageBuilder.Query("a.test").Flags((opcode << 11) | 0x0100)).Error);
        Query headerOnly = Parse(new MessageBuilder().Flags(opcode << 11));
        Assert.Equal(ResponseCode.NotImp, headerOnly.Error);
        Assert.Equal(Header.Size, headerOnly.Head.Length);
    }

    [Theory]
    [InlineData(251, 1, true)] // IXFR
    [InlineData(252, 1, true)] // AXFR
    [InlineData(1, 3, true)] // CH
    [InlineData(1, 254, true)] // NONE
    [InlineData(1, 255, true)] // ANY
    [InlineData(16, 0, true)]
    [InlineData(255, 1, false)] // type ANY
    [InlineData(65535, 1, false)]
    [InlineData(0, 1, false)]
    public void P7_transfers_and_other_classes_are_out_of_scope(int type, int @class, bool isOutOfScope)
    {
        Query query = Parse(new MessageBuilder().Flags(0x0100).Question("a.test", (ushort)type, (ushort)@class));
        Assert.Equal(ResponseCode.NoError, query.Error);
        Assert.Equal(isOutOfScope, query.IsOutOfScope);
    }

    [Theory]
    [InlineData("C00C00010001")] // a pointer at itself
    [InlineData("C00EC00C")] // a loop
    [InlineData("C01200010001")] // a forward pointer
    [InlineData("4061")] // a label of 64
    [InlineData("0161")] // no end
    [InlineData("016100")] // no type
    [InlineData("0161000001000100")] // one byte too many
    [InlineData("016100000100")] // no whole class
    public void A9_a_malformed_question_gets_FORMERR(string question)
    {
        Query query = Parse([.. Convert.FromHexString("123401000001000000000000"), .. Convert.FromHexString(question)]);
        Assert.Equal(ResponseCode.FormErr, query.Error);
    }

    [Fact]
    public void A9_all_counts_65535_get_FORMERR() =>
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Counts(65535, 65535, 65535, 65535)).Error);

    [Fact]
    public void A9_a_count_of_additional_records_that_lies_gets_FORMERR()
    {
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Counts(1, 0, 0, 65535)).Error);
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Opt().Counts(1, 0, 0, 2)).Error);
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Opt().Counts(1, 0, 0, 0)).Error);
    }

    [Fact]
    public void A9_RDATA_that_overruns_the_message_gets_FORMERR()
    {
        byte[] message = MessageBuilder.Query("a.test").Additional("x.test", 250, 0, new byte[8]).Build();
        message[^9]++; // RDLENGTH
        Assert.Equal(ResponseCode.FormErr, Parse(message).Error);
    }

    [Fact]
    public void Additional_records_other_than_OPT_are_stepped_over()
    {
        Query query = Parse(MessageBuilder.Query("a.test").Compressed().Additional("a.test", 250, 0, new byte[20]).Opt(udpSize: 1400));
        Assert.Equal(ResponseCode.NoError, query.Error);
        Assert.Equal(1400, query.UdpSize);
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>OPT records as clients send them: the set of ednscomp (CHECKS P19 to P27).</summary>
public class QueryEdnsTests
{
    private readonly byte[] _key = new byte[Query.MaxKeyLength];

    private Query Parse(byte[] message)
    {
        Assert.True(Query.TryParse(message, _key, out Query query));
        return query;
    }

    private Query Parse(MessageBuilder message) => Parse(message.Build());

    private static MessageBuilder WithOpt(params byte[] options) => MessageBuilder.Query("a.test").Opt(options: options);

    [Fact]
    public void P19_without_OPT_there_is_no_EDNS() => Assert.False(Parse(MessageBuilder.Query("a.test")).HasEdns);

    [Fact]
    public void P20_unknown_options_and_flags_are_no_error()
    {
        Query query = Parse(MessageBuilder.Query("a.test").Opt(flags: 0x0080, options: MessageBuilder.Option(100, 3)));
        Assert.Equal(ResponseCode.NoError, query.Error);
        Assert.True(query.HasEdns);
        Assert.Equal(KeyFlags.None, query.Flags);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(255)]
    public void P21_versions_above_0_get_BADVERS(int version)
    {
        Assert.Equal(ResponseCode.BadVers, Parse(MessageBuilder.Query("a.test").Opt(version: version)).Error);
        Assert.Equal(ResponseCode.BadVers, Parse(MessageBuilder.Query("a.test").Opt(version: version, flags: 0x80, options: MessageBuilder.Option(100, 2))).Error);
    }

    [Fact]
    public void P22_two_OPT_records_get_FORMERR() => Assert.Equal(ResponseCode.FormErr, Parse(WithOpt().Opt()).Error);

    [Fact]
    public void P22_an_OPT_record_not_owned_by_the_root_gets_FORMERR()
    {
        Assert.Equal(ResponseCode.FormErr, Parse(MessageBuilder.Query("a.test").Additional("x", T.Opt, 0)).Error);
        // A pointer to a root label is not the root label itself.
        byte[] message = MessageBuilder.Query("a").Counts(1, 0, 0, 1).Raw(0xC0, 14, 0, (byte)T.Opt, 4, 0, 0, 0, 0, 0, 0, 0).Build();
        Assert.Equal(ResponseCode.FormErr, Parse(message).Error);
    }

    [Theory]
    [InlineData("00")]
    [InlineData("000A00")] // no whole option header
    [InlineData("00640001")] // an option that overruns RDLENGTH by one
    [InlineData("0064FFFF")]
    [InlineData("0064000000640001")] // the second does
    public void P22_an_option_that_overruns_RDLENGTH_gets_FORMERR(string options) =>
        Assert.Equal(ResponseCode.FormErr, Parse(WithOpt(Convert.FromHexString(options))).Error);

    [Theory]
    [InlineData(0, 512)]
    [InlineData(511, 512)]
    [InlineData(512, 512)]
    [InlineData(513, 513)]
    [InlineData(1232, 1232)]
    [InlineData(65535, 65535)]
    public void P23_sizes_below_512_are_treated_as_512(int size, int expected) =>
        Assert.Equal(expected, Parse(MessageBuilder.Query("a.test").Opt(udpSize: size)).UdpSize);

    [Fact]
    public void P27_a_cookie_has_8_bytes_or_16_to_40()
    {
        for (int length = 0; length < 64; length++)
        {
            bool isCookie = length is 8 or (>= 16 and <= 40);
            Assert.Equal(isCookie ? ResponseCode.NoError : ResponseCode.FormErr, Parse(WithOpt(MessageBuilder.Option(10, length))).Error);
        }
    }

    [Fact]
    public void P27_a_cookie_is_looked_at_behind_other_options_too() =>
        Assert.Equal(ResponseCode.FormErr, Parse(WithOpt([.. MessageBuilder.Option(8, 7), .. MessageBuilder.Option(10, 9)])).Error);

    [Fact]
    public void A10_ten_thousand_options_are_read()
    {
        byte[] options = [.. Enumerable.Repeat(MessageBuilder.Option(100, 0), 10_000).SelectMany(option => option)];
        Assert.Equal(ResponseCode.NoError, Parse(WithOpt(options)).Error);
    }

    [Fact]
    public void P24_nothing_of_the_client_but_the_question_DO_and_CD_goes_upstream()
    {
        byte[] options = [.. MessageBuilder.Option(8, 11), .. MessageBuilder.Option(10, 8), .. MessageBuilder.Option(65001, 4)];
        Query query = Parse(MessageBuilder.Query("Ww.Test", T.Mx).Flags(0x0170).Opt(udpSize: 4096, flags: 0x80FF, options: options));
        byte[] message = new byte[UpstreamQuery.MaxLength];
        int length = UpstreamQuery.Write(query.Key, 0xABCD, caseBits: 0, hasEdns: true, message);

        OracleMessage upstream = OracleMessage.Decode(message.AsSpan(0, length));
        Assert.Equal(0xABCD, upstream.Id);
        Assert.Equal((false, 0, true, false, true), (upstream.IsResponse, upstream.Opcode, upstream.RD, upstream.AD, upstream.CD));
        Assert.Equal(("ww.test.", T.Mx, 1), (upstream.QuestionName, upstream.QuestionType, upstream.QuestionClass));
        OracleRecord opt = Assert.Single(upstream.Additional);
        Assert.Equal((T.Opt, ".", 1232, 0x8000u, 0), (opt.Type, opt.Owner, opt.Class, opt.Ttl, opt.RawData.Length));
    }

    [Fact]
    public void The_longest_question_fits_the_upstream_query()
    {
        Query query = Parse(MessageBuilder.Query(string.Concat(Enumerable.Repeat("a.", 127))));
        byte[] message = new byte[UpstreamQuery.MaxLength];
        Array.Fill(message, (byte)0xA5);
        Assert.Equal(message.Length, UpstreamQuery.Write(query.Key, 1, caseBits: 0, hasEdns: true, message));
        Assert.Equal(0u, OracleMessage.Decode(message).Opt!.Ttl);
    }

    [Fact]
    public void P35_a_padded_query_is_a_multiple_of_128_bytes_for_every_length_of_name()
    {
        for (int labels = 0; labels <= 127; labels++)
        {
            Query query = Parse(MessageBuilder.Query(labels == 0 ? "." : string.Concat(Enumerable.Repeat("a.", labels))));
            byte[] message = new byte[UpstreamQuery.MaxPaddedLength];
            Array.Fill(message, (byte)0xA5);
            int bare = UpstreamQuery.Write(query.Key, 1, caseBits: 0, hasEdns: true, message);
            int length = UpstreamQuery.Pad(message, bare);

            Assert.Equal(0, length % 128);
            Assert.InRange(length, bare + 4, bare + 4 + 127);
            byte[] options = OracleMessage.Decode(message.AsSpan(0, length)).Opt!.RawData;
            Assert.Equal([0, 12, (byte)((options.Length - 4) >> 8), (byte)(options.Length - 4), .. new byte[options.Length - 4]], options);
        }
    }
}

using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Names that a response compresses mean the same in the reply (RFC 1035 section 4.1.4, RFC 3597 section 4; A9, A10).</summary>
public class UpstreamCompressionTests
{
    /// <summary>What the oracle reads of the reply must be what it reads of the response.</summary>
    private static byte[] AssertKept(MessageBuilder response, string name, ushort type, MessageBuilder? query = null)
    {
        OracleMessage sent = OracleMessage.Decode(response.Build());
        byte[] bytes = Steps.ReplyBytes(Steps.Entry(response, name, type), query ?? MessageBuilder.Query(name, type));
        OracleMessage reply = OracleMessage.Decode(bytes);
        Assert.Equal(sent.Answers.Select(record => record.Text), reply.Answers.Select(record => record.Text));
        return bytes;
    }

    private static MessageBuilder Response(string name, ushort type, bool isCompressed)
    {
        MessageBuilder response = MessageBuilder.Response(name, type);
        if (!isCompressed)
            return response;
        // The question is not known to the compressor above, so it is written anew, with memory.
        return new MessageBuilder().Id(0x1234).Flags(0x8180).Compressed().Question(name, type);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Names_in_RDATA_are_the_same_names_in_the_reply(bool isCompressed)
    {
        AssertKept(Response("example.test", T.Mx, isCompressed)
            .Answer("example.test", T.Mx, 60, 0, 10, "mail.example.test").Answer("example.test", T.Mx, 60, 0, 20, "mail.elsewhere.test"), "example.test", T.Mx);
        AssertKept(Response("example.test", T.Ns, isCompressed)
            .Answer("example.test", T.Ns, 60, "ns1.example.test").Answer("example.test", T.Ns, 60, "ns2.example.test"), "example.test", T.Ns);
        AssertKept(Response("1.0.0.10.in-addr.arpa", T.Ptr, isCompressed)
            .Answer("1.0.0.10.in-addr.arpa", T.Ptr, 60, "a.in-addr.arpa"), "1.0.0.10.in-addr.arpa", T.Ptr);
        AssertKept(Response("_dns._udp.test", T.Srv, isCompressed)
            .Answer("_dns._udp.test", T.Srv, 60, 0, 1, 0, 2, 0, 53, "node.test")
            .Answer("_dns._udp.test", T.Srv, 60, 0, 1, 0, 2, 0, 53, "_udp.test"), "_dns._udp.test", T.Srv);
        AssertKept(Response("example.test", T.Soa, isCompressed)
            .Answer("example.test", T.Soa, 60, "ns.example.test", "admin.example.test", MessageBuilder.U32(2024), new byte[16]), "example.test", T.Soa);
        AssertKept(Response("example.test", T.Dname, isCompressed)
            .Answer("example.test", T.Dname, 60, "target.test"), "example.test", T.Dname);
        AssertKept(Response("a.example.test", T.A, isCompressed)
            .Answer("a.example.test", T.Cname, 60, "b.example.test").Answer("b.example.test", T.A, 60, 10, 0, 0, 1), "a.example.test", T.A);
    }

    [Theory]
    [InlineData(3, 1, 0)] // NS, MD to MR, PTR: one name
    [InlineData(4, 1, 0)]
    [InlineData(7, 1, 0)]
    [InlineData(8, 1, 0)]
    [InlineData(9, 1, 0)]
    [InlineData(14, 2, 0)] // MINFO
    [InlineData(17, 2, 0)] // RP
    [InlineData(18, 1, 2)] // AFSDB
    [InlineData(21, 1, 2)] // RT
    [InlineData(26, 2, 2)] // PX
    [InlineData(36, 1, 2)] // KX
    public void Pointers_in_the_RDATA_of_the_older_types_are_expanded(int type, int names, int prefix)
    {
        MessageBuilder response = Response("x.test", (ushort)type, isCompressed: true)
            .Answer("x.test", (ushort)type, 60, [new byte[prefix], .. Enumerable.Repeat("x.test", names)])
            .Answer("x.test", (ushort)type, 60, [new byte[prefix], .. Enumerable.Repeat("far.example.test", names)]);
        byte[] reply = Steps.ReplyBytes(Steps.Entry(response, "x.test", (ushort)type), MessageBuilder.Query("x.test", (ushort)type));
        foreach ((OracleRecord record, string expected) in OracleMessage.Decode(reply).Answers.Zip(["x.test", "far.example.test"]))
        {
            string text = OracleNames.Read(reply, record.RawData.AsSpan(prefix), names);
            Assert.Equal(string.Concat(Enumerable.Repeat(expected + ". ", names)).Trim(), text);
        }
    }

    [Fact]
    public void RFC3597_names_in_RDATA_of_newer_types_are_not_compressed()
    {
        MessageBuilder response = Response("_dns._udp.test", T.Srv, isCompressed: true).Answer("_dns._udp.test", T.Srv, 60, 0, 1, 0, 2, 0, 53, "_udp.test");
        OracleMessage reply = OracleMessage.Decode(AssertKept(response, "_dns._udp.test", T.Srv));
        Assert.Equal([0, 1, 0, 2, 0, 53, .. MessageBuilder.Name("_udp.test")], Assert.Single(reply.Answers).RawData);
    }

    [Fact]
    public void Owners_and_names_in_RDATA_are_compressed_again()
    {
        MessageBuilder response = MessageBuilder.Response("example.test", T.Mx);
        for (int i = 0; i < 10; i++)
            response.Answer("example.test", T.Mx, 60, 0, i, $"mx{i}.example.test");
        byte[] reply = AssertKept(response, "example.test", T.Mx);
        Assert.Equal(12 + 18 + 10 * (2 + 10 + 2 + 4 + 2), reply.Length);
    }

    [Fact]
    public void P2_names_that_point_at_the_question_show_the_client_s_case()
    {
        byte[] reply = AssertKept(Response("a.test", T.A, isCompressed: true).Answer("a.test", T.A, 60, 10, 0, 0, 1), "a.test", T.A, MessageBuilder.Query("A.TEST"));
        Assert.Equal(MessageBuilder.Name("A.TEST"), reply[12..20]);
        Assert.Equal(MessageBuilder.Pointer(12), reply[24..26]);
    }

    [Fact]
    public void A_message_of_64_KB_with_thousands_of_records_passes()
    {
        MessageBuilder response = Response("many.test", T.A, isCompressed: true);
        int count = 0;
        for (; response.Length + 16 <= ushort.MaxValue; count++)
            response.Answer("many.test", T.A, 60, 10, 0, count >> 8, count & 255);
        Assert.InRange(count, 4090, 4096);
        AssertKept(response, "many.test", T.A);
    }

    [Fact]
    public void A_message_of_64_KB_with_a_name_in_every_record_passes()
    {
        MessageBuilder response = Response("many.test", T.Ns, isCompressed: true);
        for (int i = 0; response.Length + 30 <= ushort.MaxValue; i++)
            response.Answer("many.test", T.Ns, 60, $"ns{i}.many.test");
        AssertKept(response, "many.test", T.Ns);
    }

    [Fact]
    public void Names_that_first_appear_behind_what_a_pointer_can_reach_are_written_whole()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", T.Any).Answer("a.test", T.Txt, 60, new byte[16_400]);
        for (int i = 0; i < 3; i++)
            response.Answer("a.test", T.Mx, 60, 0, i, "far.behind.example");
        AssertKept(response, "a.test", T.Any);
    }

    [Fact]
    public void Names_of_the_message_before_are_not_pointed_at()
    {
        // The second name is written where the first was, and ends like it: a pointer to the old bytes would be one to itself.
        UpstreamResponse reader = new(Steps.Limits);
        foreach (string target in new[] { "b.elsewhere", "a.b.elsewhere", "c.a.b.elsewhere", "elsewhere" })
        {
            byte[] response = MessageBuilder.Response("a.test", T.Mx).Answer("a.test", T.Mx, 60, 0, 1, target).Build();
            Assert.Equal(ResponseVerdict.Answered, reader.Read(response, Steps.Key("a.test", T.Mx), 0, out CacheEntry entry));
            Assert.Equal($"0001 {target}.", Assert.Single(Steps.Reply(entry, MessageBuilder.Query("a.test", T.Mx)).Answers).Data);
        }
    }

    [Fact]
    public void A10_an_answer_that_grows_over_64_KB_without_its_compression_is_no_answer()
    {
        // Each SRV target is a pointer to 200 bytes, and may not be compressed in the reply.
        string target = string.Concat(Enumerable.Repeat("abcdefg.", 25));
        MessageBuilder response = Response("x.test", T.Srv, isCompressed: true);
        for (int i = 0; i < 3000; i++)
            response.Answer("x.test", T.Srv, 60, 0, 1, 0, 2, 0, 53, target);
        Assert.NotEqual(ResponseVerdict.Answered, Steps.Read(response, "x.test", out CacheEntry entry, T.Srv));
        Assert.True(entry.IsNone);
    }

    [Theory]
    [InlineData(T.Cname, "0474657374")] // no end
    [InlineData(T.Cname, "0000")] // bytes behind the name
    [InlineData(T.Cname, "")]
    [InlineData(T.Cname, "C0")]
    [InlineData(T.Cname, "C0FF")] // forward
    [InlineData(T.Cname, "C02A")] // at itself
    [InlineData(T.Mx, "00")]
    [InlineData(T.Mx, "0001")]
    [InlineData(T.Mx, "00010000")]
    [InlineData(T.Soa, "0000000000010000000200000003000000040000")] // two bytes short
    [InlineData(T.Soa, "00000000000100000002000000030000000400000005FF")]
    [InlineData(T.Srv, "000100020035")]
    [InlineData(T.Ptr, "4061")]
    public void A9_RDATA_that_is_not_of_its_type_s_shape_is_ignored(int type, string data)
    {
        MessageBuilder response = MessageBuilder.Response("a.test").Answer("a.test", (ushort)type, 60, Convert.FromHexString(data)).Answer("a.test", T.A, 60, 1, 2, 3, 4);
        Assert.Equal(ResponseVerdict.Ignored, Steps.Read(response, "a.test", out _));
    }
}

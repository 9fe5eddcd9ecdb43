using System.Diagnostics;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Responses that were taken for what they are not, or that cost more than they may (CHECKS A6, A8, A10).</summary>
public class UpstreamHostileTests
{
    [Fact]
    public void A_chain_of_aliases_without_an_end_is_a_failure_and_no_NODATA()
    {
        MessageBuilder response = MessageBuilder.Response("c0.test");
        for (int i = 0; i < 20; i++)
            response.Answer($"c{i}.test", T.Cname, 60, $"c{i + 1}.test");
        response.Answer("c20.test", T.A, 60, 10, 0, 0, 1).Soa("test", 60, 60);
        Assert.Equal(ResponseVerdict.Failed, Steps.Read(response, "c0.test", out _));
    }

    [Fact]
    public void A6_an_extended_rcode_in_the_OPT_record_is_no_success()
    {
        // BADVERS: the lower four bits are 0, the OPT record has the rest.
        byte[] response = [.. MessageBuilder.Response("a.test").Counts(1, 0, 0, 1).Build(), 0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0];
        Assert.NotEqual(ResponseVerdict.Answered, new UpstreamResponse(Steps.Limits).Read(response, Steps.Key("a.test"), 0, out _));
    }

    [Fact]
    public void A6_additional_records_that_are_not_there_make_a_response_malformed()
    {
        MessageBuilder response = MessageBuilder.Response("a.test").Answer("a.test", T.A, 60, 1, 2, 3, 4).Counts(1, 1, 0, 65535);
        Assert.Equal(ResponseVerdict.Ignored, Steps.Read(response, "a.test", out _));
    }

    [Fact]
    public void A8_proofs_of_a_foreign_zone_are_left_behind()
    {
        MessageBuilder response = MessageBuilder.Response("a.test", rcode: 3).Soa("test", 60, 60)
            .Authority("kubernetes.default.svc.cluster.local", T.Nsec, 60, "z.example", 0, 1, 0x40);
        OracleMessage reply = Steps.Reply(Steps.Entry(response, "a.test", flags: KeyFlags.DnssecOk), MessageBuilder.Query("a.test").Opt(flags: 0x8000));
        Assert.DoesNotContain(reply.Authority, record => record.Type == T.Nsec);
    }

    [Fact]
    public void A8_the_SOA_must_be_of_the_class_that_was_asked_for() =>
        Assert.Equal(0u, Steps.Entry(MessageBuilder.Response("a.test", rcode: 3).Soa("test", 60, 60, @class: 3), "a.test").Lifetime);

    [Fact]
    public void P9_a_compressed_name_in_NAPTR_does_not_dangle()
    {
        byte[] text = [0, 1, 0, 1, 0, 0, 0]; // order, preference, three empty strings
        byte[] response = new MessageBuilder().Flags(0x8180).Compressed().Question("n.example.test", 35).Answer("left.behind.test", T.A, 60, 1, 2, 3, 4)
            .Answer("n.example.test", 35, 60, text, "other.example.test").Answer("n.example.test", 35, 60, text, "other.example.test").Build();
        new UpstreamResponse(Steps.Limits).Read(response, Steps.Key("n.example.test", 35), 0, out CacheEntry entry);
        byte[] reply = Steps.ReplyBytes(entry, MessageBuilder.Query("n.example.test", 35));
        Assert.Equal("other.example.test.", OracleNames.Read(reply, OracleMessage.Decode(reply).Answers[1].RawData.AsSpan(7), 1));
    }


    [Fact]
    public void A10_names_that_nearly_match_are_not_compared_without_end()
    {
        // QNAME: 126 labels "a", then "b". RDATA names: 126 labels "a", then "c". No suffix is found, all nearly are.
        byte[] Name(char last) => [.. Enumerable.Repeat<byte[]>([1, (byte)'a'], 126).SelectMany(label => label), 1, (byte)last, 0];
        byte[] qname = Name('b'), other = Name('c');
        List<byte> bytes = [0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, .. qname, 0, 15, 0, 1];
        bytes.AddRange([.. MessageBuilder.Pointer(12), 0, 15, 0, 1, 0, 0, 0, 60, .. MessageBuilder.U16(2 + other.Length), 0, 1]);
        int target = bytes.Count, records = 1;
        bytes.AddRange(other);
        for (; bytes.Count + 16 <= 65535 && records < 4000; records++)
            bytes.AddRange([.. MessageBuilder.Pointer(12), 0, 15, 0, 1, 0, 0, 0, 60, 0, 4, 0, 1, .. MessageBuilder.Pointer(target)]);
        byte[] message = [.. bytes];
        (message[6], message[7]) = ((byte)(records >> 8), (byte)records);

        Stopwatch watch = Stopwatch.StartNew();
        new UpstreamResponse(Steps.Limits).Read(message, [.. qname, 0, 1, 0, 0, 15], 0, out _);

        // Ten milliseconds where it was two to three seconds: no clock is so wrong.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"{watch.Elapsed} for one response");
    }

    [Fact]
    public void A10_a_response_with_a_chain_of_pointers_is_ignored()
    {
        List<byte> bytes = [.. MessageBuilder.Response("a.test").Build(), 0, 0, 250, 0, 1, 0, 0, 0, 60];
        int start = bytes.Count + 2, links = 200;
        AddChain(bytes, start, links);
        bytes.AddRange([.. MessageBuilder.Pointer(start + 2 * (links - 1)), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4]);
        byte[] message = [.. bytes];
        message[7] = 2;
        Assert.Equal(ResponseVerdict.Ignored, new UpstreamResponse(Steps.Limits).Read(message, Steps.Key("a.test"), 0, out _));
    }

    [Fact]
    public void A10_a_query_with_a_chain_of_pointers_gets_FORMERR()
    {
        List<byte> bytes = [.. MessageBuilder.Query("a.test").Build(), 0, 0, 250, 0, 1, 0, 0, 0, 0];
        int start = bytes.Count + 2, links = 200;
        AddChain(bytes, start, links);
        bytes.AddRange([.. MessageBuilder.Pointer(start + 2 * (links - 1)), 0, 250, 0, 1, 0, 0, 0, 0, 0, 0]);
        byte[] message = [.. bytes];
        message[11] = 2;
        Assert.True(Query.TryParse(message, new byte[Query.MaxKeyLength], out Query query));
        Assert.Equal(ResponseCode.FormErr, query.Error);
    }

    private static void AddChain(List<byte> bytes, int start, int links)
    {
        bytes.AddRange([.. MessageBuilder.U16(links * 2), .. MessageBuilder.Pointer(19)]); // the root label of a.test
        for (int i = 1; i < links; i++)
            bytes.AddRange(MessageBuilder.Pointer(start + 2 * (i - 1)));
    }

    [Theory]
    [InlineData(T.A, 3)]
    [InlineData(T.A, 5)]
    [InlineData(T.Aaaa, 4)]
    public void An_address_of_another_length_is_no_address(ushort type, int length)
    {
        MessageBuilder response = MessageBuilder.Response("a.test", type).Answer("a.test", type, 60, new byte[length]);
        Assert.Equal(ResponseVerdict.Ignored, Steps.Read(response, "a.test", out _, type));
    }
}

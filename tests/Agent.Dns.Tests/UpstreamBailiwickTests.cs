using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Only the alias chain of the QNAME is taken from a response, and of negative answers the SOA (CHECKS A8).</summary>
public class UpstreamBailiwickTests
{
    private static OracleMessage Kept(MessageBuilder response, string name = "a.test", ushort type = T.A, KeyFlags flags = KeyFlags.None)
    {
        MessageBuilder query = MessageBuilder.Query(name, type).Flags((flags & KeyFlags.CheckingDisabled) != 0 ? 0x0110 : 0x0100);
        if ((flags & KeyFlags.DnssecOk) != 0)
            query.Opt(flags: 0x8000);
        return Steps.Reply(Steps.Entry(response, name, type, flags), query);
    }

    private static MessageBuilder Address(string name = "a.test") => MessageBuilder.Response(name).Answer(name, T.A, 60, 10, 0, 0, 1);

    private static IEnumerable<string> Owners(OracleMessage reply) => reply.Answers.Select(record => record.Owner);

    [Fact]
    public void A8_records_beside_the_answer_are_left_behind()
    {
        OracleMessage reply = Kept(Address()
            .Answer("com", T.Ns, 60, "ns.evil.test")
            .Answer("kubernetes.default.svc.cluster.local", T.A, 60, 6, 6, 6, 6)
            .Answer("a.test", T.Aaaa, 60, new byte[16])
            .Authority("com", T.Ns, 60, "ns.evil.test")
            .Authority("test", T.Soa, 60, "ns.test", "admin.test", new byte[20])
            .Additional("ns.evil.test", T.A, 60, 6, 6, 6, 6)
            .Additional("kubernetes.default.svc.cluster.local", T.A, 60, 6, 6, 6, 6));
        Assert.Equal("a.test. 1 1 0A000001", Assert.Single(reply.Answers).Text);
        Assert.Empty(reply.Authority);
        Assert.Empty(reply.Additional);
    }

    [Fact]
    public void A8_records_of_another_class_are_left_behind()
    {
        OracleMessage reply = Kept(Address().AnswerOfClass(3, "a.test", T.A, 60, 6, 6, 6, 6));
        Assert.Equal("a.test. 1 1 0A000001", Assert.Single(reply.Answers).Text);
    }

    [Fact]
    public void A8_records_in_the_wrong_section_do_not_answer()
    {
        OracleMessage reply = Kept(MessageBuilder.Response("a.test").Authority("a.test", T.A, 60, 6, 6, 6, 6).Additional("a.test", T.A, 60, 6, 6, 6, 6));
        Assert.Empty(reply.Answers);
        Assert.Empty(reply.Authority);
    }

    [Fact]
    public void A8_the_SOA_of_a_foreign_zone_is_left_behind_and_the_answer_not_stored()
    {
        foreach (string zone in new[] { "evil.test", "b.a.test", "xa.test", "com" })
        {
            CacheEntry entry = Steps.Entry(MessageBuilder.Response("a.test", rcode: 3).Soa(zone, 1800, 1800), "a.test");
            Assert.Equal(0u, entry.Lifetime);
            Assert.Empty(Steps.Reply(entry, MessageBuilder.Query("a.test")).Authority);
        }
    }

    [Fact]
    public void A8_the_right_SOA_behind_a_foreign_one_is_found()
    {
        OracleMessage reply = Kept(MessageBuilder.Response("a.test", rcode: 3).Soa("evil.test", 9, 9).Soa("test", 60, 60).Soa(".", 8, 8));
        Assert.Equal("test.", Assert.Single(reply.Authority).Owner);
        Assert.Equal(60u, reply.Authority[0].Ttl);
    }

    [Fact]
    public void A_chain_of_aliases_is_followed_to_its_end()
    {
        OracleMessage reply = Kept(MessageBuilder.Response("a.test")
            .Answer("a.test", T.Cname, 60, "b.test").Answer("b.test", T.Cname, 60, "c.example").Answer("c.example", T.A, 60, 10, 0, 0, 1));
        Assert.Equal(["a.test.", "b.test.", "c.example."], Owners(reply));
    }

    [Fact]
    public void A8_a_chain_in_any_order_is_followed()
    {
        MessageBuilder Permuted(params int[] order)
        {
            MessageBuilder response = MessageBuilder.Response("a.test");
            foreach (int i in order)
                _ = i < 3 ? response.Answer($"{"abc"[i]}.test", T.Cname, 60, $"{"bcd"[i]}.test") : response.Answer("d.test", T.A, 60, 10, 0, 0, 1);
            return response;
        }

        string[] all = ["a.test.", "b.test.", "c.test.", "d.test."];
        Assert.Equal(all, Owners(Kept(Permuted(0, 1, 2, 3))).Order());
        Assert.Equal(all, Owners(Kept(Permuted(3, 2, 1, 0))).Order());
        Assert.Equal(all, Owners(Kept(Permuted(2, 0, 3, 1))).Order());
    }

    [Fact]
    public void A8_only_the_addresses_at_the_end_of_the_chain_are_taken()
    {
        OracleMessage reply = Kept(MessageBuilder.Response("a.test")
            .Answer("a.test", T.Cname, 60, "b.test").Answer("b.test", T.A, 60, 10, 0, 0, 1).Answer("c.test", T.A, 60, 6, 6, 6, 6));
        Assert.Equal(["a.test.", "b.test."], Owners(reply));
    }

    [Fact]
    public void Of_two_aliases_for_one_name_the_first_counts()
    {
        OracleMessage reply = Kept(MessageBuilder.Response("a.test")
            .Answer("a.test", T.Cname, 60, "b.test").Answer("a.test", T.Cname, 60, "c.test")
            .Answer("b.test", T.A, 60, 10, 0, 0, 1).Answer("c.test", T.A, 60, 10, 0, 0, 2));
        Assert.Equal(["a.test.", "b.test."], Owners(reply));
    }

    [Fact]
    public void An_alias_that_was_asked_for_is_the_answer_and_not_followed()
    {
        OracleMessage reply = Kept(
            MessageBuilder.Response("a.test", T.Cname).Answer("a.test", T.Cname, 60, "b.test").Answer("b.test", T.Cname, 60, "c.test"), type: T.Cname);
        Assert.Equal(["a.test."], Owners(reply));
    }

    [Theory]
    [InlineData("a.test", "a.test")]
    [InlineData("a.test", "b.test", "b.test", "a.test")]
    [InlineData("a.test", "b.test", "b.test", "c.test", "c.test", "b.test")]
    public void A8_loops_of_aliases_end_and_are_not_stored(params string[] links)
    {
        MessageBuilder response = MessageBuilder.Response("a.test");
        for (int i = 0; i < links.Length; i += 2)
            response.Answer(links[i], T.Cname, 60, links[i + 1]);
        CacheEntry entry = Steps.Entry(response, "a.test");
        Assert.Equal(0u, entry.Lifetime);
        Assert.InRange(Steps.Reply(entry, MessageBuilder.Query("a.test")).Answers.Count, 1, links.Length / 2);
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(16, true)]
    [InlineData(17, false)]
    [InlineData(500, false)]
    public void A_chain_of_more_than_16_aliases_is_the_servers_failure(int aliases, bool isFollowed)
    {
        MessageBuilder response = MessageBuilder.Response("c0.test");
        for (int i = 0; i < aliases; i++)
            response.Answer($"c{i}.test", T.Cname, 60, $"c{i + 1}.test");
        response.Answer($"c{aliases}.test", T.A, 60, 10, 0, 0, 1);
        Assert.Equal(isFollowed ? ResponseVerdict.Answered : ResponseVerdict.Failed, Steps.Read(response, "c0.test", out CacheEntry entry));
        if (isFollowed)
            Assert.Equal(aliases + 1, Steps.Reply(entry, MessageBuilder.Query("c0.test")).Answers.Count);
    }

    [Fact]
    public void Signatures_are_for_clients_that_set_DO()
    {
        byte[] signature = [0, 1, 13, 2, .. new byte[14], 0, 7, 7];
        MessageBuilder Signed() => Address().Answer("a.test", T.Rrsig, 60, signature).Answer("other.test", T.Rrsig, 60, signature);
        Assert.Equal([T.A], Kept(Signed()).Answers.Select(record => record.Type));
        OracleMessage reply = Kept(Signed(), flags: KeyFlags.DnssecOk);
        Assert.Equal([T.A, T.Rrsig], reply.Answers.Select(record => record.Type));
        Assert.Equal(signature, reply.Answers[1].RawData);
    }

    [Fact]
    public void P17_proofs_of_absence_are_passed_to_clients_that_set_DO_and_to_no_others()
    {
        MessageBuilder Denied() => MessageBuilder.Response("a.test", rcode: 3).Soa("test", 60, 60).Authority("0.test", T.Nsec, 60, "z.test", 0, 1, 0x40);
        Assert.Equal([T.Soa], Kept(Denied()).Authority.Select(record => record.Type));
        Assert.Equal([T.Soa, T.Nsec], Kept(Denied(), flags: KeyFlags.DnssecOk).Authority.Select(record => record.Type));
    }
}

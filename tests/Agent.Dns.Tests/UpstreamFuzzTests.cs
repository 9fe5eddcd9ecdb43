using System.Diagnostics;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Whatever an upstream sends: no exception, and what is taken from it is well formed and about the question (A6, A8, A9).</summary>
public class UpstreamFuzzTests
{
    private const string Name = "www.example.test";
    private static readonly TimeSpan _budget = TimeSpan.FromSeconds(2);

    private readonly UpstreamResponse _response = new(Steps.Limits);

    private static byte[][] Seeds()
    {
        MessageBuilder Start(ushort type = T.A, int rcode = 0) =>
            new MessageBuilder().Id(0x1234).Flags(0x8180 | rcode).Compressed().Question(Name, type);
        return
        [
            Start().Answer(Name, T.A, 60, 10, 0, 0, 1).Answer(Name, T.A, 90, 10, 0, 0, 2).Opt().Build(),
            Start().Answer(Name, T.Cname, 60, "web.example.test").Answer("web.example.test", T.Cname, 60, "cdn.test").Answer("cdn.test", T.A, 60, 10, 0, 0, 1).Build(),
            Start(rcode: 3).Soa("example.test", 60, 60).Authority("a.example.test", T.Nsec, 60, "z.example.test", 0, 1, 0x40).Build(),
            Start(rcode: 3).Answer(Name, T.Cname, 60, "gone.example.test").Soa("example.test", 60, 60).Build(),
            Start().Authority("example.test", T.Ns, 60, "ns.example.test").Additional("ns.example.test", T.A, 60, 10, 0, 0, 3).Build(),
            Start(T.Any).Answer(Name, T.Mx, 60, 0, 1, "mx.example.test").Answer(Name, T.Srv, 60, 0, 1, 0, 1, 0, 1, "mx.example.test").Answer(Name, T.Txt, 60, 1, 65).Build(),
            Start(T.Any).Answer(Name, T.Soa, 60, "ns.example.test", "admin.example.test", new byte[20]).Answer(Name, T.Rrsig, 60, new byte[20]).Build(),
        ];
    }

    private static void Mutate(byte[] message, Random random)
    {
        for (int changes = random.Next(1, 6); changes > 0; changes--)
        {
            int position = random.Next(4) == 0 ? random.Next(12) : random.Next(34, message.Length);
            message[position] = random.Next(6) switch
            {
                0 => 0xC0,
                1 => 0,
                2 => (byte)random.Next(message.Length), // where a pointer might lead
                3 => (byte)(message[position] ^ (1 << random.Next(8))),
                4 => message[random.Next(message.Length)],
                _ => (byte)random.Next(256),
            };
        }
    }

    private static ushort TypeOf(byte[] message) => (ushort)((message[30] << 8) | message[31]);

    private static void CheckAccepted(CacheEntry entry, ushort type, KeyFlags flags, string name = Name)
    {
        MessageBuilder query = MessageBuilder.Query(name, type);
        if (flags == KeyFlags.DnssecOk)
            query.Opt(flags: 0x8000);
        OracleMessage reply = Steps.Reply(entry, query);
        Assert.Contains(reply.Rcode, new[] { 0, 3 });
        Assert.DoesNotContain(reply.Additional, record => record.Type != T.Opt);

        // Every owner in the answer is reachable from the QNAME by the aliases that are there.
        HashSet<string> chain = [name + "."];
        for (int before = 0; before < chain.Count;)
        {
            before = chain.Count;
            foreach (OracleRecord record in reply.Answers.Where(record => record.Type == T.Cname && chain.Contains(record.Owner)))
                chain.Add(record.Data);
        }

        Assert.All(reply.Answers, record =>
        {
            Assert.Contains(record.Owner, chain);
            Assert.Equal(1, record.Class);
            Assert.True(type == T.Any || record.Type == type || record.Type == T.Cname || (flags == KeyFlags.DnssecOk && record.Type == T.Rrsig));
        });
        Assert.All(reply.Authority, record =>
            Assert.True(record.Type == T.Soa || (flags == KeyFlags.DnssecOk && record.Type is T.Rrsig or T.Nsec or 50)));
        Assert.InRange(entry.Lifetime, 0u, 3600u);
    }

    [Fact]
    public void A9_every_change_of_one_byte_of_an_answer_gives_a_verdict()
    {
        foreach (byte[] seed in Seeds())
        {
            ushort type = TypeOf(seed);
            byte[] key = Steps.Key(Name, type);
            for (int position = 0; position < seed.Length; position++)
            {
                byte original = seed[position];
                for (int value = 0; value < 256; value++)
                {
                    seed[position] = (byte)value;
                    if (_response.Read(seed, key, 0, out CacheEntry entry) == ResponseVerdict.Answered && value % 16 == original % 16)
                        CheckAccepted(entry, type, KeyFlags.None);
                }

                seed[position] = original;
            }
        }
    }

    [Fact]
    public void A9_mutated_answers_give_a_verdict_and_what_is_accepted_is_the_alias_chain_alone()
    {
        byte[][] seeds = Seeds();
        Random random = new(20240518);
        Stopwatch watch = Stopwatch.StartNew();
        int[] verdicts = new int[(int)ResponseVerdict.WithoutAaaa]; // which needs DNS64, and is the last
        // The order of the mutations is always the same; a slow machine merely does fewer of them.
        for (int round = 0; round < 200_000 && (round % 256 != 0 || watch.Elapsed < _budget); round++)
        {
            byte[] message = [.. seeds[random.Next(seeds.Length)]];
            ushort type = TypeOf(message);
            KeyFlags flags = random.Next(2) == 0 ? KeyFlags.None : KeyFlags.DnssecOk;
            Mutate(message, random);
            int length = random.Next(8) == 0 ? random.Next(message.Length) : message.Length;
            ResponseVerdict verdict = _response.Read(message.AsSpan(0, length), Steps.Key(Name, type, flags), 0, out CacheEntry entry);
            verdicts[(int)verdict]++;
            Assert.Equal(verdict != ResponseVerdict.Answered, entry.IsNone);
            if (verdict == ResponseVerdict.Answered)
                CheckAccepted(entry, type, flags);
        }

        Assert.All(verdicts, count => Assert.True(count > 0, "a verdict was never given: the mutations have lost their point"));
    }

    /// <summary>The same for what was asked in another's place: under another name, behind an alias, and A for AAAA.</summary>
    [Fact]
    public void A9_mutated_answers_to_a_detour_are_given_under_the_name_and_type_that_the_client_asked_for()
    {
        const string client = "a.client.test";
        byte[][] seeds = [.. Seeds().Where(seed => TypeOf(seed) == T.A)];
        UpstreamResponse reader = new(Steps.Limits, new Dns64(System.Net.IPNetwork.Parse("64:ff9b::/96"), [], [[0]]));
        byte[] asked = Steps.Key(Name);
        byte[] alias = [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 18, .. MessageBuilder.Name(Name)];
        Detour[] detours = [new() { Asked = asked, RewrittenLength = 13 }, new() { Asked = asked, Aliases = alias, AliasTtl = 9 }];
        Random random = new(20240519);
        Stopwatch watch = Stopwatch.StartNew();
        int[] accepted = new int[4];
        for (int round = 0; round < 100_000 && (round % 256 != 0 || watch.Elapsed < _budget); round++)
        {
            byte[] message = [.. seeds[random.Next(seeds.Length)]];
            Mutate(message, random);
            int kind = random.Next(4);
            ushort type = kind < 2 ? T.A : T.Aaaa;
            if (reader.Read(message, new Question(Steps.Key(client, type), detours[kind % 2]), 0, out CacheEntry entry) != ResponseVerdict.Answered)
                continue;
            accepted[kind]++;
            CheckAccepted(entry, type, KeyFlags.None, client);
        }

        Assert.All(accepted, count => Assert.True(count > 100));
    }

    [Fact]
    public void A9_random_records_give_a_verdict()
    {
        Random random = new(3);
        byte[] head = MessageBuilder.Response(Name).Build();
        byte[] message = new byte[600];
        for (int round = 0; round < 20_000; round++)
        {
            random.NextBytes(message);
            head.CopyTo(message, 0);
            message[7] = (byte)random.Next(4);
            message[9] = (byte)random.Next(2);
            for (int i = head.Length; i < message.Length; i++)
                message[i] = random.Next(3) == 0 ? (byte)0 : random.Next(5) == 0 ? (byte)0xC0 : message[i];
            if (_response.Read(message, Steps.Key(Name), 0, out CacheEntry entry) == ResponseVerdict.Answered)
                CheckAccepted(entry, T.A, KeyFlags.None);
        }
    }
}

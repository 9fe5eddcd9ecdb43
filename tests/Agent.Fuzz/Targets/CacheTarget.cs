using Agent.Dns;
using Agent.Dns.Tests.Support;

namespace Agent.Fuzz.Targets;

/// <summary>An upstream's answer, given to one client at once and to another from the cache, some time later.</summary>
internal static class CacheTarget
{
    private static readonly UpstreamResponse _reader = new(Subject.Limits);

    public static int Run(byte[] input)
    {
        Tape tape = new(input);
        ushort type = tape.OneOf<ushort>(T.A, T.A, T.Aaaa, T.Txt, T.Mx, T.Srv, T.Cname, T.Any, 65280);
        bool wantsDnssec = tape.OneIn(3);
        bool isUdp = type != T.Any && tape.OneIn(2);
        int? size = wantsDnssec || tape.OneIn(2) ? tape.OneOf(1232, 512, 900) : null;
        byte[] key = Subject.Key("www.example.test", type, wantsDnssec ? KeyFlags.DnssecOk : KeyFlags.None);
        if (_reader.Read(Messages.Response(tape, "www.example.test", type), key, now: 0, out CacheEntry entry) != ResponseVerdict.Answered)
            return 0;

        ResponseCache cache = Subject.Cache();
        cache.Store(key, entry);
        Resolver resolver = Subject.Resolver(cache, isUdp);
        long later = tape.Below(3_600_000) % Math.Max(1, 1000L * entry.Lifetime);
        byte[] reply = new byte[isUdp ? 1232 : ushort.MaxValue];
        int length = resolver.Answer(Ask("wWw.eXample.test", 4711, type, size, wantsDnssec), later, reply, out Query query);
        FuzzFailure.Unless((length == Resolver.Forward) == (entry.Lifetime == 0), $"what has a lifetime is a hit, and what has none is a miss: {entry.Lifetime} s, {length} bytes");
        if (entry.Lifetime == 0)
            return 1;
        OracleMessage cached = OracleMessage.Decode(reply.AsSpan(0, length));

        resolver.Answer(Ask("www.example.test", 1, type, size, wantsDnssec), later, reply, out query);
        OracleMessage direct = OracleMessage.Decode(reply.AsSpan(0, resolver.AnswerWith(entry, ref query, 0, reply)));
        uint left = (uint)((1000L * entry.Lifetime - later + 999) / 1000);
        Compare(direct, cached, left);
        FuzzFailure.Unless(cached.Id == 4711 && cached.QuestionBytes.AsSpan(1, 3).SequenceEqual("wWw"u8), "the second client sees its own ID and letters");
        return 2 + Subject.Shape(cached);
    }

    private static byte[] Ask(string name, int id, ushort type, int? size, bool wantsDnssec)
    {
        MessageBuilder query = MessageBuilder.Query(name, type, (ushort)id);
        return (size is { } bytes ? query.Opt(bytes, flags: wantsDnssec ? 0x8000 : 0) : query).Build();
    }

    private static void Compare(OracleMessage direct, OracleMessage cached, uint ttl)
    {
        FuzzFailure.Unless(direct.Rcode == cached.Rcode && direct.TC == cached.TC && direct.RD == cached.RD, "RCODE and flags are the same");
        // Rotation changes the order of the addresses and of nothing else.
        FuzzFailure.Unless(Texts(direct.Answers).Order().SequenceEqual(Texts(cached.Answers).Order()), "the answers are the same");
        FuzzFailure.Unless(
            Texts(direct.Answers.Where(record => record.Type is not (T.A or T.Aaaa))).SequenceEqual(Texts(cached.Answers.Where(record => record.Type is not (T.A or T.Aaaa)))),
            "aliases keep their order");
        FuzzFailure.Unless(Texts(direct.Authority).SequenceEqual(Texts(cached.Authority)), "the authority section is the same");
        FuzzFailure.Unless((direct.Opt == null) == (cached.Opt == null), "an OPT is in both or in none");
        FuzzFailure.Unless(cached.Answers.Concat(cached.Authority).All(record => record.Ttl == ttl), $"every TTL is the {ttl} s that are left");
    }

    private static IEnumerable<string> Texts(IEnumerable<OracleRecord> records) => records.Select(record => record.Text);
}

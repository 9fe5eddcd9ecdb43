using Agent.Dns.Tests.Support;

namespace Agent.Fuzz;

/// <summary>Builds queries and responses from a tape: right ones mostly, and wrong in every part now and then.</summary>
internal static class Messages
{
    private static readonly string[] _names =
    [
        "www.example.test", "example.test", "web.example.test", "test", "", "localhost", "x.invalid", "WwW.Example.TEST", "cdn.other", "a.b.c.d.e.f.g.example.test",
        "kubernetes.default.svc.cluster.local", new string('l', 63) + ".example.test",
    ];

    private static readonly ushort[] _types = [T.A, T.Aaaa, T.Txt, T.Cname, T.Soa, T.Mx, T.Srv, T.Ns, T.Ptr, T.Https, T.Any, T.Rrsig, 65280, 252, 251, T.Opt, 0];

    public static byte[] Query(Tape tape)
    {
        if (tape.OneIn(8))
            return tape.Rest();
        MessageBuilder query = new MessageBuilder().Id(tape.Byte() << 8).Flags(tape.OneIn(6) ? (tape.Byte() << 8) | tape.Byte() : 0x0100);
        ushort type = tape.OneOf(_types);
        ushort @class = tape.OneIn(12) ? tape.OneOf<ushort>(3, 255, 254, 0) : (ushort)1;
        if (tape.OneIn(10))
            query.Counts(1, 0, 0, 0).Raw(tape.Bytes(tape.Below(80)));
        else
            query.Question(Name(tape), type, @class);
        for (int left = tape.Below(3); left > 0; left--)
            AddOpt(tape, query);
        if (tape.OneIn(16))
            query.Answer(Name(tape), T.A, 1, 1, 2, 3, 4);
        return Damage(tape, query);
    }

    /// <summary>A response to a question; its records are of that name, of names near it, and of others.</summary>
    public static byte[] Response(Tape tape, string name, ushort type)
    {
        if (tape.OneIn(24))
            return [.. MessageBuilder.Response(name, type).Counts(1, tape.Byte(), tape.Byte(), 0).Build(), .. tape.Rest()];
        MessageBuilder response = MessageBuilder.Response(name, type, tape.OneOf(0, 0, 0, 3, 3, 2, 5));
        if (tape.OneIn(2))
            response = response.Compressed();
        if (tape.OneIn(12))
            response.Flags((tape.Byte() << 8) | tape.Byte());
        string owner = name;
        int count = tape.OneIn(16) ? 4 * tape.Byte() : tape.Below(9);
        for (int i = 0; i < count && response.Length < 60_000; i++)
            owner = AddRecord(tape, response, name, type, owner);
        if (tape.OneIn(3))
            response.Opt(1232, 0, tape.OneIn(4) ? tape.Byte() << 8 : 0);
        return Damage(tape, response);
    }

    public static string Name(Tape tape) => tape.OneIn(8)
        ? string.Join('.', Enumerable.Range(0, tape.Below(5)).Select(_ => tape.Text(1 + tape.Below(40)).Replace('.', '-')))
        : tape.OneOf(_names);

    /// <returns>The name that the next record may continue with: an alias's target.</returns>
    private static string AddRecord(Tape tape, MessageBuilder response, string name, ushort type, string owner)
    {
        string target = tape.OneOf("web.example.test", "cdn.other", "a." + name, name, "gone.example.test");
        string of = tape.OneOf(owner, owner, owner, name, Name(tape));
        uint ttl = tape.OneOf(60u, 300u, 1u, 0u, 86_400u, 0x8000_0000u, uint.MaxValue);
        switch (tape.Below(10))
        {
            case 0 or 1:
                response.Answer(of, type == T.Any ? T.A : type, ttl, DataOf(tape, type));
                return owner;
            case 2:
                response.Answer(of, T.Cname, ttl, target);
                return target;
            case 3:
                response.Soa(tape.OneOf("example.test", "test", "", "other", name), ttl, ttl);
                return owner;
            case 4:
                response.Authority(of, T.Nsec, ttl, target, 0, 1, 0x40);
                return owner;
            case 5:
                response.Authority(tape.OneOf("example.test", "test", of), T.Ns, ttl, target);
                return owner;
            case 6:
                response.Additional(target, T.A, ttl, 10, 0, 0, 1);
                return owner;
            case 7:
                response.Answer(of, T.Rrsig, ttl, tape.Bytes(tape.Below(24)));
                return owner;
            case 8:
                response.AnswerOfClass(tape.OneOf<ushort>(1, 1, 3, 255), of, tape.OneOf(_types), ttl, tape.Bytes(tape.Below(40)));
                return owner;
            default:
                response.Answer(of, type, ttl, DataOf(tape, type));
                return owner;
        }
    }

    private static object[] DataOf(Tape tape, ushort type) => type switch
    {
        T.A => [10, 0, 0, (int)tape.Byte()],
        T.Aaaa => [new byte[15], (int)tape.Byte()],
        T.Cname or T.Ns or T.Ptr => [Name(tape)],
        T.Mx => [0, 10, Name(tape)],
        T.Srv => [new byte[6], Name(tape)],
        T.Soa => [Name(tape), Name(tape), new byte[20]],
        T.Any => [10, 0, 0, 1],
        _ => [tape.OneIn(12) ? new byte[8 * tape.Byte()] : tape.Bytes(tape.Below(64))],
    };

    private static void AddOpt(Tape tape, MessageBuilder query)
    {
        int options = tape.Below(4);
        List<byte> bytes = [];
        for (int i = 0; i < options; i++)
            bytes.AddRange(MessageBuilder.Option(tape.OneOf(8, 10, 11, 12, 15, 65001), tape.OneOf(0, 8, 2, 7, 16, 40, 41)));
        if (tape.OneIn(8))
            bytes.AddRange(tape.Bytes(tape.Below(12)));
        query.Opt(
            tape.OneOf(1232, 512, 0, 511, 4096, 65535, 513, 1 + tape.Byte()),
            tape.OneIn(8) ? tape.Byte() : 0,
            tape.OneOf(0, 0x8000, 0x0080),
            [.. bytes]);
    }

    private static byte[] Damage(Tape tape, MessageBuilder message)
    {
        byte[] bytes = message.Build();
        for (int changes = tape.OneIn(3) ? 1 + tape.Below(4) : 0; changes > 0; changes--)
        {
            int at = tape.OneIn(2) ? tape.Below(12) : tape.Below(bytes.Length);
            bytes[at] = tape.OneOf(tape.Byte(), (byte)0xC0, (byte)0, (byte)(at - 2), (byte)0xFF);
        }

        return tape.OneIn(10) ? bytes[..tape.Below(bytes.Length)] : tape.OneIn(16) ? [.. bytes, .. tape.Bytes(tape.Below(20))] : bytes;
    }
}

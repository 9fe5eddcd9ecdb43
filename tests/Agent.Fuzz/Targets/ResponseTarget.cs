using System.Diagnostics;
using Agent.Dns;
using Agent.Dns.Tests.Support;

namespace Agent.Fuzz.Targets;

/// <summary>An upstream's message, to <see cref="UpstreamResponse.Read"/> and on to a client.</summary>
internal static class ResponseTarget
{
    private const int LongestMilliseconds = 100; // for 64 KiB; what grows with the square takes seconds
    private static readonly UpstreamResponse _reader = new(Subject.Limits);
    private static readonly UpstreamCookie _cookie = new();

    public static int Run(byte[] input)
    {
        Tape tape = new(input);
        string name = tape.OneOf("www.example.test", "example.test", "a.b.c.d.e.f.g.example.test");
        ushort type = tape.OneOf(T.A, T.A, T.Aaaa, T.Txt, T.Mx, T.Srv, T.Cname, T.Soa, T.Ns, T.Any, T.Https);
        KeyFlags flags = tape.OneIn(3) ? KeyFlags.DnssecOk : KeyFlags.None;
        int size = tape.OneOf(1232, 512, 65535, 700);
        byte[] response = tape.OneIn(20) ? Repeated(tape, name, type) : Messages.Response(tape, name, type);

        ResponseVerdict verdict = Read(response, Subject.Key(name, type, flags), out CacheEntry entry);
        FuzzFailure.Unless(entry.IsNone == (verdict != ResponseVerdict.Answered), "there is an entry where the verdict is an answer, and only there");
        return verdict == ResponseVerdict.Answered ? 8 + CheckReplies(response, entry, new Question(name, type, flags), size) : (int)verdict;
    }

    /// <summary>A message as long as TCP allows, of one record again and again: what is not linear shows here.</summary>
    private static byte[] Repeated(Tape tape, string name, ushort type)
    {
        byte[] head = MessageBuilder.Response(name, type, tape.OneOf(0, 3)).Build();
        byte[] record =
        [
            .. tape.OneIn(2) ? MessageBuilder.Pointer(12) : MessageBuilder.Name(Messages.Name(tape)),
            .. MessageBuilder.U16(tape.OneOf(type, T.Cname, T.Nsec, T.Soa)), 0, 1, 0, 0, 0, 60, .. MessageBuilder.U16(tape.Below(40)), .. tape.Bytes(40),
        ];
        int length = record.Length - tape.Below(40);
        List<byte> message = [.. head];
        int count = 0;
        for (; message.Count + length < 65_535; count++)
            message.AddRange(record[..length]);
        int answers = tape.OneIn(2) ? count : 0;
        (message[6], message[7], message[8], message[9]) = ((byte)(answers >> 8), (byte)answers, (byte)((count - answers) >> 8), (byte)(count - answers));
        return [.. message];
    }

    private static ResponseVerdict Read(byte[] response, byte[] key, out CacheEntry entry)
    {
        // The machine may be busy: only what is slow each time is slow.
        for (int attempt = 0; ; attempt++)
        {
            long start = Stopwatch.GetTimestamp();
            ResponseVerdict verdict = _reader.Read(response, key, now: 0, out entry);
            if (response.Length >= Header.Size)
                _cookie.Accepts(response);
            if (Stopwatch.GetElapsedTime(start).TotalMilliseconds < LongestMilliseconds)
                return verdict;
            FuzzFailure.Unless(attempt < 5, $"{response.Length} bytes take longer than {LongestMilliseconds} ms, five times");
        }
    }

    private static int CheckReplies(byte[] response, CacheEntry entry, Question question, int size)
    {
        FuzzFailure.Unless(entry.Lifetime <= Subject.Limits.MaxTtl, "no lifetime is above the limit");
        MessageBuilder query = MessageBuilder.Query(question.Name, question.Type).Opt(size, flags: question.Flags == KeyFlags.DnssecOk ? 0x8000 : 0);
        Query.TryParse(query.Build(), new byte[Query.MaxKeyLength], out Query parsed);
        byte[] reply = new byte[ushort.MaxValue];
        OracleMessage whole = OracleMessage.Decode(reply.AsSpan(0, entry.WriteTo(parsed, 0, reply)));
        CheckBailiwick(whole, question);
        CheckTruth(response, whole);

        int length = entry.WriteTo(parsed, 0, reply.AsSpan(0, size));
        OracleMessage bounded = OracleMessage.Decode(reply.AsSpan(0, length));
        FuzzFailure.Unless(length <= size, "a reply fits its room");
        FuzzFailure.Unless(bounded.TC ? bounded.Answers.Count + bounded.Authority.Count == 0 : bounded.Answers.Count == whole.Answers.Count, "TC and no record, or all of them");
        return Subject.Shape(whole) * 2 + (bounded.TC ? 1 : 0);
    }

    /// <summary>A8: the alias chain from the QNAME, the QTYPE at its end, and for an absence the SOA around it.</summary>
    private static void CheckBailiwick(OracleMessage reply, Question question)
    {
        HashSet<string> chain = [question.Name + "."];
        for (int before = 0; before < chain.Count;)
        {
            before = chain.Count;
            chain.UnionWith(reply.Answers.Where(record => record.Type == T.Cname && chain.Contains(record.Owner)).Select(record => record.Data).ToArray());
        }

        bool isSigned = question.Flags == KeyFlags.DnssecOk;
        foreach (OracleRecord record in reply.Answers)
        {
            FuzzFailure.Unless(chain.Contains(record.Owner), $"{record.Owner} is not on the way from the QNAME");
            FuzzFailure.Unless(
                record.Type == question.Type || question.Type == T.Any || record.Type == T.Cname || (isSigned && record.Type == T.Rrsig),
                $"type {record.Type} does not answer type {question.Type}");
        }

        FuzzFailure.Unless(reply.Answers.Concat(reply.Authority).All(record => record.Class == 1), "a record has the class of the question");
        foreach (OracleRecord record in reply.Authority)
        {
            FuzzFailure.Unless(record.Type == T.Soa || (isSigned && record.Type is T.Rrsig or T.Nsec or 50), $"type {record.Type} in the authority section");
            FuzzFailure.Unless(record.Type != T.Soa || chain.Any(name => record.Owner == "." || ("." + name).EndsWith("." + record.Owner, StringComparison.Ordinal)), "the SOA is of another zone");
        }

        FuzzFailure.Unless(reply.Additional.All(record => record.Type == T.Opt), "something besides OPT in the additional section");
    }

    /// <summary>Every record is one that the upstream sent, its names and data unchanged.</summary>
    private static void CheckTruth(byte[] response, OracleMessage reply)
    {
        OracleMessage said;
        try
        {
            said = OracleMessage.Decode(response);
        }
        catch (FormatException)
        {
            return; // the product may be content with a message that has something behind it
        }

        HashSet<string> records = [.. said.Answers.Concat(said.Authority).Select(record => record.Text)];
        foreach (OracleRecord record in reply.Answers.Concat(reply.Authority))
            FuzzFailure.Unless(records.Contains(record.Text), $"'{record.Text}' is no record that the upstream sent");
    }

    private sealed record Question(string Name, ushort Type, KeyFlags Flags);
}

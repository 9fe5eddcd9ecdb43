using Agent.Dns;
using Agent.Dns.Tests.Support;

namespace Agent.Fuzz.Targets;

/// <summary>A client's datagram or message, to <see cref="Resolver.Answer"/>.</summary>
internal static class QueryTarget
{
    private const long Now = 1_000_000;
    private const int Datagram = 1232;
    private static readonly ResponseCache _cache = FilledCache();

    public static int Run(byte[] input)
    {
        Tape tape = new(input);
        bool isUdp = !tape.OneIn(3);
        byte[] message = Messages.Query(tape);
        byte[] reply = Answer(message, isUdp, 0x00, out bool isForwarded);
        byte[] again = Answer(message, isUdp, 0xFF, out _);
        FuzzFailure.Unless(reply.AsSpan().SequenceEqual(again), "the reply depends on bytes around the query, or on what was in the reply's buffer");
        if (reply.Length == 0)
        {
            FuzzFailure.Unless(message.Length < 12 || (message[2] & 0x80) != 0, "silence for a query with a whole header");
            return isUdp ? 1 : 2;
        }

        OracleMessage answer = OracleMessage.Decode(reply);
        FuzzFailure.Unless(answer.IsResponse && !answer.AA && !answer.AD && !answer.Z && answer.RA, "a reply has QR and RA, and neither AA nor AD nor Z");
        FuzzFailure.Unless(answer.Id == (message[0] << 8 | message[1]) && answer.Opcode == (message[2] >> 3 & 15), "a reply has the ID and the opcode of its query");
        FuzzFailure.Unless(answer.RD == ((message[2] & 1) != 0), "a reply has RD as its query");
        FuzzFailure.Unless(answer.QuestionCount == 0 || message.AsSpan(12).StartsWith(answer.QuestionBytes), "a reply repeats its question byte for byte");
        CheckOpt(message, answer, isUdp, reply.Length);
        return 4 + (Subject.Shape(answer) * 4) + (isUdp ? 1 : 0) + (isForwarded ? 2 : 0);
    }

    private static void CheckOpt(byte[] message, OracleMessage answer, bool isUdp, int length)
    {
        FuzzFailure.Unless(answer.Opt == null || (answer.Opt.Ttl >> 16 & 0xFF) == 0, "an OPT has version 0");
        FuzzFailure.Unless(!isUdp || length <= Datagram, "a UDP reply has 1232 bytes at the most");
        try
        {
            OracleRecord? opt = OracleMessage.Decode(message).Opt;
            FuzzFailure.Unless(!isUdp || length <= Math.Max(512, opt?.Class ?? 512), "a UDP reply is no longer than the client takes");
            FuzzFailure.Unless(answer.Opt == null || opt != null, "only a query with an OPT gets one");
        }
        catch (Exception error) when (error is FormatException or InvalidOperationException)
        {
            // No message, or one with two OPT records: then no more is known of it.
        }
    }

    /// <param name="around">What stands before and behind the query, and in the reply's room.</param>
    private static byte[] Answer(byte[] message, bool isUdp, byte around, out bool isForwarded)
    {
        byte[] room = new byte[message.Length + 32];
        room.AsSpan().Fill(around);
        message.CopyTo(room, 16);
        byte[] reply = new byte[isUdp ? Datagram : ushort.MaxValue];
        reply.AsSpan().Fill(around);
        Resolver resolver = Subject.Resolver(_cache, isUdp);
        int length = resolver.Answer(room.AsSpan(16, message.Length), Now, reply, out Query query);
        isForwarded = length == Resolver.Forward;
        if (isForwarded)
            length = resolver.AnswerWithoutUpstream(ref query, Now, reply);
        FuzzFailure.Unless(length >= 0, $"{length} is no length");
        return reply[..length];
    }

    private static ResponseCache FilledCache()
    {
        ResponseCache cache = Subject.Cache();
        Subject.Fill(cache, Now);
        return cache;
    }
}

using Agent.Tests.Support;

namespace Agent.Tests.Serving;

/// <summary>Messages that no client sends, and what they get: an RCODE, or silence.</summary>
internal static class HostilePackets
{
    /// <summary>For what gets no reply.</summary>
    public const int Silence = -1;

    private const int FormErr = 1;

    public static IEnumerable<(string What, byte[] Message, int Expected)> All()
    {
        byte[] query = (DnsMessage.Query("www.example.test") with { Id = 0x1234 }).ToBytes();
        byte[] header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];

        yield return ("P3 no opcode but QDCOUNT 2", Convert.FromHexString("123401000002000000000000"), FormErr);
        yield return ("P3 QDCOUNT 0", Convert.FromHexString("123401000000000000000000"), FormErr);
        yield return ("P3 two questions", [.. With(query, 5, 2), .. query[12..]], FormErr);
        yield return ("P4 a response", With(query, 2, 0x81), Silence);
        yield return ("P4 a response, header alone", Convert.FromHexString("123481800000000000000000"), Silence);
        for (int length = 0; length < 12; length++)
            yield return ($"P4 {length} bytes", query[..length], Silence);
        yield return ("P5 no question", header, FormErr);
        for (int length = 13; length < query.Length; length++)
            yield return ($"P5 question cut at {length}", query[..length], FormErr);
        yield return ("P5 trailing byte", [.. query, 0], FormErr);
        yield return ("P5 trailing 400 bytes", [.. query, .. new byte[400]], FormErr);
        yield return ("P5 an answer in a query", With(query, 7, 1), FormErr);
        yield return ("P5 an authority in a query", With(query, 9, 1), FormErr);

        byte[] opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
        yield return ("P22 two OPTs", [.. With(query, 11, 2), .. opt, .. opt], FormErr);
        yield return ("P22 OPT owned by a name", [.. With(query, 11, 1), 1, (byte)'a', .. opt], FormErr);
        yield return ("P22 OPT owned through a pointer", [.. With(query, 11, 1), 0xC0, 12, .. opt[1..]], FormErr);
        yield return ("P22 RDLEN overruns the message", [.. With(query, 11, 1), .. opt[..^1], 9], FormErr);
        yield return ("P22 option overruns RDLEN", [.. With(query, 11, 1), .. opt[..^1], 5, 0, 100, 0, 2, 0], FormErr);
        yield return ("P22 half an option", [.. With(query, 11, 1), .. opt[..^1], 3, 0, 100, 0], FormErr);
        yield return ("P22 OPT announced and missing", With(query, 11, 1), FormErr);
        yield return ("P27 a cookie of 7 bytes", [.. With(query, 11, 1), .. opt[..^1], 11, 0, 10, 0, 7, .. new byte[7]], FormErr);
        yield return ("P27 a cookie of 41 bytes", [.. With(query, 11, 1), .. opt[..^1], 45, 0, 10, 0, 41, .. new byte[41]], FormErr);

        yield return ("A9 a name that points to itself", [.. header, 0xC0, 12, 0, 1, 0, 1], FormErr);
        yield return ("A9 two pointers in a circle", [.. header, 0xC0, 14, 0xC0, 12, 0, 1, 0, 1], FormErr);
        yield return ("A9 a forward pointer", [.. header, 0xC0, 30, 0, 1, 0, 1, .. new byte[20]], FormErr);
        yield return ("A9 a label, then a pointer to it", [.. header, 1, (byte)'a', 0xC0, 12, 0, 1, 0, 1], FormErr);
        yield return ("A9 a label of 64 bytes", [.. header, 64, .. Filled(64), 0, 0, 1, 0, 1], FormErr);
        yield return ("A9 an extended label", [.. header, 0x41, .. Filled(65), 0, 0, 1, 0, 1], FormErr);
        yield return ("A9 a name of 256 bytes", [.. header, .. Labels(63, 63, 63, 62), 0, 0, 1, 0, 1], FormErr);
        yield return ("A9 128 labels", [.. header, .. Labels([.. Enumerable.Repeat(1, 128)]), 0, 0, 1, 0, 1], FormErr);
        yield return ("A9 all counts 65535", [.. query[..4], .. Enumerable.Repeat((byte)0xFF, 8), .. query[12..]], FormErr);
        yield return ("A9 ARCOUNT 65535", [.. With(With(query, 10, 0xFF), 11, 0xFF), .. opt], FormErr);
        yield return ("A9 additional whose owner is a loop", [.. With(query, 11, 1), 0xC0, (byte)query.Length, .. opt[1..]], FormErr);
        yield return ("A9 additional RDLEN 65535", [.. With(query, 11, 1), 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xFF, 0xFF], FormErr);
    }

    private static byte[] With(byte[] message, int offset, byte value)
    {
        byte[] changed = [.. message];
        changed[offset] = value;
        return changed;
    }

    private static byte[] Filled(int length) => [.. Enumerable.Repeat((byte)'x', length)];

    private static byte[] Labels(params int[] lengths) => [.. lengths.SelectMany(length => (byte[])[(byte)length, .. Filled(length)])];
}

using System.Globalization;
using System.Net;
using System.Text;
using Agent.Dns.Tests.Support;

namespace Agent.Soak;

/// <summary>One question and the whole truth about it.</summary>
/// <param name="Records">As the oracle prints them; empty where the name, or the type of it, does not exist.</param>
internal sealed record Question(string Name, ushort Type, int ResponseCode, uint Ttl, IReadOnlyList<string> Records);

/// <summary>The names of the soak: the truth about each follows from the name, so that a wrong answer is seen whoever gave it.</summary>
internal static class Names
{
    private const string Zone = "outside.test";
    private const int Addresses = 4_000;
    private const int Chains = 1_000;
    private const int Texts = 100; // larger than a UDP reply may be
    private const int OverTcp = 2_000; // asked of the upstreams over TCP

    /// <summary>A zone of its own in the agent's routes.</summary>
    public const string TcpZone = "tcp." + Zone;

    /// <summary>What the lab's zone needs besides what it has.</summary>
    public static IEnumerable<string> ZoneLines()
    {
        for (int i = 0; i < Addresses; i++)
            yield return $"a{i} {TtlOf(i)} A {Address(i)}";
        for (int i = 0; i < Chains; i++)
        {
            yield return $"c{i} 2 CNAME e{i}";
            yield return $"e{i} 3 CNAME a{i}";
        }

        for (int i = 0; i < Texts; i++)
            yield return $"big{i} 5 TXT {string.Join(' ', TextOf(i).Select(text => $"\"{text}\""))}";
        for (int i = 0; i < OverTcp; i++)
            yield return $"t{i}.tcp 3 A {Address(i)}";
    }

    /// <summary>Any of them, some far more often than others.</summary>
    public static Question Pick(Random random)
    {
        double skew = Math.Pow(random.NextDouble(), 3);
        return random.Next(20) switch
        {
            < 9 => AddressOf($"a{(int)(skew * Addresses)}", (int)(skew * Addresses)),
            < 12 => Chain((int)(skew * Chains)),
            < 13 => new Question($"big{(int)(skew * Texts)}.{Zone}", T.Txt, 0, 5, [Text((int)(skew * Texts))]),
            < 15 => new Question($"x{(int)(skew * 20_000)}.{Zone}", T.A, 3, 60, []),
            < 17 => new Question($"a{(int)(skew * Addresses)}.{Zone}", T.Aaaa, 0, 60, []),
            _ => AddressOf($"t{(int)(skew * OverTcp)}.tcp", (int)(skew * OverTcp)) with { Ttl = 3 },
        };
    }

    /// <returns>Null, or what is wrong with an answer that is no failure.</returns>
    public static string? Mistake(Question question, OracleMessage reply)
    {
        const uint StaleTtl = 30;
        string[] records = [.. reply.Answers.Select(record => record.Text).Order()];
        if (reply.Rcode != question.ResponseCode)
            return $"RCODE {reply.Rcode}, should be {question.ResponseCode}";
        if (!records.SequenceEqual(question.Records.Order()))
            return $"[{string.Join(", ", records)}], should be [{string.Join(", ", question.Records)}]";
        if (question.Records.Count == 0 && !reply.Authority.Exists(record => record.Type == T.Soa))
            return "a negative answer without its SOA";
        return reply.Answers.Concat(reply.Authority).All(record => record.Ttl <= Math.Max(question.Ttl, StaleTtl) || record.Type == T.Ns)
            ? null
            : $"a TTL above {question.Ttl}";
    }

    private static int TtlOf(int number) => 1 + number % 5;

    private static IPAddress Address(int number) => new([198, 19, (byte)(number >> 8), (byte)number]);

    private static string AddressText(string owner, int number) => $"{owner}.{Zone}. 1 1 {Convert.ToHexString(Address(number).GetAddressBytes())}";

    private static Question AddressOf(string owner, int number) => new($"{owner}.{Zone}", T.A, 0, (uint)TtlOf(number), [AddressText(owner, number)]);

    private static Question Chain(int number) => new(
        $"c{number}.{Zone}", T.A, 0, 5,
        [$"c{number}.{Zone}. 1 5 e{number}.{Zone}.", $"e{number}.{Zone}. 1 5 a{number}.{Zone}.", AddressText($"a{number}", number)]);

    private static IEnumerable<string> TextOf(int number) => Enumerable.Range(0, 8).Select(part => $"{number}-{part}-".PadRight(200, 'x'));

    private static string Text(int number)
    {
        StringBuilder data = new();
        foreach (string part in TextOf(number))
            data.Append(part.Length.ToString("X2", CultureInfo.InvariantCulture)).Append(Convert.ToHexString(Encoding.ASCII.GetBytes(part)));
        return $"big{number}.{Zone}. 1 16 {data}";
    }
}

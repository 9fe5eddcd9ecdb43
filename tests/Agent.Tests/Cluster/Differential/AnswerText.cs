using System.Buffers.Binary;
using System.Net;
using System.Text;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster.Differential;

/// <summary>A reply in words that can be compared: sections as sets, names in lower case, and no serial of an SOA, which is each server's own.</summary>
internal sealed record AnswerText(int ResponseCode, bool IsAuthoritative, string[] Answers, string[] Authority, string[] Additional)
{
    private const ushort AuthoritativeFlag = 0x0400;

    public static AnswerText Of(DnsMessage reply) => new(reply.ResponseCode, (reply.Flags & AuthoritativeFlag) != 0, Lines(reply.Answers), Lines(reply.Authority), Lines(reply.Additional));

    /// <summary>NOERROR without an answer.</summary>
    public bool IsNoData => ResponseCode == 0 && Answers.Length == 0;

    public bool IsNxDomain => ResponseCode == 3;

    /// <summary>For answers that may come from a cache.</summary>
    public AnswerText WithoutTtl() => this with { Answers = WithoutTtl(Answers), Authority = WithoutTtl(Authority), Additional = WithoutTtl(Additional) };

    public bool Equals(AnswerText? other) => other != null && ToString() == other.ToString();

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    public override string ToString() =>
        $"RCODE {ResponseCode}{(IsAuthoritative ? " AA" : "")} [{string.Join("; ", Answers)}] [{string.Join("; ", Authority)}] [{string.Join("; ", Additional)}]";

    private static string[] Lines(IReadOnlyList<ResourceRecord> records) =>
        [.. records.Where(record => record.Type != RR.Opt).Select(Line).Distinct().Order(StringComparer.Ordinal)];

    private static string[] WithoutTtl(string[] lines) => [.. lines.Select(line => line.Split(' ', 3)).Select(words => $"{words[0]} {words[2]}").Distinct().Order(StringComparer.Ordinal)];

    private static string Line(ResourceRecord record) => $"{record.Name} {record.Ttl} {record.Type} {Data(record)}".ToLowerInvariant();

    private static string Data(ResourceRecord record)
    {
        int at = record.Type == RR.Srv ? 6 : 0;
        switch (record.Type)
        {
            case RR.A or RR.Aaaa:
                return new IPAddress(record.Data).ToString();
            case RR.Cname or RR.Ptr or RR.Ns:
                return DnsMessage.ReadName(record.Data, ref at);
            case RR.Srv:
                return string.Join(' ', Enumerable.Range(0, 3).Select(field => BinaryPrimitives.ReadUInt16BigEndian(record.Data.AsSpan(2 * field)))) + " " + DnsMessage.ReadName(record.Data, ref at);
            case RR.Soa:
                string names = $"{DnsMessage.ReadName(record.Data, ref at)} {DnsMessage.ReadName(record.Data, ref at)}";
                return names + string.Concat(Enumerable.Range(1, 4).Select(field => $" {BinaryPrimitives.ReadUInt32BigEndian(record.Data.AsSpan(at + 4 * field))}"));
            case RR.Txt:
                return Encoding.Latin1.GetString(record.Data);
            default:
                return Convert.ToHexString(record.Data);
        }
    }
}

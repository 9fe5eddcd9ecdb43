using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>One entry of the cache, told in words.</summary>
/// <param name="Name">The QNAME, lower case, with its dot.</param>
/// <param name="Type">The QTYPE; <c>*</c> for a name that does not exist, whatever the type.</param>
/// <param name="Flags">DO and CD, where the query had them: such answers are kept apart.</param>
/// <param name="ResponseCode">NOERROR, NXDOMAIN; SERVFAIL for a kept failure.</param>
/// <param name="State">fresh, stale (expired, and given only when no upstream answers) or failure.</param>
/// <param name="TtlSeconds">Seconds until it expires; negative since it has.</param>
/// <param name="AgeSeconds">Seconds since it came.</param>
/// <param name="Bytes">Of memory.</param>
/// <param name="IsPopular">Whether it has been asked for again and again, so that it is renewed before it expires.</param>
/// <param name="Records">Answer and authority, as in a zone file.</param>
public sealed record CachedAnswer(
    string Name, string Type, string Flags, string ResponseCode, string State, double TtlSeconds, double AgeSeconds, int Bytes, bool IsPopular,
    IReadOnlyList<string> Records)
{
    /// <param name="now">Monotonic milliseconds.</param>
    internal static CachedAnswer Of(CacheEntry entry, bool isPopular, long now)
    {
        ReadOnlySpan<byte> message = entry.Message;
        ReadOnlySpan<byte> name = entry.Name;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(message[(Header.Size + name.Length)..]);
        long expiredFor = entry.ExpiredFor(now);
        return new CachedAnswer(
            DnsName.ToText(name),
            entry.CoversAllTypes ? "*" : Presentation.TypeName(type),
            string.Join(' ', new[] { (KeyFlags.DnssecOk, "DO"), (KeyFlags.CheckingDisabled, "CD") }.Where(flag => (entry.Flags & flag.Item1) != 0).Select(flag => flag.Item2)),
            entry.ResponseCode.ToString().ToUpperInvariant(),
            entry.Failures > 0 ? "failure" : expiredFor < 0 ? "fresh" : "stale",
            Math.Round(-expiredFor / 1000.0, 1),
            Math.Round((now - entry.StoredAt) / 1000.0, 1),
            entry.Size,
            isPopular,
            Presentation.Records(message, Header.Size + name.Length + 4, (uint)Math.Max(0, -expiredFor / 1000)));
    }
}

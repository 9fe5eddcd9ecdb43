using Agent.Dns;

namespace Agent.Serving;

/// <summary>The types of record that are counted each by itself; all others share the last group, so that no client decides how many there are.</summary>
internal static class TypeGroup
{
    private static readonly string[] _names = ["A", "AAAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT", "ANY", "other"];

    public const int Count = 13;

    public static IReadOnlyList<string> Names => _names;

    /// <summary>The group's place in <see cref="Names"/>; a query whose question is malformed is in the last.</summary>
    public static int Of(in Query query) => query.Key.IsEmpty ? Count - 1 : query.Type switch
    {
        RecordType.A => 0,
        RecordType.Aaaa => 1,
        RecordType.Cname => 2,
        RecordType.Https => 3,
        RecordType.Mx => 4,
        RecordType.Ns => 5,
        RecordType.Ptr => 6,
        RecordType.Soa => 7,
        RecordType.Srv => 8,
        RecordType.Svcb => 9,
        RecordType.Txt => 10,
        RecordType.Any => 11,
        _ => Count - 1,
    };
}

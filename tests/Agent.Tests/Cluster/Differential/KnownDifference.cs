using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster.Differential;

/// <summary>Where the agent does not answer as CoreDNS does, on purpose, and why.</summary>
internal static class KnownDifference
{
    private const int FitsAlways = 12; // records: at most 1232 bytes with the names here

    private static readonly (string Reason, Func<Comparison.Pair, AnswerText, bool> Holds)[] _rules =
    [
        ("AA is clear in what is forwarded (P2), and no additional records come along",
            (pair, theirs) => theirs.Equals(pair.Ours)),
        ("the SOA of a name that does not exist: no data in CoreDNS, NXDOMAIN for all other types; here NXDOMAIN is the name's (RFC 2308 section 5)",
            (pair, theirs) => pair.Type == RR.Soa && theirs.IsNoData && pair.Ours.IsNxDomain),
        ("an alias of a name outside that does not exist: NOERROR in CoreDNS, here the RCODE of the chain's end (RFC 6604), and its SOA",
            (pair, theirs) => IsAliasAlone(theirs) && pair.Ours.IsNxDomain && theirs.Answers.SequenceEqual(pair.Ours.Answers)),
        ("an alias of a name outside that has no such records: here with the SOA that says for how long (RFC 2308 section 2.2)",
            (pair, theirs) => IsAliasAlone(theirs) && theirs.Authority.Length == 0 && (theirs with { Authority = pair.Ours.Authority }).Equals(pair.Ours)),
        ("an alias and what it leads to are one answer, with the smallest of their TTLs",
            (pair, theirs) => pair.Ours is { IsAuthoritative: false, Answers.Length: > 1 } && theirs.WithoutTtl().Equals(pair.Ours.WithoutTtl())),
        ("the zones' own names: CoreDNS says NXDOMAIN to TXT alone, which is then kept for the name (RFC 2308 section 5)",
            (pair, theirs) => pair.Name is "cluster.local" or "in-addr.arpa" or "ip6.arpa" && theirs.ResponseCode == 0 && pair.Ours is { IsNxDomain: true, IsAuthoritative: false }),
        ("a pod's IPv6 address with its zeros written out: CoreDNS compares text where it verifies",
            (pair, theirs) => theirs.IsNxDomain && !pair.Ours.IsNxDomain && IsPod(pair) && pair.Name.Contains("-0-0-", StringComparison.Ordinal)),
        ("addresses beside SRV records that do not fit over UDP are left out without TC (RFC 2181 section 9), where CoreDNS sends the client to TCP",
            (pair, theirs) => pair is { Type: RR.Srv, Ours: { IsAuthoritative: true, Additional.Length: 0 } } && theirs.Answers.Length + theirs.Additional.Length > FitsAlways && (theirs with { Additional = [] }).Equals(pair.Ours)),
        ("the cluster's name servers: CoreDNS finds its own Service by an address of the machine that is none of the loopback, which it has in the lab alone (CoreDnsTests there)",
            (pair, _) => pair is { Name: "cluster.local", Type: RR.Ns } or { Name: "ns.dns.cluster.local" }),
    ];

    // Where the table does not have the name, and says so instead of asking CoreDNS.
    private static readonly (string Reason, Func<Comparison.Pair, AnswerText, bool> Holds)[] _rulesOfAuthoritative =
    [
        ("TXT of a name that exists: CoreDNS says NXDOMAIN where it has no records of other types",
            (pair, theirs) => pair is { Type: RR.Txt, Ours.IsNoData: true } && theirs.IsNxDomain),
        ("dns-version: CoreDNS says NXDOMAIN to all other types",
            (pair, theirs) => pair.Name == "dns-version.cluster.local" && theirs.IsNxDomain && pair.Ours.IsNoData),
        ("an ExternalName whose target is the name of a pod, which CoreDNS follows",
            (pair, theirs) => pair.Ours.IsNoData && !IsPod(pair) && theirs.Answers.Any(line => line.Contains(".pod.cluster.local ", StringComparison.Ordinal))),
        ("SRV of a pod: CoreDNS makes one of the port 0",
            (pair, theirs) => pair is { Type: RR.Srv, Ours: { IsNoData: true } or { IsNxDomain: true } } && IsPod(pair) && theirs.Answers.Length == 1),
        ("a port and a protocol: CoreDNS takes them without underscores, and an underscore alone for any, the specification (2.3.2) does not",
            (pair, theirs) => pair.Ours.IsNxDomain && !theirs.IsNxDomain && IsPortWithoutUnderscores(pair)),
        ("CoreDNS ignores what stands before the name of a pod",
            (pair, theirs) => pair.Ours.IsNxDomain && !theirs.IsNxDomain && IsPod(pair) && pair.Name.Split('.').Length > 5),
    ];

    /// <returns>The reason; null where there is none.</returns>
    public static string? Find(Comparison.Pair pair, ClusterNamesMode mode)
    {
        // What was forwarded says nothing of who has authority, and comes without what is only additional.
        AnswerText theirs = pair.Ours.IsAuthoritative ? pair.Theirs : pair.Theirs with { IsAuthoritative = false, Additional = [] };
        var rules = mode == ClusterNamesMode.Authoritative ? [.. _rules, .. _rulesOfAuthoritative] : _rules;
        return rules.FirstOrDefault(rule => rule.Holds(pair, theirs)).Reason;
    }

    private static bool IsAliasAlone(AnswerText answer) => answer is { ResponseCode: 0, Answers.Length: > 0 } && answer.Answers.All(line => line.Split(' ')[^2] == $"{RR.Cname}");

    private static bool IsPod(Comparison.Pair pair) => pair.Name.EndsWith(".pod.cluster.local", StringComparison.OrdinalIgnoreCase);

    private static bool IsPortWithoutUnderscores(Comparison.Pair pair) =>
        pair.Name.Split('.') is [{ } port, { } protocol, _, _, _, _, _] && !(port.StartsWith('_') && protocol.StartsWith('_') && port.Length > 1 && protocol.Length > 1);
}

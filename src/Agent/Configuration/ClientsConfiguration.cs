using System.Net;

namespace Agent.Configuration;

/// <summary>Who may ask, and what one client address may take. The most specific prefix of the three lists decides; loopback is not special.</summary>
public sealed record ClientsConfiguration
{
    /// <summary>When it names any, who is in none of the lists is denied; else admitted.</summary>
    public IReadOnlyList<IPNetwork> Allow { get; init; } = [];

    /// <summary>Answered with REFUSED and the extended error 18 (RFC 8914 section 4.19).</summary>
    public IReadOnlyList<IPNetwork> Deny { get; init; } = [];

    /// <summary>Not answered.</summary>
    public IReadOnlyList<IPNetwork> Drop { get; init; } = [];

    /// <summary>0 to 1,000,000, with a burst of one second's worth; 0: no limit.</summary>
    public int QueriesPerSecond { get; init; }

    /// <summary>Questions that wait for upstreams, over all threads and both transports, 1 to 65535.</summary>
    public int InFlight { get; init; } = 1000;

    /// <summary>1 to 2048.</summary>
    public int TcpConnections { get; init; } = 64;

    /// <summary>Bytes of answers, 0 to 1 GiB, with a burst of one second's worth; 0: no limit.</summary>
    public int ResponseBytesPerSecond { get; init; }

    /// <summary>Null when everybody may ask as often as they like: then a hit costs no look-up of its client.</summary>
    internal Dns.ClientPolicy? Policy()
    {
        Dictionary<IPNetwork, Dns.ClientVerdict> prefixes = [];
        foreach ((IReadOnlyList<IPNetwork> list, Dns.ClientVerdict verdict) in
            new[] { (Allow, Dns.ClientVerdict.Admitted), (Deny, Dns.ClientVerdict.Denied), (Drop, Dns.ClientVerdict.Dropped) })
        {
            foreach (IPNetwork prefix in list)
                prefixes.Add(prefix, verdict);
        }

        Dns.ClientVerdict others = Allow.Count > 0 ? Dns.ClientVerdict.Denied : Dns.ClientVerdict.Admitted;
        Dns.AccessList? access = prefixes.Count > 0 ? new Dns.AccessList(prefixes, others) : null;
        Dns.ClientRates? queries = QueriesPerSecond > 0 ? new Dns.ClientRates(QueriesPerSecond) : null;
        Dns.ClientRates? bytes = ResponseBytesPerSecond > 0 ? new Dns.ClientRates(ResponseBytesPerSecond) : null;
        return access == null && queries == null && bytes == null ? null : new Dns.ClientPolicy(access, queries, bytes);
    }
}

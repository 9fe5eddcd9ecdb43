using Agent.Dns;
using Agent.Forwarding;
using Agent.Serving;

namespace Agent.Observability.Metrics;

/// <summary>CoreDNS's names and labels for what the agent does too, so that dashboards made for CoreDNS or NodeLocal DNSCache go on working.</summary>
internal static class CoreDnsMetrics
{
    // All zones share one server and one cache here, and there are no views.
    private const string Zone = ".";
    private const string View = "";
    private const string Plugin = "forward";

    private static readonly string[] _ofServer = ["server", "zone", "view"];
    private static readonly string[] _ofCache = ["server", "zones", "view"];
    private static readonly string[] _ofCacheByType = ["server", "type", "zones", "view"];

    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Counter, "coredns_dns_requests_total", "Queries; family 1 is IPv4, 2 IPv6", WriteRequests) { Labels = [.. _ofServer, "proto", "family", "type"] },
        new(MetricKind.Counter, "coredns_dns_responses_total", "Replies; plugin: which of CoreDNS's would have written them", WriteResponses)
        {
            Labels = [.. _ofServer, "rcode", "plugin"],
        },
        new(MetricKind.Histogram, "coredns_dns_request_duration_seconds", "From query to reply", (scrape, samples) =>
            samples.Add(scrape.FromNode + scrape.FromUpstream, LatencyHistogram.FirstOfCoreDns, ServerOf(scrape), Zone, View))
        {
            Labels = _ofServer,
        },
        OfSizes("coredns_dns_request_size_bytes", "Size of queries", (totals, protocol) => totals.QuerySizes(protocol)),
        OfSizes("coredns_dns_response_size_bytes", "Size of replies", (totals, protocol) => totals.ReplySizes(protocol)),
        new(MetricKind.Counter, "coredns_dns_do_requests_total", "Queries with the DO bit", (scrape, samples) =>
            samples.Add(scrape.Queries.DnssecOk, ServerOf(scrape), Zone, View))
        {
            Labels = _ofServer,
        },
        new(MetricKind.Gauge, "coredns_build_info", "Always 1; the version is this agent's", (_, samples) => samples.Add(1, $"lra {Commands.VersionCommand.Text}", "", ""))
        {
            Labels = ["version", "revision", "goversion"],
        },
        new(MetricKind.Counter, "coredns_panics_total", "Defects that a serving thread met and survived", (scrape, samples) =>
            samples.Add(scrape.Agent.Threads.Sum(thread => thread.Defects))),
        new(MetricKind.Gauge, "coredns_cache_entries", "Answers in the cache", (scrape, samples) =>
        {
            samples.Add(scrape.Agent.Cache.Count - scrape.Agent.Cache.DenialCount, ServerOf(scrape), "success", Zone, View);
            samples.Add(scrape.Agent.Cache.DenialCount, ServerOf(scrape), "denial", Zone, View);
        })
        {
            Labels = _ofCacheByType,
        },
        OfCache("coredns_cache_requests_total", "Queries that the cache was asked for", totals => totals.Count(Verdict.Hit) + totals.Count(Verdict.Forwarded)),
        new(MetricKind.Counter, "coredns_cache_hits_total", "Queries answered from the cache; a name without such data counts as success", (scrape, samples) =>
        {
            long denials = scrape.Queries.Responses(Verdict.Hit, ResponseCode.NxDomain);
            samples.Add(scrape.Queries.Count(Verdict.Hit) - denials, ServerOf(scrape), "success", Zone, View);
            samples.Add(denials, ServerOf(scrape), "denial", Zone, View);
        })
        {
            Labels = _ofCacheByType,
        },
        OfCache("coredns_cache_misses_total", "Queries that an upstream had to be asked for", totals => totals.Count(Verdict.Forwarded)),
        OfCache("coredns_cache_served_stale_total", "Queries answered with an expired answer", totals => totals.Count(Verdict.Stale)),
        new(MetricKind.Counter, "coredns_cache_prefetch_total", "Popular answers that were asked for anew before they expired", (scrape, samples) =>
            samples.Add(CacheMetrics.Refreshes(scrape), ServerOf(scrape), Zone, View))
        {
            Labels = _ofCache,
        },
        new(MetricKind.Counter, "coredns_cache_evictions_total", "Answers dropped for want of memory; of both types, which the agent does not tell apart then", (scrape, samples) =>
            samples.Add(scrape.Agent.Cache.EvictedOnce + scrape.Agent.Cache.EvictedCold, ServerOf(scrape), "success", Zone, View))
        {
            Labels = _ofCacheByType,
        },
        new(MetricKind.Histogram, "coredns_proxy_request_duration_seconds", "From a question to an upstream to its answer, error answers too", WriteProxyDurations)
        {
            Labels = ["proxy_name", "to", "rcode"],
        },
        new(MetricKind.Counter, "coredns_proxy_healthcheck_failures_total", "Probes of an upstream that got no answer", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
                samples.Add(upstream.ProbesFailed, Plugin, upstream.Server);
        })
        {
            Labels = ["proxy_name", "to"],
        },
        OfConnections("coredns_proxy_conn_cache_hits_total", "Questions over a connection that was there", counters => counters.ConnectionsReused),
        OfConnections("coredns_proxy_conn_cache_misses_total", "Questions for which a connection was opened", counters => counters.ConnectionsOpened),
        new(MetricKind.Counter, "coredns_forward_requests_total", "Questions sent to an upstream", (scrape, samples) =>
        {
            foreach (UpstreamReading upstream in scrape.Upstreams)
                samples.Add(upstream.Counters.Sent, upstream.Server);
        })
        {
            Labels = ["to"],
        },
        new(MetricKind.Counter, "coredns_forward_max_concurrent_rejects_total", "Queries refused for what their client has on its way, or had in this second", (scrape, samples) =>
            samples.Add(scrape.Queries.Count(Verdict.Limited))),
        new(MetricKind.Counter, "coredns_reload_failed_total", "Changes of the configuration file that were refused", (scrape, samples) => samples.Add(scrape.Agent.Reloads.Refused)),
        new(MetricKind.Counter, "coredns_nodecache_setup_errors_total", "The same; there is no iptables rule and no interface that could fail", (scrape, samples) =>
            samples.Add(scrape.Agent.Reloads.Refused, "configmap"))
        {
            Labels = ["errortype"],
        },
    ];

    private static MetricFamily OfSizes(string name, string help, Func<QueryTotals, string, HistogramTotals> read) => new(MetricKind.Histogram, name, help, (scrape, samples) =>
    {
        foreach (string protocol in QueryTotals.Protocols)
            samples.Add(read(scrape.Queries, protocol), 0, ServerOf(scrape), Zone, View, protocol);
    })
    {
        Labels = [.. _ofServer, "proto"],
    };

    private static MetricFamily OfCache(string name, string help, Func<QueryTotals, long> read) =>
        new(MetricKind.Counter, name, help, (scrape, samples) => samples.Add(read(scrape.Queries), ServerOf(scrape), Zone, View)) { Labels = _ofCache };

    private static MetricFamily OfConnections(string name, string help, Func<UpstreamCounters, long> read) => new(MetricKind.Counter, name, help, (scrape, samples) =>
    {
        foreach (UpstreamReading upstream in scrape.Upstreams)
            samples.Add(read(upstream.Counters), Plugin, upstream.Server, "tcp");
    })
    {
        Labels = ["proxy_name", "to", "proto"],
    };

    private static string ServerOf(Scrape scrape) => $"dns://:{scrape.Agent.Configuration.Listen.Port}";

    private static void WriteRequests(Scrape scrape, SampleWriter samples)
    {
        foreach (string protocol in QueryTotals.Protocols)
        {
            foreach (bool isIpv6 in (bool[])[false, true])
            {
                for (int group = 0; group < TypeGroup.Count; group++)
                {
                    long count = QueryTotals.Verdicts.Sum(verdict => scrape.Queries.Queries(protocol, isIpv6, group, verdict));
                    samples.AddIfAny(count, ServerOf(scrape), Zone, View, protocol, isIpv6 ? "2" : "1", TypeGroup.Names[group]);
                }
            }
        }
    }

    private static void WriteResponses(Scrape scrape, SampleWriter samples)
    {
        foreach (IGrouping<string, Verdict> plugin in QueryTotals.Verdicts.GroupBy(PluginOf))
        {
            for (ResponseCode code = 0; code <= ResponseCode.BadVers; code++)
                samples.AddIfAny(plugin.Sum(verdict => scrape.Queries.Responses(verdict, code)), ServerOf(scrape), Zone, View, QueryMetrics.NameOf(code), plugin.Key);
        }
    }

    private static void WriteProxyDurations(Scrape scrape, SampleWriter samples)
    {
        foreach (UpstreamReading upstream in scrape.Upstreams)
        {
            foreach (IGrouping<ResponseCode, LatencyHistogram> code in upstream.Latencies.GroupBy(one => one.Code, one => one.Latency).OrderBy(code => code.Key))
                samples.Add(HistogramTotals.Of(code), LatencyHistogram.FirstOfCoreDns, Plugin, upstream.Server, QueryMetrics.NameOf(code.Key));
        }
    }

    private static string PluginOf(Verdict verdict) => verdict switch
    {
        Verdict.Hit or Verdict.Stale => "cache",
        Verdict.Local => "kubernetes",
        Verdict.Miss or Verdict.Failed => "forward",
        Verdict.Denied or Verdict.Limited => "acl",
        _ => "",
    };
}

using System.Diagnostics;
using System.Text.RegularExpressions;
using Agent.Configuration;
using Agent.Observability.Metrics;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>What Prometheus gets from a running agent.</summary>
public sealed partial class MetricsTests : IAsyncLifetime
{
    // What Prometheus 2.42 sends.
    private const string PrometheusAccepts =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));
    private AgentProcess _agent = null!;

    public async Task InitializeAsync() => _agent = await AgentProcess.Serve(_setup);

    public Task DisposeAsync()
    {
        _agent.Dispose();
        _setup.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Queries_are_counted_by_protocol_type_and_verdict_and_so_are_replies_and_the_cache()
    {
        await Ask("www.example.test");
        await Ask("www.example.test");
        await Ask("www.example.test", RR.A, TransportProtocol.Tcp);
        await Ask("localhost", RR.Aaaa);

        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint);

        Assert.Equal(1, scraped["""lra_queries_total{protocol="udp",family="ipv4",type="A",verdict="miss"}"""]);
        Assert.Equal(1, scraped["""lra_queries_total{protocol="udp",family="ipv4",type="A",verdict="hit"}"""]);
        Assert.Equal(1, scraped["""lra_queries_total{protocol="tcp",family="ipv4",type="A",verdict="hit"}"""]);
        Assert.Equal(1, scraped["""lra_queries_total{protocol="udp",family="ipv4",type="AAAA",verdict="local"}"""]);
        Assert.Equal(2, scraped["""lra_responses_total{verdict="hit",rcode="NOERROR"}"""]);
        Assert.Equal((1, 2, 1), (scraped["lra_cache_misses_total"], scraped["lra_cache_hits_total"], scraped["""lra_cache_entries{kind="success"}"""]));
        Assert.Equal(1, scraped["""lra_answer_duration_seconds_count{from="upstream"}"""]);
        Assert.Equal(4, scraped["""lra_answer_duration_seconds_count{from="node"}"""]); // with the question that the test began with
        Assert.InRange(scraped["""lra_answer_duration_seconds_sum{from="node"}"""], 1e-6, 60);
        string upstream = $"server=\"{_setup.Upstream.EndPoint}\"";
        Assert.Equal((1, 0), (scraped[$$"""lra_upstream_queries_total{{{upstream}},protocol="udp"}"""], scraped[$$"""lra_upstream_queries_total{{{upstream}},protocol="tcp"}"""]));
        Assert.Equal((1, 1, 0), (scraped[$$"""lra_upstream_answers_total{{{upstream}}}"""], scraped[$$"""lra_upstream_duration_seconds_count{{{upstream}}}"""], scraped[$$"""lra_upstream_in_flight{{{upstream}}}"""]));
        Assert.Equal(1, scraped[$$"""lra_upstream_available{{{upstream}}}"""]);
        Assert.InRange(scraped["process_resident_memory_bytes"], 10e6, 1e9);
        Assert.InRange(scraped["process_start_time_seconds"], 1.7e9, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1); // of which the fraction is cut off
    }

    [Fact]
    public async Task The_names_of_CoreDNS_have_the_labels_of_CoreDNS_and_the_same_figures()
    {
        await Ask("www.example.test");
        await Ask("www.example.test");
        string server = $"server=\"dns://:{_setup.EndPoint.Port}\"";

        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint);

        Assert.Equal(3, scraped[$$"""coredns_dns_requests_total{{{server}},zone=".",view="",proto="udp",family="1",type="A"}"""]);
        Assert.Equal(1, scraped[$$"""coredns_dns_responses_total{{{server}},zone=".",view="",rcode="NOERROR",plugin="cache"}"""]);
        Assert.Equal(1, scraped[$$"""coredns_dns_responses_total{{{server}},zone=".",view="",rcode="NOERROR",plugin="forward"}"""]);
        Assert.Equal(1, scraped[$$"""coredns_cache_hits_total{{{server}},type="success",zones=".",view=""}"""]);
        Assert.Equal(1, scraped[$$"""coredns_cache_misses_total{{{server}},zones=".",view=""}"""]);
        Assert.Equal(1, scraped[$$"""coredns_cache_entries{{{server}},type="success",zones=".",view=""}"""]);
        Assert.Equal(3, scraped[$$"""coredns_dns_request_duration_seconds_bucket{{{server}},zone=".",view="",le="+Inf"}"""]);
        string proxy = $"proxy_name=\"forward\",to=\"{_setup.Upstream.EndPoint}\"";
        Assert.Equal(1, scraped[$$"""coredns_proxy_request_duration_seconds_count{{{proxy}},rcode="NOERROR"}"""]);
        Assert.Equal(0, scraped[$$"""coredns_proxy_healthcheck_failures_total{{{proxy}}}"""]);
        Assert.Equal(0, scraped["""coredns_nodecache_setup_errors_total{errortype="configmap"}"""]);
        Assert.Contains(scraped.Samples.Keys, series => series.EndsWith("zone=\".\",view=\"\",le=\"0.00025\"}", StringComparison.Ordinal)); // its first bound
    }

    [Fact]
    public async Task Sizes_and_the_DO_bit_and_error_answers_are_counted_under_the_names_of_CoreDNS()
    {
        _setup.Upstream.Handler = exchange => exchange.Name.StartsWith("bad", StringComparison.Ordinal) ? exchange.Fail(5) : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1"));
        string server = $"server=\"dns://:{_setup.EndPoint.Port}\",zone=\".\",view=\"\"";
        Scraped before = await Scraped.Of(_setup.MetricsEndPoint);
        DnsMessage plain = DnsMessage.Query("www.example.test");
        DnsMessage secure = DnsMessage.Query($"{new string('x', 60)}.{new string('y', 60)}.example.test") with { Additional = [RR.OptRecord(1232) with { Ttl = 0x8000 }] };
        int replied = 0;
        foreach (DnsMessage query in (DnsMessage[])[plain, secure])
            replied += (await Client.ExchangeUdp(_setup.EndPoint, query.ToBytes(), Wait.Long))!.Length;
        await Client.Ask(_setup.EndPoint, DnsMessage.Query("bad.example.test"), TransportProtocol.Tcp);

        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint);

        Assert.Equal(1, Grown($$"""coredns_dns_request_size_bytes_bucket{{{server}},proto="udp",le="100"}"""));
        Assert.Equal(2, Grown($$"""coredns_dns_request_size_bytes_bucket{{{server}},proto="udp",le="200"}"""));
        Assert.Equal(2, Grown($$"""coredns_dns_request_size_bytes_bucket{{{server}},proto="udp",le="+Inf"}"""));
        Assert.Equal(plain.ToBytes().Length + secure.ToBytes().Length, Grown($$"""coredns_dns_request_size_bytes_sum{{{server}},proto="udp"}"""));
        Assert.Equal(1, Grown($$"""coredns_dns_request_size_bytes_count{{{server}},proto="tcp"}"""));
        Assert.Equal((2, 1), (Grown($$"""coredns_dns_response_size_bytes_count{{{server}},proto="udp"}"""), Grown($$"""coredns_dns_response_size_bytes_count{{{server}},proto="tcp"}""")));
        Assert.Equal(replied, Grown($$"""coredns_dns_response_size_bytes_sum{{{server}},proto="udp"}"""));
        Assert.Equal(1, Grown($$"""coredns_dns_do_requests_total{{{server}}}"""));
        Assert.InRange(scraped[$$"""coredns_proxy_request_duration_seconds_count{proxy_name="forward",to="{{_setup.Upstream.EndPoint}}",rcode="REFUSED"}"""], 1, 10);
        Assert.Contains(scraped.Samples.Keys, series => series.StartsWith("coredns_build_info{version=\"lra ", StringComparison.Ordinal));

        double Grown(string series) => scraped[series] - before[series];
    }

    [Fact]
    public async Task A17_A19_no_name_that_is_asked_for_and_no_clients_address_is_in_a_scrape()
    {
        DnsMessage hostile = DnsMessage.Query("x.secret-tenant.test");
        await Client.Ask(_setup.EndPoint, hostile, from: TestAddress.NextAddress());
        foreach (byte[] datagram in HostileNames().Select(label => (byte[])[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, (byte)label.Length, .. label, 0, 0, 1, 0, 1]))
            await Client.ExchangeUdp(_setup.EndPoint, datagram, TimeSpan.FromSeconds(2));

        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint);

        Assert.DoesNotContain("secret", scraped.Text, StringComparison.Ordinal);
        Assert.All(AddressPattern().Matches(scraped.Text).Select(match => match.Value), address =>
            Assert.Equal($"{_setup.Upstream.EndPoint.Address}", address)); // of the servers that are asked, and no other
    }

    [Fact]
    public async Task Who_takes_OpenMetrics_gets_it_whole()
    {
        await Ask("www.example.test");

        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint, PrometheusAccepts);

        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", scraped.ContentType);
        Assert.EndsWith("\n# EOF\n", scraped.Text, StringComparison.Ordinal);
        Assert.Contains("# TYPE lra_queries counter\n", scraped.Text, StringComparison.Ordinal);
        Assert.Contains("# TYPE lra_cache_bytes gauge\n# UNIT lra_cache_bytes bytes\n", scraped.Text, StringComparison.Ordinal);
        Assert.Contains("# UNIT process_cpu_seconds seconds\n", scraped.Text, StringComparison.Ordinal);
        Assert.Equal((await Scraped.Of(_setup.MetricsEndPoint)).Samples.Keys, scraped.Samples.Keys);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("*/*", false)]
    [InlineData("text/plain", false)]
    [InlineData("application/openmetrics-text;q=0", false)]
    [InlineData("application/openmetrics-text;q=0.3, text/plain;q=0.8", false)]
    [InlineData("so,,much;;nonsense\u007f", false)]
    [InlineData("application/openmetrics-text; version=1.0.0", true)]
    public async Task The_format_is_the_one_that_the_client_prefers(string? accept, bool isOpenMetrics)
    {
        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint, accept);

        Assert.Equal(isOpenMetrics, scraped.Text.EndsWith("# EOF\n", StringComparison.Ordinal));
        Assert.Equal(isOpenMetrics ? SampleWriter.OpenMetricsType : SampleWriter.PrometheusType, scraped.ContentType);
    }

    [Fact]
    public async Task Promtool_finds_no_fault_with_a_scrape()
    {
        await Ask("www.example.test");
        Scraped scraped = await Scraped.Of(_setup.MetricsEndPoint);

        (int status, string output) = await Promtool.Run(["check", "metrics"], scraped.Text);

        Assert.True(status == 0, output);
    }

    private static IEnumerable<byte[]> HostileNames() =>
        [[.. "secret\n"u8], [.. "secret\""u8], [.. "secret\\"u8], [.. "secret\0"u8], [.. "secret.x"u8], [.. "secret"u8, 0x80, 0xFF], [.. "secret{a=\"b\"} 1\n"u8]];

    private Task<DnsMessage> Ask(string name, ushort type = RR.A, TransportProtocol protocol = TransportProtocol.Udp) =>
        Client.Ask(_setup.EndPoint, DnsMessage.Query(name, type), protocol);

    [GeneratedRegex(@"(?<![0-9.])127(\.[0-9]+){3}")]
    private static partial Regex AddressPattern();
}

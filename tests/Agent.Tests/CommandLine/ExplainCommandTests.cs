using System.Text.Json;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary><c>lra explain</c> against a running agent that hears of pods from an API server.</summary>
public sealed class ExplainCommandTests : IAsyncLifetime
{
    private readonly ScriptedUpstream _upstream = new(exchange => exchange.Name.EndsWith("outside.test", StringComparison.Ordinal)
        ? exchange.Answer(RR.AddressRecord(exchange.Name, exchange.Query.Question.Type == RR.A ? "203.0.113.80" : "2001:db8::80"))
        : exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority(exchange.Name.Split('.')[^1], ttl: 300, minimum: 300)] }));

    private readonly TemporaryFile _resolvConf = new("search corp.test\n"u8.ToArray());
    private ApiServer _server = null!;
    private TemporaryFile _kubeconfig = null!;
    private AgentSetup _setup = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        _server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}""");
        _server.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"curl","namespace":"default"},"spec":{"nodeName":"w1"},"status":{"phase":"Running","podIP":"10.244.1.2"}}
            """);
        _server.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"plain","namespace":"default","annotations":{"redirect.lra.dev/autopath":"disabled"}},
             "spec":{"nodeName":"w1"},"status":{"phase":"Running","podIP":"10.244.1.3"}}
            """);
        _kubeconfig = new TemporaryFile(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(_server)));
        _setup = new AgentSetup(_upstream.EndPoint, $$"""
              - { zone: cluster.local, servers: ["{{_upstream.EndPoint}}"], protocol: udp }
            node: w1
            hosts: [ { address: 192.0.2.77, names: [static.corp.test] } ]
            kubernetes: { enabled: true, kubeconfig: {{_kubeconfig.Path}}, resolvConf: {{_resolvConf.Path}} }
            """);
    }

    public async Task DisposeAsync()
    {
        _upstream.Dispose();
        _setup.Dispose();
        _kubeconfig.Dispose();
        _resolvConf.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task It_shows_the_pod_the_walk_and_what_answers_each_step_and_asks_nobody()
    {
        using AgentProcess agent = await Serve();
        int asked = _upstream.Count;

        (int status, string output, string error) = await Explain("www.outside.test", "--pod", "default/curl");

        Assert.Equal((0, ""), (status, error));
        string forwarded = $@"would be forwarded by the route {{0}} over UDP to {System.Text.RegularExpressions.Regex.Escape($"{_upstream.EndPoint}")} ok *$";
        Assert.Matches(@"(?m)^Pod       default/curl, 10\.244\.1\.2, dnsPolicy ClusterFirst$", output);
        Assert.Matches(@"(?m)^Search    default\.svc\.cluster\.local svc\.cluster\.local cluster\.local corp\.test, ndots 5$", output);
        Assert.Matches("(?m)^Redirect  no: redirect.enabled is false in the agent's configuration$", output);
        Assert.Matches("(?m)^ASKED +TYPE ANSWERED BY RCODE +TTL WHY *$", output);
        Assert.Matches(@"(?m)^www\.outside\.test\.default\.svc\.cluster\.local\. A +upstream +not in the table; " + string.Format(System.Globalization.CultureInfo.InvariantCulture, forwarded, @"cluster\.local\."), output);
        Assert.Matches(@"(?m)^www\.outside\.test\. +A +upstream +" + string.Format(System.Globalization.CultureInfo.InvariantCulture, forwarded, @"\."), output);
        Assert.Matches(@"(?m)^Autopath  www\.outside\.test\.default\.svc\.cluster\.local\. AAAA would be asked for before the first query is answered$", output);
        Assert.Matches(@"(?m)^Result    depends on what the upstream says of www\.outside\.test\.default\.svc\.cluster\.local\.$", output);
        Assert.Equal(asked, _upstream.Count);
    }

    [Fact]
    public async Task What_is_cached_is_told_with_the_time_that_is_left_and_who_gets_a_shortcut_and_who_does_not()
    {
        using AgentProcess agent = await Serve();
        foreach (string domain in (string[])[".default.svc.cluster.local", ".svc.cluster.local", ".cluster.local", ".corp.test", ""])
        {
            foreach (ushort type in (ushort[])[RR.A, RR.Aaaa])
                await Client.Ask(_setup.EndPoint, DnsMessage.Query($"www.outside.test{domain}", type));
        }

        string before = (await AgentProcess.Run("cache", "list", "--limit", "0", "-o", "json", "--config", _setup.ConfigurationPath)).Output;
        string json = (await Explain("www.outside.test", "--pod", "default/curl", "-o", "json")).Output;
        Golden.AssertKeys("explain-pod", json);
        JsonElement told = JsonDocument.Parse(json).RootElement;

        Assert.Equal("the first query is answered with an alias to www.outside.test. and its records", told.GetProperty("autopath").GetString());
        Assert.Equal("the records of www.outside.test.", told.GetProperty("result").GetString());
        JsonElement[] steps = [.. told.GetProperty("steps").EnumerateArray()];
        Assert.Equal(["NXDOMAIN", "NXDOMAIN", "NXDOMAIN", "NXDOMAIN", "NOERROR"], steps.Select(step => step.GetProperty("responseCode").GetString()));
        Assert.All(steps, step => Assert.Equal("cache", step.GetProperty("source").GetString()));
        Assert.InRange(steps[^1].GetProperty("ttlSeconds").GetDouble(), 200, 300);
        Assert.Equal(5, steps.Length);
        Assert.Contains("Autopath  off for this pod: redirect.lra.dev/autopath is disabled\n", (await Explain("www.outside.test", "--pod", "default/plain")).Output, StringComparison.Ordinal);
        for (int i = 0; i < 5; i++)
            await Explain("www.outside.test", "--pod", "default/curl");
        string after = (await AgentProcess.Run("cache", "list", "--limit", "0", "-o", "json", "--config", _setup.ConfigurationPath)).Output;
        Assert.Equal(Untimed(before), Untimed(after));
    }

    [Fact]
    public async Task The_table_the_configuration_and_names_that_no_upstream_sees_are_told_apart()
    {
        using AgentProcess agent = await Serve();

        Assert.Matches(@"(?m)^web\.default\.svc\.cluster\.local\. A +table +NOERROR +Services and endpoints of the cluster *$", (await Explain("web", "--pod", "default/curl")).Output);
        Assert.Contains("Autopath  none: a walk begins in the first domain of the list", (await Explain("web", "--pod", "default/curl")).Output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^static\.corp\.test\. A +configuration NOERROR +hosts in the configuration *$", (await Explain("static.corp.test.", "--pod", "default/curl")).Output);
        Assert.Contains(";; static.corp.test. 3600 IN A 192.0.2.77\n", (await Explain("static.corp.test.")).Output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^localhost\. TXT +special name NOERROR", (await Explain("localhost", "--type", "txt")).Output);
    }

    [Fact]
    public async Task Mistakes_and_an_unknown_pod_are_told()
    {
        using AgentProcess agent = await Serve();

        (int status, _, string error) = await Explain("web", "--pod", "default/none");
        Assert.Equal(1, status);
        Assert.EndsWith("404 this node has no pod default/none\n", error, StringComparison.Ordinal);
        foreach (string[] wrong in (string[][])[["a..b"], ["a", "--pod", "curl"], ["a", "--type", "ZZ"]])
            Assert.Equal(2, (await Explain(wrong)).Status);
    }

    [Fact]
    public async Task Without_an_agent_the_status_is_3() => Assert.Equal(3, (await Explain("web")).Status);

    private static string[] Untimed(string json) =>
        [.. JsonDocument.Parse(json).RootElement.GetProperty("answers").EnumerateArray().Select(answer => $"{answer.GetProperty("name")} {answer.GetProperty("type")} {answer.GetProperty("state")} {answer.GetProperty("isPopular")}")];

    private async Task<AgentProcess> Serve()
    {
        AgentProcess agent = await AgentProcess.Serve(_setup);
        await Wait.Until(() => Explain("web", "--pod", "default/curl").GetAwaiter().GetResult().Output.Contains(" table ", StringComparison.Ordinal), "the table and the pods");
        return agent;
    }

    private Task<(int Status, string Output, string Error)> Explain(params string[] arguments) =>
        AgentProcess.Run(["explain", .. arguments, "--config", _setup.ConfigurationPath]);
}

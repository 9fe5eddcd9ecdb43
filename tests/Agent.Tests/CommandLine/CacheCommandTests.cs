using System.Text.Json;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary><c>lra cache</c> against a running agent.</summary>
public sealed class CacheCommandTests : IDisposable
{
    private readonly ScriptedUpstream _upstream = new(exchange => exchange.Name switch
    {
        "gone.example.test" => exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", ttl: 60, minimum: 60)] }),
        "broken.example.test" => exchange.Fail(2),
        _ => exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", 300)),
    });

    private readonly AgentSetup _setup;

    public CacheCommandTests() => _setup = new AgentSetup(_upstream.EndPoint);

    public void Dispose()
    {
        _upstream.Dispose();
        _setup.Dispose();
    }

    [Fact]
    public async Task List_shows_what_is_kept_and_get_its_records()
    {
        using AgentProcess agent = await Serve("www.example.test", "gone.example.test", "broken.example.test", "www.other.test");

        (int status, string output, _) = await Cache("list", "example.test");
        Assert.Equal(0, status);
        Assert.Matches(@"www\.example\.test\. +A +NOERROR +fresh +(2\d\d|300) ", output);
        Assert.Matches(@"gone\.example\.test\. +\* +NXDOMAIN +fresh ", output);
        Assert.Matches(@"broken\.example\.test\. +A +SERVFAIL +failure ", output);
        Assert.DoesNotContain("other", output, StringComparison.Ordinal);

        (status, output, _) = await Cache("get", "WWW.example.test");
        Assert.Equal(0, status);
        Assert.Matches(@"^www\.example\.test\. (2\d\d|300) IN A 192\.0\.2\.1$", output.TrimEnd().Split('\n')[^1]);
        (status, output, _) = await Cache("get", "gone.example.test");
        Assert.Contains(" IN SOA ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_of_a_name_that_is_not_kept_is_status_1_although_a_name_below_it_is()
    {
        using AgentProcess agent = await Serve("www.example.test");

        Assert.Equal((1, "", "lra: nothing is kept for that name\n"), await Cache("get", "example.test"));
    }

    [Theory]
    [InlineData("www.example.test", 1)]
    [InlineData("example.test", 2)]
    [InlineData("--all", 3)]
    public async Task Flush_drops_a_name_a_zone_or_everything_and_the_next_query_asks_again(string what, int dropped)
    {
        string[] names = ["www.example.test", "gone.example.test", "www.other.test"];
        using AgentProcess agent = await Serve(names);
        int asked = _upstream.Count;

        (int status, string output, _) = await Cache("flush", what);

        Assert.Equal((0, $"{dropped} answer(s) dropped\n"), (status, output));
        await AskAll(names);
        Assert.Equal(asked + dropped, _upstream.Count);
    }

    [Fact]
    public async Task Stats_counts_and_speaks_JSON()
    {
        using AgentProcess agent = await Serve("www.example.test", "www.example.test", "gone.example.test", "broken.example.test");

        (int status, string output, _) = await Cache("stats", "-o", "json");

        Assert.Equal(0, status);
        JsonElement stats = JsonDocument.Parse(output).RootElement;
        Assert.Equal(
            (3, 2, 1, 1, 1, 3),
            (Of("entries"), Of("fresh"), Of("failures"), Of("nonExistent"), Of("hits"), Of("misses")));
        Assert.InRange(Of("bytes"), 100, 10_000);
        int Of(string name) => stats.GetProperty(name).GetInt32();
    }

    [Theory]
    [InlineData("flush")]
    [InlineData("flush", "www.example.test", "--all")]
    [InlineData("get")]
    [InlineData("list", "-o", "xml")]
    public async Task A_wrong_command_line_is_status_2_and_flushes_nothing(params string[] arguments)
    {
        using AgentProcess agent = await Serve("www.example.test");

        Assert.Equal(2, (await Cache(arguments)).Status);

        Assert.Equal(0, (await Cache("get", "www.example.test")).Status);
    }

    [Fact]
    public async Task What_is_no_name_is_refused_with_the_reason()
    {
        using AgentProcess agent = await Serve();

        (int status, _, string error) = await Cache("flush", "a..b");

        Assert.Equal(2, status);
        Assert.Contains("'a..b' is no DNS name", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_agent_the_status_is_3()
    {
        (int status, string output, string error) = await Cache("stats");

        Assert.Equal((3, ""), (status, output));
        Assert.Contains(_setup.AdminSocket, error, StringComparison.Ordinal);
    }

    private async Task<AgentProcess> Serve(params string[] asked)
    {
        AgentProcess agent = await AgentProcess.Serve(_setup);
        await AskAll(asked);
        return agent;
    }

    private async Task AskAll(string[] names)
    {
        foreach (string name in names)
            await Client.Ask(_setup.EndPoint, DnsMessage.Query(name));
    }

    private Task<(int Status, string Output, string Error)> Cache(params string[] arguments) =>
        AgentProcess.Run(["cache", .. arguments, "--config", _setup.ConfigurationPath]);
}

using Agent.Observability.Flows;

namespace Agent.Tests.Observability;

public sealed class FlowFilterTests
{
    private static readonly Flow _dns = new()
    {
        Time = DateTimeOffset.UnixEpoch,
        Source = Flow.Dns,
        Pod = "default/curl-pod",
        Client = "[fd00::2]:4711",
        Name = "www.example.test.",
        Type = "AAAA",
        Verdict = "hit",
        Rcode = "NXDOMAIN",
    };

    private static readonly Flow _kernel = new()
    {
        Time = DateTimeOffset.UnixEpoch,
        Source = Flow.Kernel,
        Cgroup = "burstable/pod-web",
        Verdict = "fallback",
    };

    [Theory]
    [InlineData("", true)]
    [InlineData("namespace=default", true)]
    [InlineData("namespace=defau", false)]
    [InlineData("namespace=other&namespace=default", true)]
    [InlineData("pod=curl-pod", true)]
    [InlineData("pod=default/curl-pod", true)]
    [InlineData("pod=other/curl-pod", false)]
    [InlineData("pod=*/curl-*", true)]
    [InlineData("pod=curl", false)]
    [InlineData("pod=fd00::2", true)]
    [InlineData("name=WWW.example.test", true)]
    [InlineData("name=example.test", false)]
    [InlineData("name=.example.test", true)]
    [InlineData("name=.www.example.test.", true)]
    [InlineData("name=.ww.example.test", false)]
    [InlineData("name=.xample.test", false)]
    [InlineData("name=*.test", true)]
    [InlineData("name=ww?.example.test", true)]
    [InlineData("type=aaaa", true)]
    [InlineData("type=TYPE28", true)]
    [InlineData("type=A", false)]
    [InlineData("rcode=nxdomain", true)]
    [InlineData("rcode=NOERROR", false)]
    [InlineData("verdict=hit", true)]
    [InlineData("verdict=miss&verdict=hit", true)]
    [InlineData("verdict=hit&type=A", false)]
    [InlineData("source=dns", true)]
    [InlineData("source=kernel", false)]
    [InlineData("not=true", false)]
    [InlineData("type=A&not=true", true)]
    [InlineData("verdict=hit&type=AAAA&not=true", false)]
    public void An_answer_is_chosen_by_what_it_has(string query, bool isChosen)
    {
        FlowFilter filter = Parse(query);

        Assert.Equal(isChosen, filter.Matches(_dns));
        Assert.Equal(isChosen, Parse(filter.ToQuery().TrimStart('&')).Matches(_dns)); // as it travels to the agent
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("source=kernel", true)]
    [InlineData("source=dns", false)]
    [InlineData("verdict=fallback", true)]
    [InlineData("pod=*pod-web", true)]
    [InlineData("name=*", false)]
    [InlineData("namespace=default", false)]
    public void A_decision_of_the_kernel_is_chosen_by_what_it_has(string query, bool isChosen) => Assert.Equal(isChosen, Parse(query).Matches(_kernel));

    [Fact]
    public void What_went_to_the_agent_is_shown_once_unless_the_kernel_is_asked_for()
    {
        Flow toAgent = _kernel with { Verdict = KernelFlows.ToAgent };

        Assert.False(FlowFilter.All.Matches(toAgent));
        Assert.True(Parse("source=kernel").Matches(toAgent));
    }

    [Theory]
    [InlineData("verdict=hits", "'hits' is none of hit, local, miss")]
    [InlineData("type=nonsense", "'nonsense' is no type of record")]
    [InlineData("source=both", "'both' is neither dns nor kernel")]
    [InlineData("pod=", "pod: a value is empty")]
    public void What_is_no_value_is_named(string query, string mistake) =>
        Assert.Contains(mistake, Assert.Throws<FormatException>(() => Parse(query)).Message, StringComparison.Ordinal);

    [Fact]
    public void A24_lists_are_bounded() =>
        Assert.Throws<FormatException>(() => Parse(string.Join('&', Enumerable.Repeat("pod=a", FlowFilter.MaxValues + 1))));

    private static FlowFilter Parse(string query) => FlowFilter.Parse(key =>
        [.. query.Split('&').Select(pair => pair.Split('=')).Where(pair => pair[0] == key).Select(pair => Uri.UnescapeDataString(pair[1]))]);
}

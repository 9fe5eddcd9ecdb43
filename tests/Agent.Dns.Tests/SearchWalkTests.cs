using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>What a walk comes to, and which names begin one.</summary>
public class SearchWalkTests
{
    private static readonly SearchList _list = new(WalkingPods.Default.Split(' ').Select(MessageBuilder.Name), ndots: 5);

    private readonly List<string> _looked = [];

    /// <param name="outcomes">Of the names that are not absent: <c>a.test=Present</c>, of the other family behind a slash.</param>
    private string Run(string name, params string[] outcomes)
    {
        Dictionary<string, string> of = outcomes.Select(text => text.Split('=')).ToDictionary(parts => $"{parts[0]}.", parts => parts[1]);
        SearchWalk walk = new(key =>
        {
            string step = DnsName.ToText(key[..^5]);
            _looked.Add(step);
            string[] outcome = of.GetValueOrDefault(step, "Absent").Split('/');
            return Enum.Parse<StepOutcome>(key[^1] == T.A ? outcome[0] : outcome[^1]);
        });
        return $"{walk.Run(_list, Steps.Key(name))} {DnsName.ToText(walk.Key[..^5])}{(walk.Key[^1] == T.A ? "" : " AAAA")}";
    }

    [Fact]
    public void It_ends_at_the_first_name_that_exists_and_goes_no_further()
    {
        Assert.Equal("Alias www.outside.test.", Run("www.outside.test.default.svc.cluster.local", "www.outside.test=Present"));
        Assert.Equal(
            ["www.outside.test.default.svc.cluster.local.", "www.outside.test.svc.cluster.local.", "www.outside.test.cluster.local.", "www.outside.test.corp.test.", "www.outside.test."],
            _looked.Distinct());

        Assert.Equal("Alias web.other.svc.cluster.local.", Run("web.other.default.svc.cluster.local", "web.other.svc.cluster.local=Present", "web.other.corp.test=Present"));
        Assert.Equal("Alias www.lan.corp.test.", Run("www.lan.default.svc.cluster.local", "www.lan.corp.test=Present", "www.lan=Present"));
    }

    [Theory]
    [InlineData("Present/Present", "Alias a.b.cluster.local.")]
    [InlineData("Present/Empty", "Alias a.b.cluster.local.")]
    [InlineData("Present/Unclear", "Plain a.b.cluster.local. AAAA")]
    [InlineData("Present/Absent", "Plain a.b.cluster.local.")]
    [InlineData("Present/Unknown", "Ask a.b.cluster.local. AAAA")]
    [InlineData("Unknown/Present", "Ask a.b.cluster.local.")]
    [InlineData("Unclear/Present", "Plain a.b.cluster.local.")]
    [InlineData("Unclear/Absent", "Plain a.b.cluster.local.")]
    [InlineData("Absent/Unclear", "Plain a.b.cluster.local. AAAA")]
    [InlineData("Absent/Present", "Plain a.b.cluster.local.")]
    [InlineData("Empty/Present", "NoData a.b.cluster.local.")]
    [InlineData("Empty/Empty", "Plain a.b.cluster.local.")]
    [InlineData("Empty/Unclear", "Plain a.b.cluster.local. AAAA")]
    [InlineData("Empty/Absent", "Plain a.b.cluster.local.")]
    [InlineData("Empty/Unknown", "Ask a.b.cluster.local. AAAA")]
    public void What_libcs_take_differently_is_left_to_them(string outcome, string expected) =>
        Assert.Equal(expected, Run("a.b.default.svc.cluster.local", $"a.b.cluster.local={outcome}", "a.b=Present"));

    [Theory]
    [InlineData("Present")]
    [InlineData("Empty")]
    [InlineData("Unclear")]
    [InlineData("Absent/Unclear")]
    public void Where_the_first_name_is_not_absent_there_is_no_walk(string outcome)
    {
        Assert.StartsWith("Plain a.b.default.svc.cluster.local.", Run("a.b.default.svc.cluster.local", $"a.b.default.svc.cluster.local={outcome}", "a.b=Present"), StringComparison.Ordinal);
        Assert.Single(_looked.Distinct());
    }

    [Fact]
    public void Where_no_name_exists_the_client_walks_on() => Assert.StartsWith("Plain ", Run("a.b.default.svc.cluster.local"), StringComparison.Ordinal);

    [Theory]
    [InlineData("a.b.default.svc.cluster.local", true)]
    [InlineData("a.b.c.d.e.default.svc.cluster.local", true)]
    [InlineData("a.b.c.d.e.f.default.svc.cluster.local", false)] // as many dots as ndots: asked for as it is first
    [InlineData("web.default.svc.cluster.local", false)] // what a Service is called in full
    [InlineData("default.svc.cluster.local", false)]
    [InlineData("a.b.svc.cluster.local", false)] // the second step
    [InlineData("a.b.other.svc.cluster.local", false)]
    [InlineData("a.b.xdefault.svc.cluster.local", false)]
    [InlineData("a.b", false)]
    public void A_walk_begins_in_the_first_domain_with_fewer_dots_than_ndots(string name, bool begins) =>
        Assert.Equal(begins, _list.Begins(MessageBuilder.Name(name), out _));

    [Fact]
    public void A_domain_s_bytes_within_a_label_are_not_the_domain()
    {
        SearchList list = new([MessageBuilder.Name("test")], 5);
        byte[] name = [1, (byte)'a', 6, (byte)'b', 4, (byte)'t', (byte)'e', (byte)'s', (byte)'t', 0];
        Assert.True(name.AsSpan().EndsWith(list.Domains[0]));
        Assert.False(list.Begins(name, out _));
    }

    [Fact]
    public void A_step_whose_name_would_be_too_long_ends_it()
    {
        string label = new('x', 62);
        string name = $"{label}.{label}.{label}.default.svc.cluster.local";
        SearchList list = new(((string[])["default.svc.cluster.local", $"{label}.test", "short.test"]).Select(MessageBuilder.Name), 5);

        Assert.Equal(WalkEnd.Plain, new SearchWalk(_ => StepOutcome.Absent).Run(list, Steps.Key(name)));
        Assert.Equal(WalkEnd.Plain, new SearchWalk(key => key[0] == 62 && key.Length == name.Length + 7 ? StepOutcome.Absent : StepOutcome.Present).Run(list, Steps.Key(name)));
    }

    [Theory]
    [InlineData("a.test b.test c.test d.test e.test f.test", true)]
    [InlineData("a.test b.test c.test d.test e.test f.test g.test", false)]
    [InlineData("a.test .", false)]
    public void Not_every_list_is_read_alike_by_every_libc(string domains, bool isReadAlike) =>
        Assert.Equal(isReadAlike, new SearchList(domains.Split(' ').Select(MessageBuilder.Name), 5).IsReadAlike);

    [Fact]
    public void A_list_of_over_255_characters_is_not_read_alike()
    {
        string label = new('x', 63);
        Assert.False(new SearchList([MessageBuilder.Name($"{label}.{label}.test"), MessageBuilder.Name($"{label}.{label}")], 5).IsReadAlike);
    }

    [Fact]
    public void Ndots_is_at_most_15_as_in_both_libcs() => Assert.Equal(15, new SearchList([MessageBuilder.Name("a.test")], 99).Ndots);
}

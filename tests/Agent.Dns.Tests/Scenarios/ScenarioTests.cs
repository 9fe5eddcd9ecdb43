namespace Agent.Dns.Tests.Scenarios;

/// <summary>Every <c>*.rpl</c> file beside this one; README.md there says how to read and write them.</summary>
public class ScenarioTests
{
    private static readonly string _directory = Path.Combine(AppContext.BaseDirectory, "Scenarios");

    public static TheoryData<string> Files() => [.. Directory.GetFiles(_directory, "*.rpl").Select(file => Path.GetFileNameWithoutExtension(file)!).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void Replies_are_what_the_scenario_says(string name)
    {
        string file = name + ".rpl";
        Replay.Run(ScenarioParser.Parse(file, File.ReadAllLines(Path.Combine(_directory, file))));
    }

    [Theory]
    [InlineData("ask a.test A", "x.rpl:1: an 'ask' is followed by its 'reply'")]
    [InlineData("wait 5 minutes", "x.rpl:1: '5' is no time: 500ms, 30s, 5m, 1h")]
    [InlineData("\nanswer a.test 60 A 192.0.2.1", "x.rpl:2: 'answer' belongs under an 'upstream' that answers or a 'reply'")]
    [InlineData("upstream a.test A NOERROR\n answer a.test 60 A ::1", "x.rpl:2: '::1' is no address of this type")]
    [InlineData("ask a.test A\nreply NOERROR", "x.rpl:2: a 'reply' says how many queries reach the upstream: upstream=0")]
    [InlineData("ask a.test B", "x.rpl:1: 'B' is no record type; write TYPE65280 for one without a name")]
    [InlineData("aks a.test A", "x.rpl:1: 'aks' is none of cache, upstream, wait, ask, reply, answer, authority, additional")]
    [InlineData("# only words", "x.rpl:1: nothing is asked")]
    public void A_mistake_in_a_scenario_is_told_with_file_and_line(string text, string expected)
    {
        ScenarioException error = Assert.Throws<ScenarioException>(() => ScenarioParser.Parse("x.rpl", text.Split('\n')));
        Assert.Equal(expected, error.Message);
    }

    [Fact]
    public void A_reply_that_differs_fails_with_the_line_and_each_difference()
    {
        Scenario scenario = ScenarioParser.Parse("x.rpl",
        [
            "upstream a.test A NOERROR", "answer a.test 60 A 192.0.2.1", "ask a.test A edns", "reply NXDOMAIN upstream=0", "answer a.test 59 A 192.0.2.1",
        ]);
        string message = Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Replay.Run(scenario)).Message;
        Assert.StartsWith("x.rpl:4: ", message, StringComparison.Ordinal);
        Assert.Contains("RCODE is 0, should be 3", message, StringComparison.Ordinal);
        Assert.Contains("ttl 60], should be [a.test. 1 1 C0000201 ttl 59]", message, StringComparison.Ordinal);
        Assert.Contains("queries upstream is 1, should be 0", message, StringComparison.Ordinal);
    }
}

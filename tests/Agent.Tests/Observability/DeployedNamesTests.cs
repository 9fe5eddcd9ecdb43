using System.Text.Json;
using System.Text.RegularExpressions;
using Agent.Observability.Metrics;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>Alerts and dashboard ask for nothing that the agent does not expose.</summary>
public sealed partial class DeployedNamesTests
{
    private static readonly string _deploy = Path.Combine(AgentProcess.Repository, "deploy");

    private static readonly Dictionary<string, MetricFamily> _families =
        MetricCatalogue.Own.Concat(MetricCatalogue.OfCoreDns).ToDictionary(family => family.Name);

    [Fact]
    public async Task Promtool_finds_no_fault_with_the_alerts()
    {
        (int status, string output) = await Promtool.Run(["check", "rules", Path.Combine(_deploy, "alerts/lra.yaml")]);

        Assert.True(status == 0 && output.Contains("rules found", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task Alerts_fire_when_they_should_and_only_then()
    {
        (int status, string output) = await Promtool.Run(
            ["test", "rules", "alerts.test.yaml"], directory: Path.Combine(AgentProcess.Repository, "tests/Agent.Tests/Observability"));

        Assert.True(status == 0 && output.Contains("SUCCESS", StringComparison.Ordinal), output);
    }

    [Fact]
    public void Every_alert_uses_metrics_and_labels_that_exist()
    {
        string[] expressions = [.. Expression().Matches(File.ReadAllText(Path.Combine(_deploy, "alerts/lra.yaml"))).Select(match => match.Groups["text"].Value)];

        Assert.True(expressions.Length >= 10);
        Assert.All(expressions, AssertExists);
    }

    [Fact]
    public void Every_panel_uses_metrics_and_labels_that_exist()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(_deploy, "grafana/lra.json")));
        JsonElement[] panels = [.. dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(panel => panel.GetProperty("type").GetString() != "row")];

        Assert.True(panels.Length >= 20);
        Assert.Distinct(dashboard.RootElement.GetProperty("panels").EnumerateArray().Select(panel => panel.GetProperty("id").GetInt32()));
        Assert.All(panels, panel =>
        {
            JsonElement[] targets = [.. panel.GetProperty("targets").EnumerateArray()];
            Assert.NotEmpty(targets);
            Assert.All(targets, target => AssertExists(target.GetProperty("expr").GetString()!));
        });
    }

    [Fact]
    public async Task Promtool_can_parse_what_the_panels_ask()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(_deploy, "grafana/lra.json")));
        IEnumerable<string> rules = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.GetProperty("type").GetString() != "row")
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select((target, index) => $"  - record: panel:{index}\n    expr: '{target.GetProperty("expr").GetString()!.Replace("$__rate_interval", "5m", StringComparison.Ordinal)}'\n");
        string file = Path.Combine(Path.GetTempPath(), $"lra-panels-{Environment.ProcessId}.yaml");
        try
        {
            File.WriteAllText(file, $"groups:\n- name: panels\n  rules:\n{string.Concat(rules)}");
            (int status, string output) = await Promtool.Run(["check", "rules", file]);
            Assert.True(status == 0, output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Each name that looks like one of the agent's is, and each of its matchers is for a label that it has.</summary>
    private static void AssertExists(string expression)
    {
        Match[] selectors = Selector().Matches(expression).ToArray();
        Assert.True(selectors.Length > 0 || expression.Contains("up{", StringComparison.Ordinal), $"no metric in {expression}");
        Assert.All(selectors, selector =>
        {
            MetricFamily? family = Find(selector.Groups["name"].Value);
            Assert.True(family != null, $"{selector.Groups["name"].Value} is not exposed, in {expression}");
            Assert.All(Matcher().Matches(selector.Groups["labels"].Value).Select(label => label.Groups["label"].Value), label =>
                Assert.True(label is "instance" or "job" || family.Labels.Contains(label), $"{family.Name} has no label {label}, in {expression}"));
        });
    }

    private static MetricFamily? Find(string name)
    {
        if (_families.TryGetValue(name, out MetricFamily? family) && family.Kind != MetricKind.Histogram)
            return family;
        Match sample = HistogramSample().Match(name);
        return sample.Success && _families.TryGetValue(sample.Groups["name"].Value, out family) && family.Kind == MetricKind.Histogram ? family : null;
    }

    [GeneratedRegex("""\b(?<name>(lra|coredns|process|dotnet)_[a-z0-9_]+)(\{(?<labels>[^}]*)\})?""")]
    private static partial Regex Selector();

    [GeneratedRegex("(?<label>[a-z_]+)(=~|!~|!=|=)\"")]
    private static partial Regex Matcher();

    [GeneratedRegex("^(?<name>.*)_(bucket|sum|count)$")]
    private static partial Regex HistogramSample();

    [GeneratedRegex(@"^ +expr: (\|\n)?(?<text>.*?)(?=\n +(for|labels):)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Expression();
}

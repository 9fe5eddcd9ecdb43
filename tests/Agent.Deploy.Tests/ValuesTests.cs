using System.Text.Json.Nodes;
using Agent.Kubernetes.Tests.Support;
using Agent.Lab.Tests;

namespace Agent.Deploy.Tests;

/// <summary>The values of the chart, and what helm says of wrong ones before anything reaches a cluster.</summary>
public sealed class ValuesTests
{
    private const string Chart = "helm/local-redirect-agent";

    [Fact]
    public void Every_value_has_a_line_in_the_schema_and_nothing_else_has()
    {
        JsonObject values = DeployedYaml.Read($"{Chart}/values.yaml");
        JsonNode schema = JsonNode.Parse(File.ReadAllText(Path.Combine(DeployedYaml.Root, "deploy", Chart, "values.schema.json")))!;

        // `global` is what helm hands to a chart within another.
        Assert.Equal(Keys(values).Append("global").Order(), Keys(schema["properties"]!).Order());
        foreach (string section in (string[])["image", "apiServer", "resources"])
            Assert.Equal(Keys(values[section]!).Order(), Keys(schema["properties"]![section]!["properties"]!).Order());
    }

    [ToolTheory]
    [InlineData("imge.tag=0.2.0", "imge")]
    [InlineData("image.tga=0.2.0", "tga")]
    [InlineData("image.tag=2", "/image/tag")]
    [InlineData("image.digest=0123", "/image/digest")]
    [InlineData("image.pullPolicy=always", "/image/pullPolicy")]
    [InlineData("image.repository=", "/image/repository")]
    [InlineData("imagePullSecrets={here}", "/imagePullSecrets/0")]
    [InlineData("config.cache=1", "/config")]
    [InlineData("apiServer.host=https://192.0.2.1", "/apiServer/host")]
    [InlineData("apiServer.port=65536", "/apiServer/port")]
    [InlineData("resources.memory=1Gi", "memory")]
    [InlineData("maxUnavailable=0", "/maxUnavailable")]
    [InlineData("maxUnavailable=10", null)]
    [InlineData("maxUnavailable=all", "/maxUnavailable")]
    [InlineData("staleSockets=yes", "/staleSockets")]
    [InlineData("extraCapabilities={CAP_SYS_RESOURCE}", "/extraCapabilities/0")]
    [InlineData("extraCapabilities=SYS_RESOURCE", "/extraCapabilities")]
    [InlineData("seccompProfile=true", "/seccompProfile")]
    [InlineData("podMonitor=1", "/podMonitor")]
    [InlineData("uninstall=now", "/uninstall")]
    [InlineData("pauseImage=", "/pauseImage")]
    public void A_wrong_value_is_an_error_that_names_it(string value, string? named)
    {
        CommandResult result = Rendered.Helm("template", "--set", value);

        Assert.Equal(named == null, result.ExitCode == 0);
        Assert.Contains(named ?? "", result.Error, StringComparison.Ordinal);
    }

    [ToolTheory]
    [InlineData("", "exec daemonset/local-redirect-agent -- lra status", "--set uninstall=true")]
    [InlineData("uninstall=true", "rollout status daemonset/local-redirect-agent", "uninstall lra")]
    public void Helm_says_what_is_to_be_done_next(string values, params string[] said)
    {
        CommandResult result = Rendered.Helm("install", "--dry-run=client", "--set", values);

        Assert.All(said, text => Assert.Contains(text, result.Output, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Keys(JsonNode node) => node.AsObject().Select(field => field.Key);
}

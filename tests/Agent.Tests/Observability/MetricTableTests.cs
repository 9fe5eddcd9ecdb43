using System.Text.RegularExpressions;
using Agent.Observability.Metrics;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>The tables in src/Agent/Observability/README.md are what people build dashboards on: no name, label or meaning changes without them.</summary>
public sealed class MetricTableTests
{
    private static readonly string[] _rows = [.. File.ReadLines(Path.Combine(AgentProcess.Repository, "src/Agent/Observability/README.md"))
        .Where(line => Regex.IsMatch(line, "^\\| `[a-z]+_"))];

    [Fact]
    public void The_tables_list_what_is_exposed_and_nothing_else() =>
        Assert.Equal(MetricCatalogue.Own.Concat(MetricCatalogue.OfCoreDns).Select(RowOf), _rows);

    [Fact]
    public void No_family_is_exposed_twice() =>
        Assert.Distinct(MetricCatalogue.Own.Concat(MetricCatalogue.OfCoreDns).Select(family => family.Name));

    [Fact]
    public void Names_and_texts_need_no_escaping_and_counters_say_what_they_are() => Assert.All(MetricCatalogue.Own.Concat(MetricCatalogue.OfCoreDns), family =>
    {
        Assert.Matches("^[a-z][a-z0-9_]*$", family.Name);
        Assert.Matches("^[A-Z][^\\\\\"\n|]*[^.]$", family.Help);
        Assert.Equal(family.Kind == MetricKind.Counter, family.Name.EndsWith("_total", StringComparison.Ordinal));
        Assert.All(family.Labels, label => Assert.Matches("^[a-z_]+$", label));
        Assert.DoesNotContain("le", family.Labels);
    });

    private static string RowOf(MetricFamily family) =>
        $"| `{family.Name}` | {family.Kind.ToString().ToLowerInvariant()} | {string.Join(", ", family.Labels)} | {family.Help} |";
}

using System.Globalization;
using System.Text;

namespace Agent.Observability.Metrics;

/// <summary>Writes families in the text format of Prometheus 0.0.4, or as OpenMetrics 1.0.</summary>
internal sealed class SampleWriter(bool isOpenMetrics)
{
    public const string PrometheusType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private readonly StringBuilder _text = new();
    private MetricFamily _family = null!;

    /// <summary>Everything that these families have to say now.</summary>
    public static string Write(IEnumerable<MetricFamily> families, Scrape scrape, bool isOpenMetrics)
    {
        SampleWriter writer = new(isOpenMetrics);
        foreach (MetricFamily family in families)
            writer.Write(family, scrape);
        if (isOpenMetrics)
            writer._text.Append("# EOF\n");
        return writer._text.ToString();
    }

    /// <param name="labels">The values of the family's labels, in their order.</param>
    public void Add(double value, params ReadOnlySpan<string> labels) => AddLine(_family.Name, value, labels);

    /// <summary>A sample only where there is something to count: most of the many combinations of labels never happen.</summary>
    public void AddIfAny(long value, params ReadOnlySpan<string> labels)
    {
        if (value != 0)
            Add(value, labels);
    }

    /// <param name="first">The bound from which on buckets are written.</param>
    public void Add(HistogramTotals totals, int first, params ReadOnlySpan<string> labels)
    {
        long count = 0;
        for (int i = 0; i < totals.Bounds.Count; i++)
        {
            count += totals.Counts[i];
            if (i >= first)
                AddBucket(totals.Bounds[i].ToString(CultureInfo.InvariantCulture), count, labels);
        }

        count += totals.Counts[^1];
        AddBucket("+Inf", count, labels);
        AddLine($"{_family.Name}_sum", totals.Sum, labels);
        AddLine($"{_family.Name}_count", count, labels);
    }

    private void Write(MetricFamily family, Scrape scrape)
    {
        _family = family;
        string name = isOpenMetrics ? family.BareName : family.Name;
        _text.Append($"# HELP {name} {family.Help}\n# TYPE {name} {family.Kind.ToString().ToLowerInvariant()}\n");
        if (isOpenMetrics && family.Unit is { } unit)
            _text.Append($"# UNIT {name} {unit}\n");
        family.Read(scrape, this);
    }

    private void AddBucket(string bound, long count, ReadOnlySpan<string> labels)
    {
        _text.Append(_family.Name).Append("_bucket{");
        AppendLabels(labels);
        if (labels.Length > 0)
            _text.Append(',');
        _text.Append($"le=\"{bound}\"}} {count}\n");
    }

    private void AddLine(string name, double value, ReadOnlySpan<string> labels)
    {
        _text.Append(name);
        if (labels.Length > 0)
        {
            _text.Append('{');
            AppendLabels(labels);
            _text.Append('}');
        }

        _text.Append(CultureInfo.InvariantCulture, $" {value}\n");
    }

    private void AppendLabels(ReadOnlySpan<string> values)
    {
        if (values.Length != _family.Labels.Count)
            throw new InvalidOperationException($"{_family.Name} has {_family.Labels.Count} labels, and {values.Length} values were given");
        for (int i = 0; i < values.Length; i++)
        {
            _text.Append(i == 0 ? "" : ",").Append(_family.Labels[i]).Append("=\"");
            AppendEscaped(values[i]);
            _text.Append('"');
        }
    }

    private void AppendEscaped(string value)
    {
        foreach (char c in value)
            _ = c switch
            {
                '\\' => _text.Append(@"\\"),
                '"' => _text.Append("\\\""),
                '\n' => _text.Append(@"\n"),
                _ => _text.Append(c),
            };
    }
}

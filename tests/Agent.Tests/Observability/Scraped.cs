using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Agent.Tests.Observability;

/// <summary>What a scrape says, read without the product's help.</summary>
internal sealed partial class Scraped
{
    private Scraped(string text, string contentType)
    {
        Text = text;
        ContentType = contentType;
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith('#')))
        {
            Match match = Sample().Match(line);
            Assert.True(match.Success, $"no sample: {line}");
            string series = match.Groups["series"].Value;
            Assert.True(Samples.TryAdd(series, double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture)), $"twice: {series}");
        }
    }

    public string Text { get; }

    public string ContentType { get; }

    /// <summary>Values by series, as in <c>name{label="value"}</c>.</summary>
    public Dictionary<string, double> Samples { get; } = [];

    public double this[string series] => Samples.TryGetValue(series, out double value) ? value : throw new KeyNotFoundException($"{series} is not in\n{Text}");

    /// <summary>Longer than scrapes are given the same text.</summary>
    public static TimeSpan Age { get; } = TimeSpan.FromMilliseconds(1100);

    public static Scraped From(string text) => new(text, "");

    /// <summary>What the agent says now, not what another scrape was told before.</summary>
    public static async Task<Scraped> Of(IPEndPoint server, string? accept = null)
    {
        await Task.Delay(Age);
        using HttpClient client = new();
        using HttpRequestMessage request = new(HttpMethod.Get, $"http://{server}/metrics");
        if (accept != null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new Scraped(await response.Content.ReadAsStringAsync(), $"{response.Content.Headers.ContentType}");
    }

    /// <summary>The sum of a family's samples that have all these labels.</summary>
    public double Sum(string name, params string[] labels) => Samples
        .Where(sample => sample.Key.StartsWith($"{name}{{", StringComparison.Ordinal) && labels.All(label => sample.Key.Contains(label, StringComparison.Ordinal)))
        .Sum(sample => sample.Value);

    [GeneratedRegex("""^(?<series>[a-zA-Z_][a-zA-Z0-9_]*(\{[a-zA-Z_]+="([^"\\\n]|\\[\\"n])*"(,[a-zA-Z_]+="([^"\\\n]|\\[\\"n])*")*\})?) (?<value>-?[0-9.E+-]+|\+Inf|NaN)$""")]
    private static partial Regex Sample();
}

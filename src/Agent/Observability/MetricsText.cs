using System.Diagnostics;
using Agent.Observability.Metrics;

namespace Agent.Observability;

/// <summary>
/// What <c>/metrics</c> says in one format, composed by one request at a time and then given to all for a second: whoever can reach the port must
/// not decide how much processor time the agent spends on it.
/// </summary>
internal sealed class MetricsText(NodeAgent agent, IReadOnlyList<MetricFamily> families, bool isOpenMetrics)
{
    private static readonly TimeSpan _age = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<byte[]>? _text;
    private long _ended;

    public string Type => isOpenMetrics ? SampleWriter.OpenMetricsType : SampleWriter.PrometheusType;

    /// <summary>Text in UTF-8 that is at most a second old, or is being composed.</summary>
    public Task<byte[]> Read()
    {
        lock (_lock)
        {
            // From its end: what takes long to compose must not be composed all the time.
            if (_text is null || (_text.IsCompleted && Stopwatch.GetElapsedTime(_ended) >= _age))
                _text = Task.Run(Compose);
            return _text;
        }
    }

    private byte[] Compose()
    {
        try
        {
            return System.Text.Encoding.UTF8.GetBytes(SampleWriter.Write(families, new Scrape(agent), isOpenMetrics));
        }
        finally
        {
            _ended = Stopwatch.GetTimestamp();
        }
    }
}

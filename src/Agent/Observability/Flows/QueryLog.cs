using System.Text;
using Agent.Configuration;

namespace Agent.Observability.Flows;

/// <summary>
/// Writes queries as lines of CoreDNS's log, one reader of flows among others: where the lines are not taken fast enough, some are lost and it says how
/// many, and no query waits.
/// </summary>
internal sealed class QueryLog(FlowHub hub, TextWriter output) : IDisposable
{
    /// <summary>What takes longer is slow, in microseconds: ten times what a server in the same town takes.</summary>
    public const double Slow = 100_000;

    private const int MaxBatch = 256; // lines written at once

    private FlowWatcher? _watcher;
    private Task _writing = Task.CompletedTask;

    /// <summary>Goes by this from the next query on. Call from one thread at a time.</summary>
    public void Log(LoggedQueries logged)
    {
        if (logged == LoggedQueries.None)
            Stop();
        else if (_watcher == null)
            Start(FilterOf(logged));
        else
            _watcher.Filter = FilterOf(logged);
    }

    public void Dispose() => Stop();

    private void Start(FlowFilter filter)
    {
        _watcher = hub.TryWatch(filter, out _);
        if (_watcher is { } watcher)
            _writing = Task.Factory.StartNew(() => Write(watcher), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Stop()
    {
        _watcher?.Complete();
        _watcher?.Dispose();
        _watcher = null;
        _writing.Wait(TimeSpan.FromSeconds(1)); // whoever takes no lines must not keep the agent from stopping
    }

    private void Write(FlowWatcher watcher)
    {
        StringBuilder lines = new();
        while (watcher.Flows.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            for (int i = 0; i < MaxBatch && watcher.Flows.TryRead(out Flow? flow); i++)
            {
                if (FlowText.CoreDns(flow) is { } line)
                    lines.Append(line).Append('\n');
            }

            if (lines.Length > 0)
                output.Write(lines);
            lines.Clear();
        }
    }

    private static FlowFilter FilterOf(LoggedQueries logged) => logged switch
    {
        LoggedQueries.Errors => new FlowFilter { Source = Flow.Dns, Rcodes = ["NOERROR", "NXDOMAIN"], IsNegated = true },
        LoggedQueries.Denied => new FlowFilter { Source = Flow.Dns, Verdicts = ["denied", "limited"] },
        LoggedQueries.Slow => new FlowFilter { Source = Flow.Dns, LeastMicroseconds = Slow },
        _ => new FlowFilter { Source = Flow.Dns },
    };
}

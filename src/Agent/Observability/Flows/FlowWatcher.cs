using System.Threading.Channels;

namespace Agent.Observability.Flows;

/// <summary>One reader of flows, with a bounded queue: what does not fit is lost to it, and it is told how many at the place where they are missing.</summary>
internal sealed class FlowWatcher(FlowFilter filter, Action<FlowWatcher> leave) : IDisposable
{
    /// <summary>Flows that wait for a reader.</summary>
    public const int Capacity = 4096;

    private readonly Channel<Flow> _queue = Channel.CreateBounded<Flow>(new BoundedChannelOptions(Capacity) { SingleWriter = true, SingleReader = true });
    private long _lost; // not told yet; the hub's thread alone

    /// <summary>What is let through, from the next flow on.</summary>
    public FlowFilter Filter
    {
        get => Volatile.Read(ref filter);
        set => Volatile.Write(ref filter, value);
    }

    public bool WantsKernel => Filter.Source != Flow.Dns;

    /// <summary>Completed when the agent stops.</summary>
    public ChannelReader<Flow> Flows => _queue.Reader;

    /// <summary>Takes what the filter lets through; for the hub's thread.</summary>
    /// <param name="lost">Flows that were lost before the filter could look at them.</param>
    public void Offer(IReadOnlyList<Flow> flows, long lost)
    {
        _lost += lost;
        FlowFilter wanted = Filter;
        foreach (Flow flow in flows)
        {
            if (wanted.Matches(flow) && !(TryTellLoss(flow.Time) && _queue.Writer.TryWrite(flow)))
                _lost++;
        }

        // Nothing may follow for long.
        TryTellLoss(DateTimeOffset.UtcNow);
    }

    public void Complete() => _queue.Writer.TryComplete();

    public void Dispose() => leave(this);

    private bool TryTellLoss(DateTimeOffset now)
    {
        if (_lost == 0)
            return true;
        if (!_queue.Writer.TryWrite(new Flow { Time = now, Source = Flow.LostFlows, Lost = _lost }))
            return false;
        _lost = 0;
        return true;
    }
}

using Agent.Snapshots;

namespace Agent;

// Beginning with what an agent before this one knew.
internal sealed partial class NodeAgent
{
    private Snapshot? _snapshot;

    /// <summary>When the table of cluster names was written that still stands in for this agent's own; null: none does.</summary>
    public DateTimeOffset? NamesRestoredFrom => _snapshot?.NamesRestoredFrom;

    private void RestoreSnapshot()
    {
        if (_configuration.Snapshot.Path.Length == 0)
            return;
        _snapshot = new Snapshot(new SnapshotContent(_clusterNames, _cache), () => _configuration, CountQueries, _logger);
        _snapshot.Restore(Moment.Now());
    }

    private long CountQueries() => _threads.Sum(thread => thread.Counters.Hits + thread.Counters.Misses);
}

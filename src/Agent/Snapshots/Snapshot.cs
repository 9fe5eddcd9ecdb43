using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Dns;
using Microsoft.Extensions.Logging;

namespace Agent.Snapshots;

/// <summary>
/// What an agent knows, on disk for the one that is started next: the table of the cluster's names, and the answers asked for most. Written now
/// and then and at the end; nothing here is on the way of a query.
/// </summary>
/// <param name="configuration">What holds at the moment.</param>
/// <param name="activity">Counts up while clients ask.</param>
internal sealed partial class Snapshot(SnapshotContent content, Func<AgentConfiguration> configuration, Func<long> activity, ILogger logger) : IDisposable
{
    private const long LongestTableAge = 24 * 3_600_000L; // milliseconds: by then addresses of Services that are gone have passed to others
    private static readonly TimeSpan _firstSave = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _interval = TimeSpan.FromMinutes(1);

    // What decides how cached answers came to be, and which cluster the table is of.
    private static readonly string[] _deciding = ["clusterDomain", "routes", "rewrite", "zones", "dns64", "kubernetes"];

    private readonly Lock _saving = new();
    private ClusterNames? _restored;
    private Moment _restoredFrom;
    private ClusterNames? _savedNames;
    private long _savedActivity = -1;
    private bool _isFailing;
    private Timer? _timer;

    private string Path => configuration().Snapshot.Path;

    /// <summary>When the table that is answered from was written, if an agent before this one wrote it; null: it is this agent's own, or there is none.</summary>
    public DateTimeOffset? NamesRestoredFrom => _restored != null && content.Names.Current == _restored ? _restoredFrom.Date : null;

    /// <summary>Takes over what the file holds; one that cannot be used changes nothing. Not while the cache or the table is in use.</summary>
    public void Restore(Moment now)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            SnapshotFile.Read(Path, from => Read(from, now));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return; // the first start here
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
        {
            _restored = null;
            content.Names.Publish(null);
            content.Cache.Flush([0]);
            Ignored(logger, Path, error.Message);
            return;
        }

        _savedNames = _restored;
        Restored(logger, content.Cache.Count, _restored == null ? "no table" : "the table", Path, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>From now on the file follows what is known.</summary>
    public void Begin()
    {
        _savedActivity = activity();
        _timer = new Timer(_ => Save(), null, _firstSave, _interval);
    }

    /// <summary>Writes the file if there is something new. A file that cannot be written is worth one warning, and DNS goes on.</summary>
    public void Save()
    {
        lock (_saving)
        {
            long active = activity();
            ClusterNames? names = content.Names.Current;
            if (active == _savedActivity && names == _savedNames && !_isFailing)
                return;
            try
            {
                SnapshotFile.Write(Path, to => Write(to, names, Moment.Now()));
                (_savedActivity, _savedNames) = (active, names);
                if (_isFailing)
                    WrittenAgain(logger, Path);
                _isFailing = false;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (!_isFailing)
                    CannotWrite(logger, Path, error.Message);
                _isFailing = true;
            }
        }
    }

    /// <summary>Writes the file for the last time, if it was ever to be written.</summary>
    public void Dispose()
    {
        if (_timer == null)
            return;
        _timer.Dispose();
        Save();
    }

    private void Write(BinaryWriter to, ClusterNames? names, Moment now)
    {
        AgentConfiguration current = configuration();
        to.Write(Fingerprint(current));
        now.Write(to);
        to.Write(names != null);
        if (names != null)
        {
            // A table that was restored and not confirmed since gets no younger.
            (names == _restored ? _restoredFrom : now).Write(to);
            ClusterSnapshot.Write(names, to);
        }

        CacheSnapshot.Write(content.Cache, new CacheSelection(current.Snapshot.CacheBytes, LeftOut(current)), to, now.Monotonic);
    }

    private void Read(BinaryReader from, Moment now)
    {
        AgentConfiguration current = configuration();
        byte[] fingerprint = new byte[SHA256.HashSizeInBytes];
        from.BaseStream.ReadExactly(fingerprint);
        if (!fingerprint.AsSpan().SequenceEqual(Fingerprint(current)))
            throw new FormatException("it was written under other routes, names or another cluster");
        long elapsed = now.Since(Moment.Read(from));
        if (from.ReadBoolean())
        {
            Moment written = Moment.Read(from);
            ClusterNames names = ClusterSnapshot.Read(ClusterWatch.ZoneOf(current), from);
            if (now.Since(written) <= LongestTableAge && current.Kubernetes is { Enabled: true, ClusterNames: not ClusterNamesMode.Forward })
            {
                (_restored, _restoredFrom) = (names, written);
                content.Names.Publish(names);
            }
        }

        CacheConfiguration cache = current.Cache;
        CacheLimits limits = new((uint)cache.MinTtl, (uint)cache.MaxTtl, (uint)cache.MaxNegativeTtl);
        CacheSnapshot.Read(content.Cache, from, limits, (now.Monotonic, elapsed));
    }

    private static byte[] Fingerprint(AgentConfiguration configuration) => SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', configuration.Settings
        .Where(setting => Setting.IsUnder(setting.Path, _deciding))
        .Select(setting => $"{setting.Path} {setting.Text}"))));

    /// <summary>
    /// Zones whose answers are not kept: those that speak of the cluster's Services, by name or by address, or were made by the configuration of names
    /// that may. While the agent is away nobody drops the answers of a Service that is deleted, and they must never be served stale (P15).
    /// </summary>
    private static IReadOnlyList<byte[]> LeftOut(AgentConfiguration configuration) =>
    [
        .. KubeDns.ZonesOf(configuration.ClusterDomain)
            .Concat(configuration.Names.Rewrite.Select(rewrite => rewrite.From))
            .Concat(configuration.Names.Zones.Select(zone => zone.Zone))
            .Select(DnsName.FromText),
    ];

    [LoggerMessage(600, LogLevel.Information, "Restored {Answers} answers and {Table} of cluster names from {Path} in {Milliseconds} ms")]
    private static partial void Restored(ILogger logger, long answers, string table, string path, long milliseconds);

    [LoggerMessage(601, LogLevel.Warning, "{Path} is ignored, the agent begins without what was known before: {Reason}")]
    private static partial void Ignored(ILogger logger, string path, string reason);

    [LoggerMessage(602, LogLevel.Warning, "Cannot write {Path}, so the next start will lack what is known now; tried again every minute: {Reason}")]
    private static partial void CannotWrite(ILogger logger, string path, string reason);

    [LoggerMessage(603, LogLevel.Information, "{Path} is written again")]
    private static partial void WrittenAgain(ILogger logger, string path);
}

/// <summary>What a snapshot is of.</summary>
internal sealed record SnapshotContent(PublishedNames Names, ResponseCache Cache);

using System.ComponentModel;
using System.Net;
using Agent.Configuration;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Redirect;

/// <summary>
/// Writes whose traffic the kernel leaves alone: always this agent's own, so that it cannot ask itself; the pods' that said so; and, for single
/// frontends, that of the pods behind them. Entries outlive the agent; until the cluster has been heard those of an earlier one hold.
/// </summary>
internal sealed partial class CgroupTable : IDisposable
{
    // A pod's cgroup is made a moment before or after the pod is heard of.
    private static readonly TimeSpan _searchInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestSearch = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _upkeepInterval = TimeSpan.FromSeconds(5);

    private readonly Datapath _datapath;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private readonly Dictionary<ulong, CgroupMode> _fixed = [];
    private readonly Dictionary<ulong, CgroupMode> _modes = []; // as the kernel has them
    private readonly HashSet<SkipKey> _skipped;
    private IReadOnlyDictionary<string, RedirectMode>? _wantedModes; // null: the cluster has not been heard
    private HashSet<(Endpoint Frontend, string Pod)>? _wantedSkipped; // null: as before
    private long _searchUntil;
    private string? _failure;
    private bool _isDisposed;

    private CgroupTable(Datapath datapath, string attached, ILogger logger)
    {
        _datapath = datapath;
        _logger = logger;
        Attached = attached;
        _skipped = [.. datapath.SkippedCgroups.Keys()];
        _timer = new Timer(_ => Apply());
    }

    /// <summary>Where the programs are attached.</summary>
    public string Attached { get; }

    /// <summary>Excludes this process and no longer excludes an earlier one; says what holds for pods that say nothing.</summary>
    /// <param name="keepsPods">Whether the entries of an earlier agent for pods hold until others are set.</param>
    /// <exception cref="RedirectException">The agent's own cgroup cannot be found.</exception>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static CgroupTable Begin(Datapath datapath, string attached, RedirectMode mode, bool keepsPods, ILogger logger)
    {
        CgroupTable table = new(datapath, attached, logger);
        string own = Cgroups.Own();
        // Where the agent shares the pods' top cgroup, excluding what is below it would exclude every pod.
        bool isBelow = own != attached && Mounts.IsWithin(own, attached);
        table._fixed[FileIdentity.Inode(own)] = isBelow ? CgroupMode.ExcludeSubtree : CgroupMode.ExcludeExact;
        if (mode == RedirectMode.Disabled)
            table._fixed[FileIdentity.Inode(attached)] = CgroupMode.ExcludeSubtree;
        foreach (ulong cgroup in datapath.CgroupModes.Keys())
        {
            if (datapath.CgroupModes.TryLookup(cgroup, out uint known))
                table._modes[cgroup] = (CgroupMode)known;
        }

        if (!keepsPods)
            (table._wantedModes, table._wantedSkipped) = (new Dictionary<string, RedirectMode>(), []);
        table.Write();
        return table;
    }

    /// <summary>Makes the kernel go by what pods ask for, within <see cref="_searchInterval"/> of when their cgroups are there.</summary>
    /// <param name="modes">By what their cgroups are named after: the pods for which not the default holds, and what holds.</param>
    public void SetModes(IReadOnlyDictionary<string, RedirectMode> modes)
    {
        lock (_lock)
        {
            if (_wantedModes != null && _wantedModes.Count == modes.Count && modes.All(pod => _wantedModes.TryGetValue(pod.Key, out RedirectMode known) && known == pod.Value))
                return;
            _wantedModes = modes;
            Search();
        }
    }

    /// <summary>Leaves alone what the pods behind these frontends ask them themselves: they would reach themselves. To be called before the pods are backends.</summary>
    /// <param name="frontends">With one whose pods are not known, what the kernel was told before holds.</param>
    public void SetSkipped(IReadOnlyList<FrontendConfiguration> frontends)
    {
        FrontendConfiguration[] skipping = [.. frontends.Where(frontend => frontend.SkipRedirectFromBackend)];
        if (skipping.Any(frontend => frontend.SkippedPods == null))
            return;
        HashSet<(Endpoint, string)> wanted = [.. skipping.SelectMany(frontend => frontend.Protocols.SelectMany(protocol => frontend.SkippedPods!.Select(pod =>
            (Endpoint.From(new IPEndPoint(frontend.Address, frontend.Port), (byte)protocol), pod))))];
        lock (_lock)
        {
            if (_wantedSkipped?.SetEquals(wanted) == true)
                return;
            _wantedSkipped = wanted;
            Search();
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _isDisposed = true;
        _timer.Dispose();
    }

    private void Search()
    {
        _searchUntil = Environment.TickCount64 + (long)_longestSearch.TotalMilliseconds;
        Apply();
    }

    private void Apply()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            bool isComplete = false;
            try
            {
                isComplete = Write();
                _failure = null;
            }
            catch (Exception error) when (error is BpfException or IOException or UnauthorizedAccessException)
            {
                if (_failure != error.Message)
                    CannotWrite(_logger, error.Message);
                _failure = error.Message;
            }

            bool isSearching = !isComplete && Environment.TickCount64 < _searchUntil;
            bool hasPods = _modes.Count > _fixed.Count || _skipped.Count > 0 || !isComplete;
            _timer.Change(isSearching ? _searchInterval : hasPods ? _upkeepInterval : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <returns>False when a cgroup is not there (yet).</returns>
    private bool Write()
    {
        PodCgroups there = PodCgroups.Scan(Attached);
        bool isComplete = true;
        Dictionary<ulong, CgroupMode> modes = _wantedModes == null ? Kept(there) : [];
        foreach ((string pod, RedirectMode mode) in _wantedModes ?? new Dictionary<string, RedirectMode>())
        {
            if (IdOf(there.Find(pod)) is { } cgroup)
                modes[cgroup] = mode == RedirectMode.Enabled ? CgroupMode.IncludeSubtree : CgroupMode.ExcludeSubtree;
            else
                isComplete = false;
        }

        foreach ((ulong cgroup, CgroupMode mode) in _fixed)
            modes[cgroup] = mode;
        WriteModes(modes);
        return WriteSkipped(there) && isComplete;
    }

    private Dictionary<ulong, CgroupMode> Kept(PodCgroups there)
    {
        HashSet<ulong> pods = [.. there.Paths.Select(IdOf).OfType<ulong>()];
        return _modes.Where(entry => pods.Contains(entry.Key)).ToDictionary();
    }

    private void WriteModes(Dictionary<ulong, CgroupMode> modes)
    {
        foreach ((ulong cgroup, CgroupMode mode) in modes.Where(entry => !_modes.TryGetValue(entry.Key, out CgroupMode known) || known != entry.Value))
        {
            _datapath.CgroupModes.Update(cgroup, (uint)mode);
            _modes[cgroup] = mode;
        }

        foreach (ulong gone in _modes.Keys.Where(cgroup => !modes.ContainsKey(cgroup)).ToArray())
        {
            _datapath.CgroupModes.Delete(gone);
            _modes.Remove(gone);
        }

        // Each time, not only after a change: a verdict that was found while the modes changed then lives a few seconds at most.
        _datapath.ModesGeneration.TryLookup(0, out uint generation);
        _datapath.ModesGeneration.Update(0, generation + 1);
    }

    private bool WriteSkipped(PodCgroups there)
    {
        if (_wantedSkipped == null)
            return true;
        bool isComplete = true;
        HashSet<SkipKey> wanted = [];
        foreach ((Endpoint frontend, string pod) in _wantedSkipped)
        {
            if (IdOf(there.Find(pod)) is { } cgroup)
                wanted.Add(new SkipKey { cgroup_id = cgroup, frontend = frontend });
            else
                isComplete = false;
        }

        foreach (SkipKey key in wanted.Where(key => !_skipped.Contains(key)))
        {
            _datapath.SkippedCgroups.Update(key, 1);
            _skipped.Add(key);
        }

        foreach (SkipKey gone in _skipped.Where(key => !wanted.Contains(key)).ToArray())
        {
            _datapath.SkippedCgroups.Delete(gone);
            _skipped.Remove(gone);
        }

        return isComplete;
    }

    private static ulong? IdOf(string? cgroup)
    {
        try
        {
            return cgroup == null ? null : FileIdentity.Inode(cgroup);
        }
        catch (Win32Exception)
        {
            return null; // gone since
        }
    }

    [LoggerMessage(107, LogLevel.Error, "The kernel cannot be told which pods to leave alone, and goes by what it was told before: {Reason}")]
    private static partial void CannotWrite(ILogger logger, string reason);
}

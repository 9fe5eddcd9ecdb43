using System.Net;
using Agent.Forwarding;
using Agent.Kubernetes;
using Agent.Kubernetes.Watching;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster.Policies;

/// <summary>
/// Writes the status of policies, from a task of its own: nobody waits for the API server. What lacks is looked for in the newest copy of each
/// object, and again when the time to write has come, so that what another node has written meanwhile is not written twice.
/// </summary>
internal sealed partial class PolicyStatusWriter : IDisposable
{
    private const long Never = long.MaxValue;
    private const int MostDisputes = 6;

    private readonly ApiClient _client;
    private readonly string _node;
    private readonly PolicyPace _pace;
    private readonly PolicyEvents _events;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Entry> _entries = [];
    private readonly DueTask<PolicyStatus> _task;
    private int _failures;
    private long _notBefore;
    private int _denials;

    public PolicyStatusWriter(ApiClient client, string node, PolicyPace pace, PolicyEvents events, ILogger logger)
    {
        _client = client;
        _node = node;
        _pace = pace;
        _events = events;
        _logger = logger;
        _task = new DueTask<PolicyStatus>(TakeDue, Write);
    }

    /// <summary>Takes over what policies come to and how their objects stand; returns at once.</summary>
    public void Publish(IReadOnlyList<PolicyVerdict> verdicts, IReadOnlyDictionary<ObjectKey, LocalRedirectPolicy> current)
    {
        long now = Environment.TickCount64;
        lock (_lock)
        {
            foreach (ObjectKey gone in _entries.Keys.Where(key => !current.ContainsKey(key)).ToArray())
                _entries.Remove(gone);
            foreach (PolicyVerdict verdict in verdicts.Where(verdict => verdict.Kind == PolicyKind.LocalRedirect))
            {
                if (!current.TryGetValue(verdict.Key, out LocalRedirectPolicy? policy))
                    continue;
                if (!_entries.TryGetValue(verdict.Key, out Entry? entry))
                    _entries.Add(verdict.Key, entry = new Entry());
                // A verdict on what the object was before, or an object older than what others have seen: the next one will fit.
                bool fits = (policy.Uid, policy.Generation) == (verdict.Uid, verdict.Generation)
                    && policy.Conditions.All(condition => condition.ObservedGeneration <= verdict.Generation);
                entry.Status = fits ? new PolicyStatus(policy, verdict, _node) : null;
                Schedule(entry, now);
            }

            _task.Wake();
        }
    }

    public void Dispose() => _task.Dispose();

    private PolicyStatus? TakeDue(out TimeSpan pause)
    {
        lock (_lock)
        {
            long now = Environment.TickCount64;
            pause = Timeout.InfiniteTimeSpan;
            Entry? next = _entries.Values.MinBy(entry => entry.DueAt);
            if (next == null || next.DueAt == Never)
                return null;
            long wait = Math.Max(next.DueAt, _notBefore) - now;
            // Many have begun to report since the time was drawn: make room for them.
            if (wait <= 0 && _pace.Spread(next.Status!.Policy.Nodes.Count) > 2 * next.Spread)
            {
                Draw(next, now);
                wait = next.DueAt - now;
            }

            if (wait > 0)
            {
                pause = TimeSpan.FromMilliseconds(wait);
                return null;
            }

            PolicyStatus due = next.Status!;
            next.Disputes = due.Verdict.Generation != next.Generation ? 0 : next.Disputes + (due.IsDisputed ? 1 : 0);
            next.Generation = due.Verdict.Generation;
            next.WrittenAt = now;
            next.WrittenOver = due.Policy.ResourceVersion;
            next.DueAt = Never;
            return due;
        }
    }

    private void Schedule(Entry entry, long now)
    {
        if (entry.Status is not { Lack: not StatusLack.Nothing } status)
        {
            entry.DueAt = Never;
            return;
        }

        // Written already, and the watch has not brought it back yet.
        bool isRepeated = entry.WrittenOver == status.Policy.ResourceVersion;
        (StatusLack, bool) cause = (status.Lack, isRepeated);
        if (entry.DueAt != Never && entry.Cause == cause)
            return;
        entry.Cause = cause;
        TimeSpan gap = isRepeated || status.Lack == StatusLack.Trifle ? _pace.TrifleGap : _pace.Gap;
        // Nodes that come to different verdicts (another configuration, another version) must not write in turns for ever.
        if (status.IsDisputed)
            gap *= 1 << Math.Min(entry.Disputes, MostDisputes);
        Draw(entry, entry.WrittenOver == null ? now : Math.Max(now, entry.WrittenAt + (long)gap.TotalMilliseconds));
    }

    private void Draw(Entry entry, long from)
    {
        PolicyStatus status = entry.Status!;
        entry.Spread = _pace.Spread(status.Policy.Nodes.Count);
        TimeSpan delay = status.OwnLack != StatusLack.Nothing ? TimeSpan.FromMilliseconds(Jitter.Within((long)entry.Spread.TotalMilliseconds)) : _pace.ForOneOfAll();
        entry.DueAt = from + (long)delay.TotalMilliseconds;
    }

    private async Task Write(PolicyStatus status, CancellationToken stop)
    {
        PolicyStatusChange change = status.Change(DateTimeOffset.UtcNow);
        bool isGone = false;
        try
        {
            await _client.PatchStatus(Resources.LocalRedirectPolicies, status.Policy.Key, change.ToMergePatch(), stop).ConfigureAwait(false);
        }
        catch (ApiException error) when (error.Code == HttpStatusCode.NotFound)
        {
            isGone = true; // as the watch will tell; else it is looked at again below
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            Fail(status, error);
            return;
        }

        lock (_lock)
        {
            if (_failures > 0)
                WritesAgain(_logger);
            (_failures, _notBefore, _denials) = (0, 0, 0);
            // What has changed meanwhile was scheduled then; what has not is looked at again in case that the watch does not bring it back.
            if (_entries.TryGetValue(status.Policy.Key, out Entry? entry))
                Schedule(entry, Environment.TickCount64);
        }

        if (!isGone)
            _events.Written(status, change);
    }

    private void Fail(PolicyStatus status, Exception error)
    {
        HttpStatusCode? code = (error as ApiException)?.Code;
        lock (_lock)
        {
            _failures++;
            _denials = code == HttpStatusCode.Forbidden ? _denials + 1 : 0;
            bool isHopeless = code == HttpStatusCode.UnprocessableEntity || _denials >= RetryPace.DenialsBeforeForbidden;
            TimeSpan pause = isHopeless ? _pace.Retry.Forbidden : _pace.Retry.After(_failures);
            if ((error as ApiException)?.RetryAfter is { } asked && asked > pause)
                pause = asked;
            long until = Environment.TickCount64 + (long)pause.TotalMilliseconds;
            if (code != HttpStatusCode.UnprocessableEntity)
                _notBefore = until;
            if (_entries.TryGetValue(status.Policy.Key, out Entry? entry) && entry.Status != null)
            {
                entry.WrittenOver = null;
                Schedule(entry, until);
            }

            if (_denials == RetryPace.DenialsBeforeForbidden)
                Forbidden(_logger, error.Message);
            else if (_failures == 1)
                Fails(_logger, status.Policy.Key, error.Message);
        }
    }

    [LoggerMessage(420, LogLevel.Warning, "The status of LocalRedirectPolicies is not written: the agent's ServiceAccount needs the verb patch on localredirectpolicies/status in redirect.lra.dev ({Reason})")]
    private static partial void Forbidden(ILogger logger, string reason);

    [LoggerMessage(421, LogLevel.Warning, "The status of LocalRedirectPolicy {Policy} could not be written, trying again: {Reason}")]
    private static partial void Fails(ILogger logger, ObjectKey policy, string reason);

    [LoggerMessage(422, LogLevel.Information, "The status of LocalRedirectPolicies is written again")]
    private static partial void WritesAgain(ILogger logger);

    private sealed class Entry
    {
        /// <summary>Null while verdict and object are not of one generation.</summary>
        public PolicyStatus? Status { get; set; }

        public long DueAt { get; set; } = Never;

        public (StatusLack Lack, bool IsRepeated) Cause { get; set; }

        /// <summary>What the time was drawn from.</summary>
        public TimeSpan Spread { get; set; }

        public long WrittenAt { get; set; }

        public long Generation { get; set; }

        /// <summary>How often this node wrote over another verdict on this generation.</summary>
        public int Disputes { get; set; }

        /// <summary>The resourceVersion of the object that the last write was meant for; null: none.</summary>
        public string? WrittenOver { get; set; }
    }
}

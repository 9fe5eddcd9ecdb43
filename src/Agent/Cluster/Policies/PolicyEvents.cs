using System.Net;
using System.Security.Cryptography;
using System.Text;
using Agent.Forwarding;
using Agent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster.Policies;

/// <summary>
/// Tells what became of policies as events, on transitions alone. What is the same on every node is told by the node that writes the condition; where no
/// condition is written (CiliumLocalRedirectPolicy), every node tells it at a random time under one name, and the first is recorded.
/// </summary>
internal sealed partial class PolicyEvents : IDisposable
{
    private const string Accept = "Accept";
    private const int Burst = 10;
    private const int MostWaiting = 50;
    private const int MostTries = 8; // a minute or so; then a 403 is meant, and the event no news any more
    private const int MostTold = 1_000;
    private const long Memory = 3_600_000; // milliseconds; the API server forgets events after an hour too

    private readonly ApiClient _client;
    private readonly string _node;
    private readonly PolicyPace _pace;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly PriorityQueue<Waiting, long> _waiting = new();
    private readonly Dictionary<string, long> _told = []; // when, by the names of events
    private readonly DueTask<Waiting> _task;
    private Dictionary<ObjectKey, PolicyVerdict>? _known; // null: nothing was published yet
    private double _tokens = Burst;
    private long _filledAt = Environment.TickCount64;
    private bool _isForbidden;

    public PolicyEvents(ApiClient client, string node, PolicyPace pace, ILogger logger)
    {
        _client = client;
        _node = node;
        _pace = pace;
        _logger = logger;
        _task = new DueTask<Waiting>(TakeDue, Send);
    }

    /// <summary>Tells how verdicts on CiliumLocalRedirectPolicies changed. What the first call brings is no change.</summary>
    public void Publish(IReadOnlyList<PolicyVerdict> verdicts)
    {
        Dictionary<ObjectKey, PolicyVerdict> now = [];
        foreach (PolicyVerdict verdict in verdicts.Where(verdict => verdict.Kind == PolicyKind.CiliumLocalRedirect))
            now[verdict.Key] = verdict;
        Dictionary<ObjectKey, PolicyVerdict>? before = _known;
        _known = now;
        if (before == null)
            return;
        foreach ((ObjectKey key, PolicyVerdict verdict) in now)
        {
            PolicyVerdict? old = before.GetValueOrDefault(key);
            if (HasChanged(old?.Accepted, verdict.Accepted))
                Tell(verdict, Accept, verdict.Accepted, verdict.Accepted.Message, byAll: true);
            else if (verdict is { Accepted.IsTrue: true, IsForThisNode: true } && HasChanged(old?.Programmed, verdict.Programmed))
                Tell(verdict, "Program", verdict.Programmed, $"on {_node}: {verdict.Programmed.Message}", byAll: true);
        }

        foreach (PolicyVerdict gone in before.Values.Where(old => !now.ContainsKey(old.Key)))
            Reverted(gone, byAll: true);
    }

    /// <summary>Tells what this node has just written into the status of a policy, where it is news.</summary>
    public void Written(PolicyStatus status, PolicyStatusChange change)
    {
        PolicyVerdict verdict = status.Verdict;
        if (change.Conditions != null && HasChanged(FindingOf(status.Condition(PolicyStatus.Accepted)), verdict.Accepted))
            Tell(verdict, Accept, verdict.Accepted, verdict.Accepted.Message, byAll: false);
        Condition? programmed = change.Conditions?.FirstOrDefault(condition => condition.Type == PolicyStatus.Programmed);
        bool hasReason = change is { ChangesReport: true, Report.Reason.Length: > 0 };
        if (hasReason && status.Listed?.Reason != change.Report!.Reason)
            Tell(verdict, "Program", verdict.Programmed, $"on {_node}: {verdict.Programmed.Message}", byAll: false);
        else if (programmed is { Status: "True" } && status.Condition(PolicyStatus.Programmed)?.Status != "True")
            Tell(verdict, "Program", new Finding(true, programmed.Reason, programmed.Message), programmed.Message, byAll: false);
    }

    /// <summary>Tells that a policy is gone.</summary>
    /// <param name="byAll">Whether every node does.</param>
    public void Reverted(PolicyVerdict gone, bool byAll)
    {
        if (gone.Programmed.IsTrue && gone.IsForThisNode)
            Tell(gone, "Revert", new Finding(true, "Reverted", ""), "the policy is gone, and its frontends go where they went without it", byAll);
    }

    public void Dispose() => _task.Dispose();

    // That all is well with something new is no news.
    private static bool HasChanged(Finding? old, Finding now) =>
        old == null ? !now.IsTrue : old.IsTrue != now.IsTrue || (!now.IsTrue && old.Reason != now.Reason);

    private static Finding? FindingOf(Condition? condition) => condition == null ? null : new Finding(condition.Status == "True", condition.Reason, condition.Message);

    private void Tell(PolicyVerdict about, string action, Finding finding, string note, bool byAll)
    {
        (string groupVersion, string kind) = about.Kind == PolicyKind.LocalRedirect
            ? (Resources.LocalRedirectPolicies.GroupVersion, Resources.LocalRedirectPolicies.Kind)
            : (Resources.CiliumLocalRedirectPolicies.GroupVersion, Resources.CiliumLocalRedirectPolicies.Kind);
        ObjectEvent told = new()
        {
            About = new ObjectReference(groupVersion, kind, about.Key, about.Uid, ""),
            Name = NameOf(about, action, finding, byAll || action == Accept ? "" : _node),
            IsWarning = !finding.IsTrue,
            Action = action,
            Reason = finding.Reason,
            Note = note,
            ReportedBy = _node,
        };
        long now = Environment.TickCount64;
        lock (_lock)
        {
            bool isKnown = _told.TryGetValue(told.Name, out long before) && now - before < Memory;
            if (isKnown || _waiting.Count >= MostWaiting)
                return;
            if (_told.Count >= MostTold)
                _told.Clear();
            _told[told.Name] = now;
            _waiting.Enqueue(new Waiting(told, 1), now + (byAll ? Jitter.Within((long)_pace.EventSpread.TotalMilliseconds) : 0));
            _task.Wake();
        }
    }

    /// <summary>The same transition has the same name, so that it is recorded once an hour however often it happens.</summary>
    private static string NameOf(PolicyVerdict about, string action, Finding finding, string node)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{about.Uid} {about.Generation} {action} {finding.IsTrue} {finding.Reason} {node}"));
        string name = about.Key.Name.Length > 200 ? about.Key.Name[..200].TrimEnd('.', '-') : about.Key.Name; // each part of a name ends with a letter or digit
        return $"{name}.{Convert.ToHexStringLower(hash.AsSpan(0, 8))}";
    }

    private Waiting? TakeDue(out TimeSpan pause)
    {
        lock (_lock)
        {
            long now = Environment.TickCount64;
            pause = Timeout.InfiniteTimeSpan;
            if (!_waiting.TryPeek(out _, out long at))
                return null;
            double gap = _pace.EventGap.TotalMilliseconds;
            _tokens = Math.Min(Burst, _tokens + (now - _filledAt) / gap);
            _filledAt = now;
            double wait = Math.Max(at - now, (1 - _tokens) * gap);
            if (wait > 0)
            {
                pause = TimeSpan.FromMilliseconds(Math.Ceiling(wait));
                return null;
            }

            _tokens--;
            return _waiting.Dequeue();
        }
    }

    private async Task Send(Waiting due, CancellationToken stop)
    {
        try
        {
            await _client.CreateEvent(due.Told, stop).ConfigureAwait(false);
            _isForbidden = false;
        }
        catch (ApiException error) when (error.Code == HttpStatusCode.Conflict)
        {
            // Another node has told it; or this one has, and did not hear that it did.
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            Fail(due, error);
        }
    }

    /// <summary>Tries again later, unless it is of no use: a server that starts up refuses everybody until it has read the roles, and one that is away comes back.</summary>
    private void Fail(Waiting due, Exception error)
    {
        HttpStatusCode? code = (error as ApiException)?.Code;
        bool isForbidden = code == HttpStatusCode.Forbidden;
        bool isHopeless = due.Tries >= MostTries || (isForbidden && _isForbidden) || code is HttpStatusCode.NotFound or HttpStatusCode.UnprocessableEntity;
        lock (_lock)
        {
            if (isHopeless)
                _told.Remove(due.Told.Name);
            else
                _waiting.Enqueue(new Waiting(due.Told, due.Tries + 1), Environment.TickCount64 + (long)_pace.Retry.After(due.Tries).TotalMilliseconds);
        }

        if (!isHopeless)
            return;
        if (!isForbidden)
            Lost(_logger, due.Told.Reason, due.Told.About.Key, error.Message);
        else if (!_isForbidden)
            Forbidden(_logger, error.Message);
        _isForbidden |= isForbidden;
    }

    [LoggerMessage(423, LogLevel.Warning, "Events on policies are not recorded: the agent's ServiceAccount needs the verb create on events in events.k8s.io ({Reason})")]
    private static partial void Forbidden(ILogger logger, string reason);

    [LoggerMessage(424, LogLevel.Debug, "The event {Event} on policy {Policy} is lost: {Reason}")]
    private static partial void Lost(ILogger logger, string @event, ObjectKey policy, string reason);

    /// <param name="Tries">With the next one.</param>
    private sealed record Waiting(ObjectEvent Told, int Tries);
}

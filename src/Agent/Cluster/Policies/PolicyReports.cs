using Agent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster.Policies;

/// <summary>Says in the cluster what this node makes of policies: in the status of LocalRedirectPolicies, and as events on either kind.</summary>
internal sealed class PolicyReports : IDisposable
{
    private readonly string _node;
    private readonly PolicyEvents _events;
    private readonly PolicyStatusWriter _status;
    private Dictionary<ObjectKey, LocalRedirectPolicy> _objects = [];
    private IReadOnlyList<PolicyVerdict> _verdicts = [];

    public PolicyReports(ApiClient client, string node, ILogger logger) : this(client, node, logger, new PolicyPace())
    {
    }

    internal PolicyReports(ApiClient client, string node, ILogger logger, PolicyPace pace)
    {
        _node = node;
        _events = new PolicyEvents(client, node, pace, logger);
        _status = new PolicyStatusWriter(client, node, pace, _events, logger);
    }

    /// <summary>
    /// Takes over all verdicts and how the objects stand. To be called whenever either changes, also when only the status of an object does: what other
    /// nodes have written there is what keeps this one from writing it again. Returns at once. For one caller at a time.
    /// </summary>
    public void Publish(IReadOnlyList<PolicyVerdict> verdicts, IReadOnlyList<LocalRedirectPolicy> current)
    {
        Dictionary<ObjectKey, LocalRedirectPolicy> objects = current.ToDictionary(policy => policy.Key);
        foreach (LocalRedirectPolicy gone in _objects.Values.Where(policy => !objects.ContainsKey(policy.Key)))
        {
            // Of all nodes the first that is listed tells it.
            PolicyVerdict? verdict = _verdicts.FirstOrDefault(verdict => verdict.Kind == PolicyKind.LocalRedirect && verdict.Key == gone.Key);
            if (verdict != null && gone.Nodes.Keys.Min(StringComparer.Ordinal) == _node)
                _events.Reverted(verdict, byAll: false);
        }

        _objects = objects;
        _verdicts = verdicts;
        _events.Publish(verdicts);
        _status.Publish(verdicts, objects);
    }

    public void Dispose()
    {
        _status.Dispose();
        _events.Dispose();
    }
}

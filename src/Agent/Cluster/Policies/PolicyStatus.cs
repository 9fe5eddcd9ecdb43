using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>How badly the status of a policy needs this node to write.</summary>
internal enum StatusLack
{
    Nothing,

    /// <summary>A count of backends, the words of a message: can wait.</summary>
    Trifle,

    Something,
}

/// <summary>
/// What the status of a policy says, and what it should say as one node sees it. It follows from the object and this node's verdict alone, and the
/// conditions from nothing else than what stands in the object: nodes that see the same object want the same conditions, whoever writes them.
/// </summary>
internal sealed class PolicyStatus
{
    public const string Accepted = "Accepted";
    public const string Programmed = "Programmed";

    /// <summary>Nodes beyond it are not listed while all is well: each write is sent to each node of the cluster, with all that is listed.</summary>
    public const int MostNodes = 100;

    /// <summary>Nodes beyond it are not listed at all; the CRD allows some more, which wrote at the same moment.</summary>
    public const int MostNodesInTrouble = 200;

    private const int NodesInMessage = 3;

    private readonly string _node;

    public PolicyStatus(LocalRedirectPolicy policy, PolicyVerdict verdict, string node)
    {
        Policy = policy;
        Verdict = verdict;
        _node = node;
        Wanted = verdict.Accepted.IsTrue && verdict.IsForThisNode ? ReportOf(verdict) : null;
        Listed = policy.Nodes.GetValueOrDefault(node);
        OwnLack = FindOwnLack();
        ConditionsLack = LackOf(ConditionsFor(policy.Nodes));
        // What nodes reported on a policy that was accepted once; the conditions and their end are one write.
        if (!verdict.Accepted.IsTrue && policy.Nodes.Count > 0)
            ConditionsLack = StatusLack.Something;
    }

    public LocalRedirectPolicy Policy { get; }

    public PolicyVerdict Verdict { get; }

    /// <summary>What this node should be listed with; null: not at all.</summary>
    public NodeReport? Wanted { get; }

    /// <summary>What it is listed with.</summary>
    public NodeReport? Listed { get; }

    public StatusLack OwnLack { get; }

    public StatusLack ConditionsLack { get; }

    /// <summary>Whether another node wrote another verdict on the same generation.</summary>
    public bool IsDisputed => Condition(Accepted) is { } written && written.ObservedGeneration == Verdict.Generation
        && (written.Status == "True", written.Reason) != (Verdict.Accepted.IsTrue, Verdict.Accepted.Reason);

    public StatusLack Lack => (StatusLack)Math.Max((int)OwnLack, (int)ConditionsLack);

    /// <summary>What is to be written now.</summary>
    public PolicyStatusChange Change(DateTimeOffset now)
    {
        Dictionary<string, NodeReport> nodes = Verdict.Accepted.IsTrue ? new(Policy.Nodes) : [];
        bool changesOwn = OwnLack != StatusLack.Nothing;
        if (changesOwn && Wanted != null)
            nodes[_node] = Wanted;
        else if (changesOwn)
            nodes.Remove(_node);
        Condition[] wanted = ConditionsFor(nodes);
        bool changesConditions = LackOf(wanted) != StatusLack.Nothing;
        return new PolicyStatusChange(_node)
        {
            Conditions = changesConditions ? [.. Policy.Conditions.Where(other => !wanted.Any(mine => mine.Type == other.Type)), .. wanted.Select(condition => Dated(condition, now))] : null,
            ChangesReport = changesOwn,
            Report = Wanted,
            ClearsNodes = !Verdict.Accepted.IsTrue && Policy.Nodes.Count > 0,
        };
    }

    public Condition? Condition(string type) => Policy.Conditions.FirstOrDefault(condition => condition.Type == type);

    private static NodeReport ReportOf(PolicyVerdict verdict) => new(
        verdict.Programmed.IsTrue ? verdict.Frontends.Sum(frontend => frontend.Protocols.Count) : 0,
        verdict.IsAgentCache ? 1 : verdict.BackendPods.Count,
        verdict.Generation,
        verdict.Programmed.IsTrue ? "" : verdict.Programmed.Reason);

    private StatusLack FindOwnLack()
    {
        if (Wanted == null)
            return Listed == null || !Verdict.Accepted.IsTrue ? StatusLack.Nothing : StatusLack.Something;
        if (Listed == null)
            return Policy.Nodes.Count < (Wanted.Reason.Length > 0 ? MostNodesInTrouble : MostNodes) ? StatusLack.Something : StatusLack.Nothing;
        if (Listed == Wanted)
            return StatusLack.Nothing;
        return Listed with { Backends = Wanted.Backends } == Wanted && Listed.Backends > 0 == Wanted.Backends > 0 ? StatusLack.Trifle : StatusLack.Something;
    }

    private StatusLack LackOf(Condition[] wanted)
    {
        StatusLack lack = StatusLack.Nothing;
        foreach (Condition condition in wanted)
        {
            Condition? written = Condition(condition.Type);
            if (written == null || (written.Status, written.Reason, written.ObservedGeneration) != (condition.Status, condition.Reason, condition.ObservedGeneration))
                return StatusLack.Something;
            // Agents of two versions may word it differently; they must not outbid each other.
            if (written.Message != condition.Message)
                lack = StatusLack.Trifle;
        }

        return lack;
    }

    private Condition[] ConditionsFor(IReadOnlyDictionary<string, NodeReport> nodes)
    {
        Finding accepted = Verdict.Accepted;
        return
        [
            ConditionOf(Accepted, accepted.IsTrue ? "True" : "False", accepted.Reason, accepted.Message),
            accepted.IsTrue ? Summary(nodes) : ConditionOf(Programmed, "False", "NotAccepted", "the policy is not accepted"),
        ];
    }

    /// <summary>True when every node that reported on this generation goes by it; at least one must have.</summary>
    private Condition Summary(IReadOnlyDictionary<string, NodeReport> nodes)
    {
        KeyValuePair<string, NodeReport>[] reported = [.. nodes.Where(node => node.Value.ObservedGeneration == Verdict.Generation)];
        KeyValuePair<string, NodeReport>[] failed = [.. reported.Where(node => node.Value.Reason.Length > 0).OrderBy(node => node.Key, StringComparer.Ordinal)];
        if (reported.Length == 0)
            return ConditionOf(Programmed, "Unknown", "Pending", "no node has reported yet");
        if (failed.Length == 0)
            return ConditionOf(Programmed, "True", Programmed, "every node that reported goes by it");
        string named = string.Join(", ", failed.Take(NodesInMessage).Select(node => $"{node.Key} ({node.Value.Reason})"));
        string more = failed.Length > NodesInMessage ? $" and {failed.Length - NodesInMessage} more" : "";
        return ConditionOf(Programmed, "False", failed[0].Value.Reason, $"not on {named}{more}");
    }

    private Condition ConditionOf(string type, string status, string reason, string message) =>
        new(type, status, reason, message) { ObservedGeneration = Verdict.Generation };

    private Condition Dated(Condition condition, DateTimeOffset now) =>
        condition with { LastTransition = Condition(condition.Type) is { } written && written.Status == condition.Status && written.LastTransition != default ? written.LastTransition : now };
}

using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>Whether two selectors can be seen to hold for no node together, whatever labels nodes have: so that it is the same on each.</summary>
internal static class NodeSelectors
{
    public static bool AreDisjoint(LabelSelector? one, LabelSelector? other) =>
        one != null && other != null && one.Requirements.Any(left => other.Requirements.Any(right => left.Key == right.Key && AreDisjoint(left, right)));

    private static bool AreDisjoint(LabelRequirement one, LabelRequirement other) => (one.Operator, other.Operator) switch
    {
        ("In", "In") => !one.Values.Intersect(other.Values).Any(),
        ("In", "NotIn") => one.Values.All(other.Values.Contains),
        ("NotIn", "In") => other.Values.All(one.Values.Contains),
        ("DoesNotExist", "In" or "Exists") or ("In" or "Exists", "DoesNotExist") => true,
        _ => false,
    };
}

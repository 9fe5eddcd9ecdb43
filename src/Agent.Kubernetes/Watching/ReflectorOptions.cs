namespace Agent.Kubernetes.Watching;

/// <summary>Which objects of a kind; by default all of the cluster.</summary>
public sealed record ReflectorOptions
{
    /// <summary>Empty: all namespaces.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>For instance <c>spec.nodeName=w1</c>.</summary>
    public string FieldSelector { get; init; } = "";

    public string LabelSelector { get; init; } = "";

    /// <summary>Objects in one page of a list, at least 1.</summary>
    public int PageSize { get; init; } = 500;

    public RetryPace Pace { get; init; } = new();

    internal string Query => (FieldSelector.Length > 0 ? $"&fieldSelector={Uri.EscapeDataString(FieldSelector)}" : "")
        + (LabelSelector.Length > 0 ? $"&labelSelector={Uri.EscapeDataString(LabelSelector)}" : "");
}

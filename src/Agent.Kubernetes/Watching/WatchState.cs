namespace Agent.Kubernetes.Watching;

/// <summary>How the watch of one kind is going.</summary>
/// <param name="Resource">As in a path: <c>services</c>.</param>
/// <param name="Scope"><c>cluster</c>, or <c>node</c> when only what concerns this node is watched.</param>
/// <param name="IsSynced">Whether all objects have been listed once.</param>
public sealed record WatchState(string Resource, string Scope, bool IsSynced)
{
    /// <summary>Whether the server does not know the kind.</summary>
    public bool IsNotInstalled { get; init; }

    public int Count { get; init; }

    /// <summary>When the server was heard last; null: never.</summary>
    public DateTimeOffset? LastEventAt { get; init; }

    /// <summary>Why nothing is received, or null.</summary>
    public string? Failure { get; init; }
}

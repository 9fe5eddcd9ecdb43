namespace Agent.Kubernetes.Watching;

/// <summary>One object came (no old one), changed, or went (no new one).</summary>
public readonly record struct Change<T>(T? Old, T? New) where T : KubernetesObject
{
    public ObjectKey Key => (New ?? Old)!.Key;
}

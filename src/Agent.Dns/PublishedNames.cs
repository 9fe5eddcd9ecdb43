namespace Agent.Dns;

/// <summary>Where all threads find the newest table of the cluster's names.</summary>
public sealed class PublishedNames
{
    private volatile ClusterNames? _current;

    /// <summary>Null until there is a whole table. Take it once for each question.</summary>
    public ClusterNames? Current => _current;

    public void Publish(ClusterNames? names) => _current = names;
}

namespace Agent.Dns;

/// <summary>Where all threads find the newest table of the cluster's names, and who walks to them along which search list.</summary>
public sealed class PublishedNames
{
    private volatile ClusterNames? _current;
    private volatile SearchLists? _searches;

    /// <summary>Null until there is a whole table. Take it once for each question.</summary>
    public ClusterNames? Current => _current;

    /// <summary>Null: no client's walk is to be shortened.</summary>
    public SearchLists? Searches => _searches;

    public void Publish(ClusterNames? names) => _current = names;

    public void PublishSearches(SearchLists searches) => _searches = searches;
}

namespace Agent.Dns;

/// <summary>What the configuration decides for each query.</summary>
/// <param name="Clients">Null: everybody may ask, without limit.</param>
/// <param name="Own">What the configuration says of names; null when nothing.</param>
/// <param name="Limits">How long upstreams' answers are kept.</param>
public sealed record ServingRules(ClientPolicy? Clients, OwnNames? Own, CacheLimits Limits);

/// <summary>Where all threads find the newest rules.</summary>
public sealed class PublishedRules(ServingRules first)
{
    private volatile ServingRules _current = first;

    /// <summary>Take it once for each batch, so that one query meets one set of rules.</summary>
    public ServingRules Current => _current;

    public void Publish(ServingRules rules) => _current = rules;
}

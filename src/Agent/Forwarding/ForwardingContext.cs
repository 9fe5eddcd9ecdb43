using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>What the serving threads and their forwarders share.</summary>
internal sealed record ForwardingContext
{
    public required RouteSource Routes { get; init; }

    public required ResponseCache Cache { get; init; }

    public required CacheLimits Limits { get; init; }

    /// <summary>Null: everybody may ask, without limit.</summary>
    public required ClientPolicy? Clients { get; init; }

    public required ClientsInFlight InFlight { get; init; }

    public required SharedFlights Flights { get; init; }

    public required SocketBudget Sockets { get; init; }

    /// <summary>What the configuration says of names; null when nothing.</summary>
    public required OwnNames? Own { get; init; }
}

using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>What the serving threads and their forwarders share.</summary>
internal sealed record ForwardingContext
{
    public required RouteSource Routes { get; init; }

    public required ResponseCache Cache { get; init; }

    public required PublishedRules Rules { get; init; }

    public required ClientsInFlight InFlight { get; init; }

    public required SharedFlights Flights { get; init; }

    public required SocketBudget Sockets { get; init; }

    public required PublishedNames Cluster { get; init; }
}

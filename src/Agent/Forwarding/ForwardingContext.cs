using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>What the forwarders of all threads share.</summary>
internal sealed record ForwardingContext(RouteSource Routes, ResponseCache Cache, CacheLimits Limits)
{
    public required SharedFlights Flights { get; init; }

    public required SocketBudget Sockets { get; init; }
}

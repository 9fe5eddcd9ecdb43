using System.Text.Json.Serialization;
using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;

namespace Agent.Observability;

/// <summary>Whom the agent asks: the routes, the longest zones first, with their servers.</summary>
internal sealed record UpstreamListing(IReadOnlyList<UpstreamRoute> Routes)
{
    public static UpstreamListing Of(RouteTable table) => new([.. table.Routes.Select(UpstreamRoute.Of)]);
}

/// <param name="Protocol">udp, tcp or tls.</param>
/// <param name="Policy">Which server is asked first, as in the configuration.</param>
/// <param name="Origin">Who names the servers: <c>configuration</c>, the path of a resolv.conf, or <c>EndpointSlices</c>.</param>
internal sealed record UpstreamRoute(string Zone, string Protocol, string Policy, string Origin, IReadOnlyList<UpstreamServer> Servers)
{
    public static UpstreamRoute Of(Route route)
    {
        bool isTls = route.Checks.Any(check => check.Server.Tls != null);
        return new UpstreamRoute(
            DnsName.ToText(route.Zone),
            isTls ? "tls" : route.Protocol == TransportProtocol.Udp ? "udp" : "tcp",
            route.Policy == ServerPolicy.RoundRobin ? "round-robin" : route.Policy.ToString().ToLowerInvariant(),
            route.Origin,
            [.. route.Checks.Select(UpstreamServer.Of)]);
    }
}

/// <summary>
/// One server, and what clients' questions came to there since it was first asked; of a server that several routes have, over all of them.
/// </summary>
/// <param name="State">ok; avoided: it did not answer lately; loop: it brings questions back to this agent; no-tls: the last TLS connection failed.</param>
/// <param name="TlsFailure">Why, for instance because its certificate is not verified; null when it did not.</param>
/// <param name="InFlight">Questions on their way now.</param>
/// <param name="Retries">Of those sent, the ones that another send went before.</param>
/// <param name="Timeouts">Without an answer for 400 ms; it may have come later.</param>
/// <param name="Failures">Error answers, closed ports, broken connections.</param>
/// <param name="MedianMilliseconds">Estimated, at least 1; null before the first answer.</param>
/// <param name="SlowMilliseconds">What 19 of 20 answers take at the most, likewise.</param>
internal sealed record UpstreamServer(
    string Address, string State, string? TlsFailure, long InFlight, long SentUdp, long SentTcp, long SentTls, long Retries, long Answers, long Timeouts, long Failures,
    long ConnectionsOpened, long ConnectionsReused, double? MedianMilliseconds, double? SlowMilliseconds)
{
    [JsonIgnore]
    public long Sent => SentUdp + SentTcp + SentTls;

    public static UpstreamServer Of(LoopCheck check)
    {
        Server server = check.Server;
        UpstreamCounters counted = server.Counters;
        string? tlsFailure = server.Tls?.Failure;
        return new UpstreamServer(
            server.EndPoint.ToString(),
            tlsFailure != null && !check.IsLoop ? "no-tls" : ServerStatus.StateOf(check),
            tlsFailure,
            counted.InFlight,
            counted.SentUdp,
            counted.SentTcp,
            counted.SentTls,
            counted.Retries,
            counted.Answers,
            counted.Timeouts,
            counted.Failures,
            counted.ConnectionsOpened,
            counted.ConnectionsReused,
            MillisecondsOf(server.MedianTime),
            MillisecondsOf(server.SlowTime));
    }

    private static double? MillisecondsOf(double estimate) => estimate > 0 ? Math.Round(estimate, 1) : null;
}

[JsonSerializable(typeof(UpstreamListing))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class UpstreamJson : JsonSerializerContext;

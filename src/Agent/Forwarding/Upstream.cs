using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>What one serving thread has of one server, and what it counts.</summary>
internal sealed class Upstream(Server server)
{
    public Server Server => server;

    public UpstreamCounters Counters { get; } = server.CountersForThread();

    public TcpUpstream? Connection { get; set; }

    public bool IsIdle => Connection == null && Counters.InFlight == 0;

    /// <summary>For queries over UDP.</summary>
    public UpstreamCookie Cookie { get; } = new();

    /// <summary>Of its responses over UDP.</summary>
    public KnownInterfaces Interfaces { get; } = new();
}

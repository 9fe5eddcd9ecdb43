namespace Agent.Forwarding;

/// <summary>What one serving thread has of one server: the connection to it, and what it counts.</summary>
internal sealed class Upstream(Server server)
{
    public Server Server => server;

    public UpstreamCounters Counters { get; } = server.CountersForThread();

    public TcpUpstream? Connection { get; set; }
}

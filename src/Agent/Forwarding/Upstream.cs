using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>What one serving thread has of one server.</summary>
internal sealed class Upstream(Server server)
{
    public Server Server => server;

    public TcpUpstream? Connection { get; set; }

    /// <summary>For queries over UDP.</summary>
    public UpstreamCookie Cookie { get; } = new();
}

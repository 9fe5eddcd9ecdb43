namespace Agent.Forwarding;

/// <summary>What one serving thread has of one server: the connection to it.</summary>
internal sealed class Upstream(Server server)
{
    public Server Server => server;

    public TcpUpstream? Connection { get; set; }
}

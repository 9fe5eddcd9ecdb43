using System.Net;
using Agent.Tests.Configuration;

namespace Agent.Tests.Support;

/// <summary>A configuration file, an address and a place for the admin socket that no other test uses.</summary>
internal sealed class AgentSetup : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-test-");
    private readonly TemporaryFile _configuration;
    private readonly ScriptedUpstream? _upstream;

    /// <param name="upstream">As below; disposed of with this.</param>
    /// <inheritdoc cref="AgentSetup(IPEndPoint, string)" path="/param"/>
    public AgentSetup(ScriptedUpstream upstream, string more = "")
        : this(upstream.EndPoint, more) => _upstream = upstream;

    /// <param name="upstream">Asked over UDP for all names, over TCP for those in <c>tcp.test</c>, and over TLS for those in <c>tls.test</c>.</param>
    /// <param name="more">A line of configuration beside that.</param>
    public AgentSetup(IPEndPoint upstream, string more = "")
    {
        _configuration = new TemporaryFile(System.Text.Encoding.UTF8.GetBytes($$"""
            listen: { addresses: ["{{EndPoint.Address}}"], port: {{EndPoint.Port}}, workers: 1 }
            admin: { socket: {{AdminSocket}} }
            metrics: { address: {{MetricsEndPoint.Address}}, port: {{MetricsEndPoint.Port}}, corednsNames: true }
            health: { address: {{HealthEndPoint.Address}}, port: {{HealthEndPoint.Port}} }
            redirect: { enabled: false }
            cache: { memory: 1MiB }
            routes:
              - { zone: ., servers: ["{{upstream}}"], protocol: udp }
              - { zone: tcp.test, servers: ["{{upstream}}"], protocol: tcp }
              - { zone: tls.test, servers: ["{{upstream}}"], protocol: tls }
            {{more}}
            """));
    }

    /// <summary>The upstream that this was made with.</summary>
    public ScriptedUpstream Upstream => _upstream ?? throw new InvalidOperationException("it was made with an address alone");

    public IPEndPoint EndPoint { get; } = TestAddress.Next();

    public IPEndPoint MetricsEndPoint => new(EndPoint.Address, EndPoint.Port + 1);

    public IPEndPoint HealthEndPoint => new(EndPoint.Address, EndPoint.Port + 2);

    public string AdminSocket => Path.Combine(_directory.FullName, "run", "admin.sock");

    public string ConfigurationPath => _configuration.Path;

    public void Dispose()
    {
        _upstream?.Dispose();
        _configuration.Dispose();
        _directory.Delete(recursive: true);
    }
}

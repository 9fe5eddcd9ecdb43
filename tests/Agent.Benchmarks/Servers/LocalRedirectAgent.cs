namespace Agent.Benchmarks.Servers;

/// <summary>
/// The agent, as a plain cache: nothing redirected, no cluster. The addresses of 127.0.0.0/8 are on
/// the machine already, so it adds none.
/// </summary>
internal class LocalRedirectAgent : Server
{
    private const int MetricsPort = 5309;
    private const int NamesPerMebibyte = 3125; // so that the default of 32 MiB stands for 100,000

    public override string Name => "lra";

    protected override byte LastOctet => 11;

    public override string? Executable
    {
        get
        {
            string path = Environment.GetEnvironmentVariable("LRA") ?? Path.Combine(NativePrograms.Repository, "out/lra");
            return File.Exists(path) ? path : null;
        }
    }

    protected override string[] VersionArguments => ["version"];

    protected override string[] Configure(ServerSetup setup)
    {
        string config = Write(setup, "lra.yaml", $$"""
            node: bench
            listen: { addresses: [{{Address.Address}}], port: {{Address.Port}}, workers: 1 }
            admin: { socket: {{setup.Directory}}/admin.sock }
            metrics: { address: {{Address.Address}}, port: {{MetricsPort}} }
            redirect: { enabled: false }
            routes:
              - { zone: ".", servers: ["{{setup.Upstream}}"], protocol: {{(setup.Transport == Transport.Tcp ? "tcp" : "udp")}} }
            cache: { memory: {{setup.Names / NamesPerMebibyte}}MiB }
            kubernetes: { enabled: false }
            """);
        return [Executable!, "run", "--config", config];
    }
}

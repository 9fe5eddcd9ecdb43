namespace Agent.Benchmarks.Servers;

/// <summary>
/// NodeLocal DNSCache (node-cache of kubernetes/dns), which is CoreDNS: the plugins of the Corefile that it is shipped with, for all names. Shipped,
/// it keeps an answer for 30 s and 9,984 of them, which would make misses of hits; here it keeps them for an hour, and all. One core, so Go gets one.
/// </summary>
internal sealed class NodeLocalDnsCache : Server
{
    private const int MetricsPort = 5309;
    private const int OwnMetricsPort = 5310;
    private const int KeptSeconds = 3600;

    public override string Name => "node-cache";

    protected override byte LastOctet => 16;

    public override string? Executable
    {
        get
        {
            string? path = Environment.GetEnvironmentVariable("NODE_CACHE") ?? Machine.Find("node-cache");
            return File.Exists(path) ? path : null;
        }
    }

    // It sets itself up, as far as it is not told otherwise, before it looks for this flag.
    protected override string[] VersionArguments => [.. Alone("/dev/null", "/dev/null"), "-version"];

    protected override bool IsVersion(string line) => line.StartsWith("CoreDNS-", StringComparison.Ordinal);

    protected override string[] Configure(ServerSetup setup)
    {
        string tcp = setup.Transport == Transport.Tcp ? "{\n        force_tcp\n    }" : "";
        string template = Write(setup, "Corefile.base", $$"""
            .:{{Address.Port}} {
                errors
                cache {
                    success {{setup.Names}} {{KeptSeconds}}
                    denial {{setup.Names}} {{KeptSeconds}}
                }
                reload
                loop
                bind {{Address.Address}}
                forward . {{setup.Upstream}} {{tcp}}
                prometheus {{Address.Address}}:{{MetricsPort}}
            }

            """);
        return ["env", "GOMAXPROCS=1", Executable!, .. Alone(template, Path.Combine(setup.Directory, "Corefile"))];
    }

    /// <summary>The options with which it changes nothing of the machine.</summary>
    private string[] Alone(string template, string corefile) =>
    [
        "-localip", $"{Address.Address}", "-setupinterface=false", "-setupiptables=false", "-skipteardown",
        "-metrics-listen-address", $"{Address.Address}:{OwnMetricsPort}", "-basecorefile", template, "-conf", corefile,
    ];
}

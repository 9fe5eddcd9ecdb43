namespace Agent.Benchmarks.Servers;

/// <summary>
/// dnsdist with its packet cache. It takes one query per system call by default; here it takes 64
/// with recvmmsg as the constant responder does. Over UDP it forwards from fixed sockets.
/// </summary>
internal sealed class Dnsdist : Server
{
    public override string Name => "dnsdist";

    protected override byte LastOctet => 13;

    public override string? Executable => Machine.Find("dnsdist");

    protected override string[] VersionArguments => ["--version"];

    protected override string[] Configure(ServerSetup setup)
    {
        string tcp = setup.Transport == Transport.Tcp ? ", tcpOnly=true, checkTCP=true, maxInFlight=1024" : "";
        string config = Write(setup, "dnsdist.conf", $$"""
            setSecurityPollSuffix("")
            setACL("127.0.0.0/8")
            setUDPMultipleMessagesVectorSize(64)
            setMaxUDPOutstanding(65535)
            setMaxTCPClientThreads(1)
            setLocal("{{Address}}", {reusePort=true, maxInFlight=1024})
            newServer({address="{{setup.Upstream}}"{{tcp}}})
            getPool(""):setCache(newPacketCache({{setup.Names}}, {maxTTL=86400}))

            """);
        return [Executable!, "--supervised", "--disable-syslog", "-C", config];
    }
}

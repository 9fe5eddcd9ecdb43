namespace Agent.Benchmarks.Servers;

/// <summary>
/// Unbound as a forwarder: no validation, no prefetch, and else its defaults, among them a fresh
/// random port for each question over UDP.
/// </summary>
internal sealed class Unbound : Server
{
    private const int BytesPerName = 700; // seen: 100,000 names of one A record fit without eviction

    public override string Name => "unbound";

    protected override byte LastOctet => 12;

    public override string? Executable => Machine.Find("unbound");

    protected override string[] VersionArguments => ["-V"];

    protected override string[] Configure(ServerSetup setup)
    {
        string config = Write(setup, "unbound.conf", $"""
            server:
              directory: "{setup.Directory}"
              chroot: ""
              username: ""
              pidfile: ""
              use-syslog: no
              log-time-ascii: no
              verbosity: 0
              interface: {Address.Address}@{Address.Port}
              access-control: 127.0.0.0/8 allow
              num-threads: 1
              so-reuseport: yes
              module-config: "iterator"
              prefetch: no
              do-not-query-localhost: no
              tcp-upstream: {(setup.Transport == Transport.Tcp ? "yes" : "no")}
              msg-cache-size: {setup.Names * BytesPerName}
              rrset-cache-size: {setup.Names * BytesPerName}
            remote-control:
              control-enable: no
            forward-zone:
              name: "."
              forward-addr: {setup.Upstream.Address}@{setup.Upstream.Port}

            """);
        return [Executable!, "-d", "-c", config];
    }
}

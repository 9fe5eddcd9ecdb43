using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>A real DNS server: of Debian's, or the CoreDNS that COREDNS names.</summary>
internal sealed class DnsServerProcess : IDisposable
{
    private const string Programs = "/usr/sbin";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-dns-");
    private Process? _process;

    public IPEndPoint EndPoint { get; } = TestAddress.Next();

    /// <summary>Starts unbound over TLS or HTTPS, with one zone, <c>example.test</c>, in which every name has the address 192.0.2.1.</summary>
    public Task StartUnbound(Credential credential, bool isHttps = false) => Start("unbound", "unbound.conf", $"""
        server:
          directory: "{_directory.FullName}"
          chroot: ""
          username: ""
          pidfile: ""
          use-syslog: no
          interface: {EndPoint.Address}@{EndPoint.Port}
          {(isHttps ? "https" : "tls")}-port: {EndPoint.Port}
          tls-service-key: "{credential.KeyFile}"
          tls-service-pem: "{credential.CertificateFile}"
          access-control: 127.0.0.0/8 allow
          num-threads: 1
          incoming-num-tcp: 100
          local-zone: "example.test." redirect
          local-data: "example.test. 300 IN A 192.0.2.1"
        remote-control:
          control-enable: no

        """, "-d", "-c");

    /// <summary>As <see cref="StartUnbound"/>, with knot-resolver.</summary>
    public Task StartKresd(Credential credential, bool isHttps = false) => Start("kresd", "kresd.conf", $$"""
        net.listen('{{EndPoint.Address}}', {{EndPoint.Port}}, { kind = '{{(isHttps ? "doh2" : "tls")}}' })
        net.tls('{{credential.CertificateFile}}', '{{credential.KeyFile}}')
        cache.size = 1 * MB
        policy.add(policy.suffix(policy.ANSWER({ [kres.type.A] = { rdata = kres.str2ip('192.0.2.1'), ttl = 300 } }), { todname('example.test') }))

        """, "-n", "-c");

    /// <summary>Starts knotd over UDP and TCP, which tells over UDP nothing to who does not know its cookies, with the same zone.</summary>
    public async Task StartKnot()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "example.test.zone"), "@ 300 SOA ns.example.test. host.example.test. 1 3600 600 86400 300\n@ NS ns\n* 300 A 192.0.2.1\n");
        await Start("knotd", "knot.conf", $"""
            server:
              rundir: "{_directory.FullName}"
              listen: {EndPoint.Address}@{EndPoint.Port}
              udp-workers: 1
              tcp-workers: 1
              background-workers: 1
            database:
              storage: "{_directory.FullName}"
            mod-cookies:
              - id: default
                badcookie-slip: 1
            template:
              - id: default
                storage: "{_directory.FullName}"
                global-module: mod-cookies/default
            zone:
              - domain: example.test
                file: example.test.zone

            """, "-c");
    }

    /// <summary>Starts CoreDNS over UDP and TCP, with one server block for all names.</summary>
    /// <param name="plugins">The lines of the block.</param>
    public Task StartCoreDns(string plugins) => Start(CoreDns.Program!, "Corefile", $$"""
        .:{{EndPoint.Port}} {
            bind {{EndPoint.Address}}
            errors
        {{plugins}}
        }

        """, "-conf");

    /// <summary>Kills it; it may be started again at the same address.</summary>
    public void Stop()
    {
        if (_process is { HasExited: false })
            _process.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        Stop();
        _directory.Delete(recursive: true);
    }

    private async Task Start(string program, string file, string configuration, params string[] options)
    {
        string path = Path.Combine(_directory.FullName, file);
        await File.WriteAllTextAsync(path, configuration);
        ProcessStartInfo start = new(Path.Combine(Programs, program), [.. options, path])
        {
            WorkingDirectory = _directory.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        ConcurrentQueue<string?> log = [];
        _process.OutputDataReceived += (_, line) => log.Enqueue(line.Data);
        _process.ErrorDataReceived += (_, line) => log.Enqueue(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Wait.Until(() => _process.HasExited || IsListening(), $"{program} listens");
        Assert.False(_process.HasExited, $"{program} ended: {string.Join('\n', log)}");
    }

    private bool IsListening()
    {
        using Socket probe = new(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Connect(EndPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

using System.Diagnostics;
using System.Net;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>P36 with the forwarders that Debian has, configured to forward to the agent that forwards to them.</summary>
public sealed class RealLoopTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-loop-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("unbound", TransportProtocol.Udp)]
    [InlineData("unbound", TransportProtocol.Tcp)]
    [InlineData("dnsdist", TransportProtocol.Udp)]
    public async Task P36_a_real_forwarder_that_forwards_to_the_agent_is_found_out_and_the_agent_goes_on(string program, TransportProtocol protocol)
    {
        IPEndPoint forwarder = TestAddress.Next();
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(
            AgentUnderTest.RootRoute(protocol, upstream) with { Servers = [forwarder, upstream.EndPoint], Policy = ServerPolicy.Sequential }));
        using Process process = Start(program, forwarder, agent.EndPoint);
        try
        {
            await Wait.Until(() => IsUp(forwarder), $"{program} answers");
            await agent.Ask("first.example.test");

            await Wait.Until(() => agent.Routes.Routes[0].Servers.Count == 1, "the loop is found");

            Assert.Equal(upstream.EndPoint, agent.Routes.Routes[0].Servers[0].EndPoint);
            for (int i = 0; i < 10; i++)
                Assert.Single((await Wait.Within(2, agent.Ask($"n{i}.example.test"), "an answer")).Answers);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private Process Start(string program, IPEndPoint at, IPEndPoint agent)
    {
        string configuration = Path.Combine(_directory.FullName, "forwarder.conf");
        File.WriteAllText(configuration, program == "unbound"
            ? $"""
                server:
                  directory: "{_directory.FullName}"
                  chroot: ""
                  username: ""
                  pidfile: ""
                  use-syslog: no
                  interface: {at.Address}@{at.Port}
                  access-control: 127.0.0.0/8 allow
                  num-threads: 1
                  module-config: "iterator"
                  do-not-query-localhost: no
                remote-control:
                  control-enable: no
                forward-zone:
                  name: "."
                  forward-addr: {agent.Address}@{agent.Port}
                """
            : $$"""
                setSecurityPollSuffix("")
                setACL("127.0.0.0/8")
                setLocal("{{at}}")
                newServer({address="{{agent}}", healthCheckMode="up"})
                """);
        string[] arguments = program == "unbound" ? ["-d", "-c", configuration] : ["--supervised", "--disable-syslog", "-C", configuration];
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Whether something answers there: without RD, so that the agent is not asked.</summary>
    private static bool IsUp(IPEndPoint forwarder)
    {
        try
        {
            return Client.ExchangeUdp(forwarder, (DnsMessage.Query("localhost") with { Flags = 0 }).ToBytes(), TimeSpan.FromMilliseconds(300)).GetAwaiter().GetResult() != null;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}

using System.Net;
using Agent.Configuration;
using Agent.Forwarding;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Forwarding;

/// <summary>P36: the node's resolv.conf, and all that happens to it.</summary>
public sealed class ResolvConfTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-resolv-");

    private string FilePath => Path.Combine(_directory.FullName, "resolv.conf");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task P36_a_replaced_file_leads_to_its_servers_without_a_restart()
    {
        using ScriptedUpstream old = ScriptedUpstream.Answering("192.0.2.1", at: new IPEndPoint(TestAddress.NextAddress(), 53));
        using ScriptedUpstream young = ScriptedUpstream.Answering("192.0.2.2", at: new IPEndPoint(TestAddress.NextAddress(), 53));
        Replace($"search example.test\nnameserver {old.EndPoint.Address}\noptions ndots:5\n");
        using AgentUnderTest agent = AgentUnderTest.Start(AgentUnderTest.Configuration(Route()));
        Assert.Equal("192.0.2.1", Assert.Single((await agent.Ask("before.example.test")).Answers).Address.ToString());

        Replace($"nameserver {young.EndPoint.Address}\n");
        await Wait.Until(() => Servers(agent.Routes) == $"{young.EndPoint.Address}", "the new server is known");
        await Task.Delay(300); // a worker that waits for clients takes up the new routes within a turn

        Assert.Equal("192.0.2.2", Assert.Single((await agent.Ask("after.example.test")).Answers).Address.ToString());
        Assert.Equal(1, old.Count);
    }

    [Fact]
    public async Task P36_a_file_that_names_the_agent_alone_makes_no_loop_and_no_crash()
    {
        AgentConfiguration configuration = AgentUnderTest.Configuration(Route());
        Replace($"nameserver {configuration.Listen.Addresses[0]}\n");
        using AgentUnderTest agent = AgentUnderTest.Start(configuration);

        DnsMessage reply = await Wait.Within(2, agent.Ask("www.example.test"), "SERVFAIL");

        Assert.Equal(2, reply.ResponseCode);
        Assert.Contains(agent.Log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("leads back to this agent", StringComparison.Ordinal));
    }

    [Fact]
    public void P36_the_agent_and_its_frontends_are_passed_over_and_the_others_used()
    {
        Replace("nameserver 169.254.20.10\nnameserver 10.96.0.10\nnameserver 192.0.2.53\n");
        RouteSource source = Source(IPAddress.Parse("169.254.20.10"), IPAddress.Parse("10.96.0.10"));

        Assert.Equal("192.0.2.53", Servers(source.Current));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("nameserver\nnameserver not-an-address\n")]
    [InlineData("nameserver 169.254.20.10\n")]
    [InlineData(null)] // removed
    public void P36_a_file_that_names_no_server_any_more_leaves_the_last_good_ones(string? content)
    {
        Replace("nameserver 192.0.2.53\n");
        RouteSource source = Source(IPAddress.Parse("169.254.20.10"));

        if (content == null)
            File.Delete(FilePath);
        else
            Replace(content);
        source.Refresh();
        Assert.Equal("192.0.2.53", Servers(source.Current));

        Replace("nameserver 192.0.2.54\n");
        source.Refresh();
        Assert.Equal("192.0.2.54", Servers(source.Current));
    }

    [Fact]
    public void P36_the_same_servers_after_an_empty_moment_are_kept()
    {
        Replace("nameserver 192.0.2.53\n");
        RouteSource source = Source();

        foreach (string content in (string[])["", "nameserver 192.0.2.53\n"])
        {
            File.WriteAllText(FilePath, content);
            source.Refresh();
            Assert.Equal("192.0.2.53", Servers(source.Current));
        }
    }

    [Fact]
    public void P36_a_file_that_comes_later_is_taken_up()
    {
        RouteSource source = Source();
        Assert.Equal("", Servers(source.Current));

        Replace("nameserver 192.0.2.53\n");
        source.Refresh();

        Assert.Equal("192.0.2.53", Servers(source.Current));
    }

    [Theory]
    [InlineData("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.1\n", "192.0.2.1 192.0.2.2")]
    [InlineData("  nameserver\t192.0.2.1   # comment\n", "192.0.2.1")]
    [InlineData("nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n", "192.0.2.1 192.0.2.2")]
    [InlineData("nameserver 2001:db8::1", "2001:db8::1")]
    [InlineData("#nameserver 192.0.2.1\n;nameserver 192.0.2.2\nnameserver 192.0.2.3\n", "192.0.2.3")]
    [InlineData("Nameserver 192.0.2.1\nnameservers 192.0.2.2\nsearch a b\n", "")]
    public void Nameserver_lines_are_read_as_libc_reads_them(string content, string expected) =>
        Assert.Equal(expected, string.Join(' ', ResolvConf.Nameservers(content)));

    private static string Servers(RouteTable routes) => string.Join(' ', routes.Routes[0].Servers.Select(server => server.EndPoint.Address));

    private RouteConfiguration Route() => new() { Zone = "", ResolvConf = FilePath };

    private RouteSource Source(params IPAddress[] own) => new([Route()], own, NullLogger.Instance);

    /// <summary>As resolvconf and kubelet do it: a new file, renamed over the old one.</summary>
    private void Replace(string content)
    {
        File.WriteAllText(FilePath + ".new", content);
        File.Move(FilePath + ".new", FilePath, overwrite: true);
    }
}

using System.Globalization;

namespace Agent.Lab.Tests;

/// <summary>
/// A4: a pod sends in the name of a server that the agent asks over UDP. One worker for each address, so that the questions of one family are all of the thread that
/// knows through which interface the server's responses come.
/// </summary>
public sealed class ForgedResponseTests : IClassFixture<LabFixture>, IDisposable
{
    private readonly LabFixture _lab;

    public ForgedResponseTests(LabFixture lab)
    {
        _lab = lab;
        if (Machine.LacksForBpf is not null)
            return;
        string configuration = File.ReadAllText(lab.Configuration);
        if (!configuration.Contains(ForgeableServer.Zone, StringComparison.Ordinal))
        {
            File.WriteAllText(lab.Configuration, configuration
                .Replace("  port: 53\n", "  port: 53\n  workers: 1\n", StringComparison.Ordinal)
                .Replace("routes:\n", $"routes:\n{ForgeableServer.Route("192.168.56.10")}{ForgeableServer.Route("fd00:56::10")}", StringComparison.Ordinal));
            lab.Lab("exec", "curl-pod", "ip", "address", "add", "192.168.56.10/32", "dev", "lo");
            lab.Lab("exec", "curl-pod", "ip", "address", "add", "fd00:56::10/128", "dev", "lo", "nodad");
        }

        lab.EnsureAgentServes();
    }

    // What a thread has learned of a server is forgotten with the agent.
    public void Dispose()
    {
        if (Machine.LacksForBpf is null)
            _lab.Lab("agent", "stop");
    }

    [BpfTheory]
    [InlineData("192.168.56.10", "10.96.0.10")]
    [InlineData("fd00:56::10", "fd00:10:96::a")]
    public void A4_what_a_pod_sends_in_a_server_s_name_is_not_taken_for_its_response(string address, string clusterIp)
    {
        using ForgeableServer server = new(_lab, address);
        Assert.Equal(ForgeableServer.Genuine, Ask(server, clusterIp, "first"));

        // Guesses: the response that follows still counts, and over UDP.
        server.OnFirst = (query, client) =>
        {
            for (int i = 1; i <= 50; i++)
                server.Forge(ForgeableServer.WithId(query, i), client);
            Thread.Sleep(100);
            server.Answer(query, client);
        };
        Assert.Equal(ForgeableServer.Genuine, Ask(server, clusterIp, "guessed"));
        Assert.Equal((1, 0), (server.ForgedTo("guessed") / 50, server.AskedOverTcp("guessed")));

        // All is right with it, but for where it comes from: TCP decides.
        server.OnFirst = server.Forge;
        Assert.Equal(ForgeableServer.Genuine, Ask(server, clusterIp, "forged"));
        Assert.Equal((1, 1), (server.ForgedTo("forged"), server.AskedOverTcp("forged")));
    }

    [BpfTheory]
    [InlineData("192.168.56.10", "10.96.0.10", true)]
    [InlineData("192.168.56.10", "10.96.0.10", false)]
    [InlineData("fd00:56::10", "fd00:10:96::a", true)]
    public void A4_a_server_whose_responses_take_another_way_from_now_on_is_heard(string address, string clusterIp, bool hasTcp)
    {
        using ForgeableServer server = new(_lab, address, hasTcp);
        string after = hasTcp ? "after" : "after-without";
        Assert.Equal(ForgeableServer.Genuine, Ask(server, clusterIp, $"before-{after}"));

        server.OnEach = server.Forge;
        Assert.Equal(hasTcp ? ForgeableServer.Genuine : ForgeableServer.Forged, Ask(server, clusterIp, $"just-{after}"));
        Assert.Equal(ForgeableServer.Forged, Ask(server, clusterIp, after));
        Assert.Equal((1, 0), (server.ForgedTo(after), server.AskedOverTcp(after)));
    }

    private int Ask(ForgeableServer server, string clusterIp, string label)
    {
        string family = clusterIp.Contains(':', StringComparison.Ordinal) ? "-6" : "-4";
        ProbeReport report = _lab.Probe(string.Create(CultureInfo.InvariantCulture, $"{family} -w 4500 -q {label}.{server.Name} {clusterIp}"));
        Assert.True(report.IsFlawless, report.Text);
        return report.Answers;
    }
}

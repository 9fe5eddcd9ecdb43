namespace Agent.Lab.Tests;

/// <summary>A real CoreDNS is kube-dns: behind the agent, and in its place when it is dead.</summary>
public sealed class CoreDnsTests : IDisposable
{
    private const string Agent = "10.96.0.10";

    // For each test, and not as a fixture: xunit makes fixtures of skipped tests too.
    private readonly CoreDnsLab _lab = new();

    private static readonly (string Name, string Type)[] _cluster =
    [
        ("web.default.svc.cluster.local", "A"), ("web.default.svc.cluster.local", "AAAA"), ("_http._tcp.web.default.svc.cluster.local", "SRV"),
        ("5.5.96.10.in-addr.arpa", "PTR"), ("3.0.244.10.in-addr.arpa", "PTR"), ("dns-version.cluster.local", "TXT"),
        ("kube-dns.kube-system.svc.cluster.local", "A"), ("kube-dns.kube-system.svc.cluster.local", "AAAA"),
        ("cluster.local", "NS"), ("cluster.local", "A"), ("ns.dns.cluster.local", "A"), ("ns.dns.cluster.local", "AAAA"), ("ns.dns.cluster.local", "TXT"),
        ("nothing.default.svc.cluster.local", "A"), ("x.nothing.svc.cluster.local", "A"), ("default.svc.cluster.local", "A"), ("www.outside.test", "A"),
    ];

    /// <summary>Names that the Corefile has beside the cluster's: hosts, rewrite, template, a zone of its own.</summary>
    private static readonly (string Name, string Type)[] _custom =
    [
        ("printer.cluster.local", "A"), ("printer.cluster.local", "AAAA"), ("legacy.default.svc.cluster.local", "A"), ("legacy.default.svc.cluster.local", "AAAA"),
        ("build.cluster.local", "TXT"), ("wiki.corp.test", "A"), ("wiki.corp.test", "AAAA"), ("nothing.corp.test", "A"), ("corp.test", "SOA"),
    ];

    [CoreDnsLabFact]
    public void P43_pods_get_from_the_agent_what_CoreDNS_says_the_name_servers_too()
    {
        _lab.EnsureAgentServes();
        AgentKnows();
        _lab.LraOnW1("cache flush --all"); // so that no TTL has aged

        AssertSame(_cluster);
    }

    [CoreDnsLabFact]
    public void P43_what_a_customised_Corefile_has_more_comes_through_the_agent_unchanged()
    {
        _lab.EnsureAgentServes();
        AgentKnows();

        Assert.StartsWith("NOERROR\nprinter.cluster.local. 3600 in a 192.0.2.77", _lab.Dig(Agent, "printer.cluster.local"), StringComparison.Ordinal);
        Assert.Contains("10.96.5.5", _lab.Dig(Agent, "legacy.default.svc.cluster.local"), StringComparison.Ordinal);
        Assert.Contains("192.0.2.80", _lab.Dig(Agent, "wiki.corp.test"), StringComparison.Ordinal);
        _lab.LraOnW1("cache flush --all");
        AssertSame(_custom);
    }

    [CoreDnsLabFact]
    public void F1_after_kill_9_the_very_next_query_is_answered_by_CoreDNS()
    {
        _lab.EnsureAgentServes();
        AgentKnows();

        _lab.Lab("agent", "kill");

        ProbeReport report = _lab.Probe("-n 20 -q web.default.svc.cluster.local 10.96.0.10");
        Assert.True(report is { IsFlawless: true, Rcode: "NOERROR", Answers: 1 }, report.Text);
        AssertSame([.. _cluster, .. _custom]);
    }

    public void Dispose() => _lab.Dispose();

    private void AssertSame(IEnumerable<(string Name, string Type)> questions) =>
        Assert.All(questions, question => Assert.Equal(_lab.Dig(CoreDnsLab.Direct, question.Name, question.Type), _lab.Dig(Agent, question.Name, question.Type)));

    /// <summary>Its table is there, and CoreDNS is its kube-dns.</summary>
    private void AgentKnows() => Wait.Until(
        () => _lab.LraOnW1("status") is var status && status.Contains("Cluster   synced", StringComparison.Ordinal) && status.Contains("answered by 10.244.0.3:5353", StringComparison.Ordinal),
        TimeSpan.FromSeconds(20), "the table, and CoreDNS's endpoint");
}

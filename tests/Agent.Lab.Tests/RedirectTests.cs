namespace Agent.Lab.Tests;

/// <summary>Every hook, by the shapes of socket that reach it.</summary>
public sealed class RedirectTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private const string ClusterIp = "10.96.0.10";
    private const string ClusterIp6 = "fd00:10:96::a";

    /// <summary>The probe's options and the server; the peer and the source that the application must see.</summary>
    public static TheoryData<string, string, string> Shapes => new()
    {
        { $"-4 -c connected {ClusterIp}", "10.96.0.10:53", "10.96.0.10:53" },
        { $"-4 -c unconnected {ClusterIp}", "-", "10.96.0.10:53" },
        { $"-4 -t tcp {ClusterIp}", "10.96.0.10:53", "-" },
        { $"-6 -c connected {ClusterIp6}", "[fd00:10:96::a]:53", "[fd00:10:96::a]:53" },
        { $"-6 -c unconnected {ClusterIp6}", "-", "[fd00:10:96::a]:53" },
        { $"-6 -t tcp {ClusterIp6}", "[fd00:10:96::a]:53", "-" },
        { $"-m -c connected {ClusterIp}", "[::ffff:10.96.0.10]:53", "[::ffff:10.96.0.10]:53" },
        { $"-m -c unconnected {ClusterIp}", "-", "[::ffff:10.96.0.10]:53" },
        { $"-m -t tcp {ClusterIp}", "[::ffff:10.96.0.10]:53", "-" },
    };

    [BpfTheory]
    [MemberData(nameof(Shapes))]
    public void P1_every_shape_of_socket_is_answered_by_the_agent_and_sees_the_ClusterIP(string shape, string peer, string from)
    {
        lab.EnsureAgentServes();
        lab.Probe($"-q www.outside.test -T A,AAAA {ClusterIp}");
        int before = lab.QueriesAtKubeDns;

        ProbeReport report = lab.Probe($"-q www.outside.test -T A,AAAA -n 5 {shape}");

        Assert.True(report is { IsFlawless: true, Sent: 10, Rcode: "NOERROR", Answers: 1 }, report.Text);
        Assert.Equal((peer, from), (report.Peer, report.From));
        Assert.Equal(before, lab.QueriesAtKubeDns);
    }

    [BpfTheory]
    [InlineData($"-4 -c connected {ClusterIp}")]
    [InlineData($"-4 -c unconnected {ClusterIp}")]
    [InlineData($"-4 -t tcp {ClusterIp}")]
    [InlineData($"-6 -c connected {ClusterIp6}")]
    [InlineData($"-6 -t tcp {ClusterIp6}")]
    [InlineData($"-m -c unconnected {ClusterIp}")]
    public void P1_ten_thousand_pairs_from_one_socket_lose_nothing(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport report = lab.Probe($"-n 10000 -T A,AAAA -q n%d.outside.test -w 5000 {shape}");

        Assert.True(report is { IsFlawless: true, Sent: 20000, Answers: 1 }, report.Text);
    }

    [BpfTheory]
    [InlineData($"-4 -c connected {ClusterIp}")]
    [InlineData($"-4 -c unconnected {ClusterIp}")]
    [InlineData($"-4 -t tcp {ClusterIp}")]
    [InlineData($"-6 -c connected {ClusterIp6}")]
    [InlineData($"-6 -c unconnected {ClusterIp6}")]
    [InlineData($"-m -c unconnected {ClusterIp}")]
    public void A_closed_socket_leaves_nothing_in_the_reverse_map(string shape)
    {
        lab.EnsureAgentServes();
        int remembered;
        using (RunningProcess probe = lab.StartProbe($"-k {shape}"))
        {
            Assert.True(ProbeReport.Parse(probe.ReadLine()).IsFlawless);
            remembered = KernelState.CountRemembered(lab);
            probe.CloseInput();
            probe.WaitForEnd(TimeSpan.FromSeconds(5));
        }

        Assert.NotEqual(0, remembered);
        Assert.Equal(0, KernelState.CountRemembered(lab));
    }

    [BpfFact]
    public void Other_addresses_and_ports_are_left_alone()
    {
        lab.EnsureAgentServes();

        ProbeReport direct = lab.Probe("10.244.0.2");
        ProbeReport otherPort = lab.Probe($"-p 54 -w 200 {ClusterIp}");

        Assert.True(direct is { IsFlawless: true, Peer: "10.244.0.2:53", From: "10.244.0.2:53" }, direct.Text);
        Assert.Equal((0, "10.96.0.10:54"), (otherPort.Received, otherPort.Peer));
    }

    [BpfFact]
    public void A_process_outside_the_kubepods_cgroup_is_left_alone()
    {
        lab.EnsureAgentServes();

        ProbeReport report = lab.ProbeFrom("w1", $"-w 200 {ClusterIp}");

        Assert.Equal(0, report.Received);
    }

    [BpfFact]
    public void Getaddrinfo_finds_a_Service_by_the_search_list_and_a_name_of_the_outside()
    {
        lab.EnsureAgentServes();

        Assert.Contains("10.244.1.3", lab.Lab("exec", "curl-pod", "getent", "ahostsv4", "webpod"), StringComparison.Ordinal);
        Assert.Contains("2001:db8::80", lab.Lab("exec", "curl-pod", "getent", "ahostsv6", "www.outside.test"), StringComparison.Ordinal);
        Assert.Equal(2, lab.TryLab("exec", "curl-pod", "getent", "ahosts", "missing.outside.test").ExitCode);
    }

    [BpfFact]
    public void P23_an_answer_too_large_for_UDP_is_truncated_and_whole_over_TCP()
    {
        lab.EnsureAgentServes();

        string udp = lab.Lab("exec", "curl-pod", "dig", "+ignore", $"@{ClusterIp}", "big.outside.test", "TXT");
        string both = lab.Lab("exec", "curl-pod", "dig", $"@{ClusterIp}", "big.outside.test", "TXT");

        Assert.Matches(@"flags: [a-z ]*\btc\b", udp);
        Assert.Contains("ANSWER: 8", both, StringComparison.Ordinal);
        Assert.Contains("(TCP)", both, StringComparison.Ordinal);
    }
}

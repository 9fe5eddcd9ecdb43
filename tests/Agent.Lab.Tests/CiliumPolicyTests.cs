namespace Agent.Lab.Tests;

/// <summary>CiliumLocalRedirectPolicy objects on a node without Cilium, and on one with it.</summary>
public sealed class CiliumPolicyTests : IClassFixture<PolicyLab>, IDisposable
{
    private const string OfService = """{"serviceMatcher":{"serviceName":"echo","namespace":"default"} }""";
    private const string OfAddress = """{"addressMatcher":{"ip":"169.254.169.254","toPorts":[{"port":"80","protocol":"TCP"}]} }""";
    private const string Named = """[{"port":"9000","protocol":"TCP","name":"tcp"},{"port":"9000","protocol":"UDP","name":"udp"}]""";
    private const string Single = """[{"port":"9000","protocol":"TCP"}]""";
    private const string AskService = $"-w 200 -f -t tcp -p 8080 {PolicyLab.Frontend}";
    private const string AskAddress = "-w 200 -f -t tcp -p 80 169.254.169.254";
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly PolicyLab _lab;

    public CiliumPolicyTests(PolicyLab lab)
    {
        _lab = lab;
        if (Machine.LacksForBpf is null)
            lab.EnsureAgentServes();
    }

    public void Dispose()
    {
        if (Machine.LacksForBpf is null)
            _lab.Reset();
    }

    [BpfFact]
    public void A_serviceMatcher_is_served_by_the_pod_and_by_the_Services_endpoints_while_it_is_not_ready()
    {
        _lab.PutCiliumPolicy(OfService, Named);
        WaitFor(AskService, PolicyLab.First);
        ProbeReport udp = _lab.Probe($"-6 -p 8080 {PolicyLab.Frontend6}");
        Assert.True(udp is { IsFlawless: true, Answers: PolicyLab.First }, udp.Text);

        _lab.PutBackend(PolicyLab.First, isReady: false);
        WaitFor(AskService, PolicyLab.Endpoint);
        _lab.PutBackend(PolicyLab.First);
        WaitFor(AskService, PolicyLab.First);
    }

    [BpfFact]
    public void An_addressMatcher_is_served_by_the_pod_and_left_alone_while_it_is_not_ready()
    {
        _lab.PutCiliumPolicy(OfAddress, Single);
        WaitFor(AskAddress, PolicyLab.First);

        _lab.PutBackend(PolicyLab.First, isReady: false);
        WaitFor(AskAddress, 0);
        _lab.PutBackend(PolicyLab.First);
        WaitFor(AskAddress, PolicyLab.First);
    }

    [BpfTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void SkipRedirectFromBackend_says_whether_the_pod_that_asks_its_own_frontend_gets_to_itself(bool skips)
    {
        _lab.PutCiliumPolicy(OfAddress, Single, skips);
        WaitFor(AskAddress, PolicyLab.First);

        ProbeReport itself = _lab.ProbeFrom("webpod", AskAddress);

        Assert.Equal(skips ? 0 : PolicyLab.First, itself.Answers);
    }

    [BpfFact]
    public void Where_Cilium_runs_on_the_node_its_policies_are_left_to_it_and_the_agent_says_so()
    {
        _lab.PutCiliumPolicy(OfService, Named);
        WaitFor(AskService, PolicyLab.First);

        _lab.Server.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"cilium-w1","namespace":"kube-system","uid":"c","labels":{"k8s-app":"cilium"} },
             "spec":{"nodeName":"w1","hostNetwork":true},"status":{"phase":"Running","podIP":"192.168.56.11"} }
            """);
        WaitFor(AskService, 0);
        Assert.Contains("Cilium runs on this node (pod kube-system/cilium-w1)", _lab.LraOnW1("policy show default/echo"), StringComparison.Ordinal);
        Assert.Contains("CiliumLocalRedirectPolicy objects are left to it", _lab.Lab("log"), StringComparison.Ordinal);

        _lab.Server.Delete("v1", "pods", "cilium-w1", "kube-system");
        WaitFor(AskService, PolicyLab.First);
    }

    private void WaitFor(string question, int number) =>
        Wait.Until(() => _lab.Probe(question).Answers == number, _patience, number == 0 ? "nobody answers" : $"number {number} answers");
}

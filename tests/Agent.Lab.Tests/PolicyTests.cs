using System.Globalization;
using Xunit.Abstractions;

namespace Agent.Lab.Tests;

/// <summary>LocalRedirectPolicy from the API server to the kernel, on ports that have nothing to do with DNS.</summary>
public sealed class PolicyTests : IClassFixture<PolicyLab>, IDisposable
{
    private const string Shape = $"-c unconnected -p 8080 {PolicyLab.Frontend}"; // chosen anew with each datagram
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3); // a second, on a machine that does nothing else

    private readonly PolicyLab _lab;
    private readonly ITestOutputHelper _output;

    public PolicyTests(PolicyLab lab, ITestOutputHelper output)
    {
        (_lab, _output) = (lab, output);
        if (Machine.LacksForBpf is null)
            lab.EnsureAgentServes();
    }

    public void Dispose()
    {
        if (Machine.LacksForBpf is null)
            _lab.Reset();
    }

    [BpfTheory]
    [InlineData($"-4 -c connected -p 8080 {PolicyLab.Frontend}")]
    [InlineData($"-4 -c unconnected -p 8080 {PolicyLab.Frontend}")]
    [InlineData($"-4 -t tcp -p 8080 {PolicyLab.Frontend}")]
    [InlineData($"-6 -c connected -p 8080 {PolicyLab.Frontend6}")]
    [InlineData($"-6 -t tcp -p 8080 {PolicyLab.Frontend6}")]
    [InlineData($"-m -t tcp -p 8080 {PolicyLab.Frontend}")]
    public void A_Services_traffic_goes_to_a_ready_pod_of_this_node_that_the_policy_names(string shape)
    {
        _lab.PutPolicy("number", "1");
        WaitFor(PolicyLab.First);

        ProbeReport report = _lab.Probe($"-n 20 -f {shape}");

        Assert.True(report is { IsFlawless: true, Answers: PolicyLab.First }, report.Text);
        Assert.Equal(0, _lab.Probe($"-w 200 -p 8081 {PolicyLab.Frontend}").Received); // no port of the policy
    }

    [BpfFact]
    public void Readiness_edits_and_deletion_are_in_the_kernel_within_a_second()
    {
        using Watcher watcher = new(_lab);
        Assert.Equal(0, watcher.Ask());
        Measure(watcher, "a policy comes", PolicyLab.First, () => _lab.PutPolicy("number", "1"));
        Measure(watcher, "its pod is not ready: the Service's endpoint", PolicyLab.Endpoint, () => _lab.PutBackend(PolicyLab.First, isReady: false));
        Measure(watcher, "the pod is back", PolicyLab.First, () => _lab.PutBackend(PolicyLab.First));
        Measure(watcher, "the pod is deleted", PolicyLab.Endpoint, () => _lab.Server.Delete("v1", "pods", "backend-1", "default"));
        Measure(watcher, "the policy is edited", PolicyLab.Second, () => _lab.PutPolicy("number", "2", generation: 2));
        Measure(watcher, "the policy is deleted", 0, () => _lab.DeletePolicy("echo"));
        Assert.DoesNotContain($"{PolicyLab.Frontend}:8080", _lab.LraOnW1("status"), StringComparison.Ordinal);
    }

    [BpfFact]
    public void Of_two_policies_for_one_frontend_the_older_has_it_and_the_younger_says_so_until_it_inherits()
    {
        using Watcher watcher = new(_lab);
        _lab.PutPolicy("number", "2", "younger");
        watcher.Until(PolicyLab.Second);

        Measure(watcher, "an older policy takes the frontend", PolicyLab.First, () => _lab.PutPolicy("number", "1"));
        string list = _lab.LraOnW1("policy show younger");
        Assert.Contains("Conflict", list, StringComparison.Ordinal);
        Assert.Contains("belongs to LocalRedirectPolicy echo, which is older", list, StringComparison.Ordinal);
        Wait.Until(() => IsWritten("younger", "Conflict") && IsWritten("echo", "Accepted"), TimeSpan.FromSeconds(15), "both have their conditions");
        Measure(watcher, "the older is deleted", PolicyLab.Second, () => _lab.DeletePolicy("echo"));
    }

    [BpfTheory]
    [InlineData("-t tcp")]
    [InlineData("-c connected")]
    public void Fifty_replacements_under_steady_connects_fail_none_of_them(string shape)
    {
        _lab.PutPolicy("app", "echo");
        WaitFor(PolicyLab.First, PolicyLab.Second);
        int[] before = [_lab.Answered(PolicyLab.First), _lab.Answered(PolicyLab.Second)];
        using RunningProcess prober = _lab.StartProbe($"-f -r 300 -s 10 -w 3000 {shape} -p 8080 {PolicyLab.Frontend}");
        Assert.Equal("sending", prober.ReadLine());

        for (int i = 0; i < 50; i++)
        {
            // One is always ready: the list shrinks to the other one, and grows again.
            (int goes, int stays) = i % 2 == 0 ? (PolicyLab.First, PolicyLab.Second) : (PolicyLab.Second, PolicyLab.First);
            _lab.PutBackend(goes, isReady: false);
            Thread.Sleep(80);
            _lab.PutBackend(goes);
            _lab.PutBackend(stays);
            Thread.Sleep(80);
        }

        ProbeReport report = ProbeReport.Parse(prober.WaitForEnd(TimeSpan.FromSeconds(40)).Output);
        int[] served = [_lab.Answered(PolicyLab.First) - before[0], _lab.Answered(PolicyLab.Second) - before[1]];
        _output.WriteLine($"{report.Text}; answered by the pods: {string.Join(" and ", served)}");
        Assert.True(report is { IsFlawless: true, Sent: 3000, Unreachable: 0 }, report.Text);
        Assert.Equal(report.Sent, served.Sum());
        Assert.All(served, count => Assert.True(count > 300, $"answered {count}"));
    }

    [BpfFact]
    public void A_pod_behind_a_frontend_is_not_sent_to_itself_after_a_restart_without_the_API_server_neither()
    {
        _lab.PutPolicy("number", "1");
        WaitFor(PolicyLab.First);
        AssertSkipped();

        _lab.Lab("agent", "stop");
        AssertSkipped();
        _lab.Server.Stop().GetAwaiter().GetResult();
        try
        {
            _lab.Lab("agent", "start");
            AssertSkipped();
        }
        finally
        {
            _lab.Server.Listen().GetAwaiter().GetResult();
        }

        // A change that the API server tells, so that the next test does not begin before it is heard.
        _lab.PutPolicy("number", "2", generation: 2);
        using Watcher watcher = new(_lab);
        watcher.Until(PolicyLab.Second, TimeSpan.FromSeconds(40));
        _lab.DeletePolicy("echo");
        Wait.Until(() => KernelState.CountOf(_lab, "skipped_cgroups") == 0, _patience, "no pod is behind a frontend any more");
    }

    [BpfFact]
    public void Without_an_agent_the_kernel_goes_on_with_the_local_pods()
    {
        _lab.PutPolicy("app", "echo");
        WaitFor(PolicyLab.First, PolicyLab.Second);
        _lab.Lab("agent", "kill");

        ProbeReport tcp = _lab.Probe($"-n 20 -f -t tcp -p 8080 {PolicyLab.Frontend}");
        ProbeReport udp = _lab.Probe($"-n 20 -f {Shape}");

        Assert.True(tcp is { IsFlawless: true, Answers: PolicyLab.First or PolicyLab.Second }, tcp.Text);
        Assert.True(udp is { IsFlawless: true, Answers: PolicyLab.First or PolicyLab.Second }, udp.Text);
        _lab.EnsureAgentServes();
    }

    [BpfFact]
    public void An_agent_that_no_frontend_leads_to_any_more_is_ready_without_asking_itself()
    {
        _lab.PutDnsPolicy();
        Wait.Until(() => SelfProbe() == "ok, nothing to probe, no frontend leads to the agent", _patience, "nothing to probe");
        Assert.Equal(PolicyLab.First, _lab.Probe("10.96.0.10").Answers);
        Thread.Sleep(11_000); // a probe that nobody answers is a failure after 10 s
        Assert.StartsWith("HTTP/1.1 200", _lab.Get(9254, "readyz"), StringComparison.Ordinal);

        _lab.DeletePolicy("dns");
        Wait.Until(() => SelfProbe().StartsWith("ok, last answered ", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "it asks itself again");
    }

    private string SelfProbe() => _lab.Get(9254, "readyz").Split('\n').Single(line => line.StartsWith("self-probe: ", StringComparison.Ordinal))["self-probe: ".Length..];

    private void AssertSkipped()
    {
        int before = _lab.Answered(PolicyLab.First);
        foreach (string shape in (string[])["-c unconnected", "-c connected", "-t tcp"])
            Assert.Equal(0, _lab.ProbeFrom("webpod", $"-w 200 {shape} -p 8080 {PolicyLab.Frontend}").Received);
        Assert.Equal(before, _lab.Answered(PolicyLab.First));
        ProbeReport other = _lab.Probe(Shape);
        Assert.True(other is { IsFlawless: true, Answers: PolicyLab.First }, other.Text);
    }

    private void Measure(Watcher watcher, string what, int expected, Action change)
    {
        long before = Environment.TickCount64;
        change();
        watcher.Until(expected);
        long took = Environment.TickCount64 - before;
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: programmed within {took} ms"));
    }

    /// <summary>Until each of these pods has answered.</summary>
    private void WaitFor(params int[] numbers)
    {
        using Watcher watcher = new(_lab);
        foreach (int number in numbers)
            watcher.Until(number);
    }

    private bool IsWritten(string policy, string reason) => _lab.Server.Patches.Any(patch =>
        patch.Path.EndsWith($"/{policy}/status", StringComparison.Ordinal) && patch.Body.ToJsonString().Contains($"\"reason\":\"{reason}\"", StringComparison.Ordinal));

    /// <summary>A process of the pod that asks the Service again and again from one unconnected socket.</summary>
    private sealed class Watcher(PolicyLab lab) : IDisposable
    {
        private readonly RunningProcess _probe = lab.StartProbe($"-k -w 50 {Shape}");
        private bool _hasAsked;

        /// <returns>Who answered; 0: nobody.</returns>
        public int Ask()
        {
            ProbeReport report = _hasAsked ? ProbeReport.AskAgain(_probe) : ProbeReport.Parse(_probe.ReadLine());
            _hasAsked = true;
            return report.Answers;
        }

        public void Until(int number, TimeSpan? deadline = null) =>
            Wait.Until(() => Ask() == number, deadline ?? _patience, number == 0 ? "nobody answers" : $"number {number} answers");

        public void Dispose()
        {
            _probe.CloseInput();
            _probe.Dispose();
        }
    }
}

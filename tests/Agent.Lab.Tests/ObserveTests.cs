using System.Text.Json;

namespace Agent.Lab.Tests;

/// <summary>What <c>lra observe</c> shows of the kernel's decisions.</summary>
public sealed class ObserveTests : IClassFixture<ClusterLab>
{
    private const string Pod = "default/curl-pod";

    private readonly ClusterLab _lab;

    public ObserveTests(ClusterLab lab)
    {
        _lab = lab;
        if (Machine.LacksForBpf is not null)
            return;
        lab.PutNamespace();
        lab.Server.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"curl-pod","namespace":"default","uid":"-curl-pod"},
             "spec":{"nodeName":"w1"},"status":{"phase":"Running","podIP":"10.244.1.2"}}
            """);
        lab.EnsureAgentServes();
    }

    [BpfFact]
    public void A_redirected_socket_shows_with_pod_process_and_where_it_went()
    {
        JsonElement decision = ObserveOne("--source kernel --verdict to-agent", () => _lab.Probe("-w 200 -q www.outside.test 10.96.0.10"));

        Assert.Equal(("kernel", "to-agent", Pod), (Text(decision, "source"), Text(decision, "verdict"), Text(decision, "pod")));
        Assert.Equal(("10.96.0.10:53/UDP", "169.254.20.10:53", "udp"), (Text(decision, "frontend"), Text(decision, "target"), Text(decision, "protocol")));
        Assert.Equal("probe", Text(decision, "process"));
        Assert.True(decision.GetProperty("processId").GetUInt32() > 1);
    }

    [BpfFact]
    public void An_answer_shows_once_and_with_its_pod()
    {
        JsonElement answer = ObserveOne("--name www.outside.test", () => _lab.Probe("-w 200 -q www.outside.test 10.96.0.10"));

        Assert.Equal(("dns", Pod, "www.outside.test."), (Text(answer, "source"), Text(answer, "pod"), Text(answer, "name")));
    }

    [BpfTheory]
    [InlineData(0, 2, "fallback")]
    [InlineData(0, 0, "untouched")]
    public void What_the_agent_does_not_see_shows_too(int flags, int fallbackCount, string verdict)
    {
        KernelState.Reprogram(_lab, "10.96.0.10", flags, fallbackCount);
        try
        {
            JsonElement decision = ObserveOne($"--verdict {verdict}", () => _lab.Probe("-w 200 -q www.outside.test 10.96.0.10"));

            Assert.Equal(("kernel", Pod), (Text(decision, "source"), Text(decision, "pod")));
            Assert.Equal(verdict == "fallback", decision.TryGetProperty("target", out JsonElement target));
            if (verdict == "fallback")
                Assert.StartsWith("10.244.0.", target.GetString(), StringComparison.Ordinal);
        }
        finally
        {
            KernelState.Reprogram(_lab, "10.96.0.10", flags: 1, fallbackCount: 2);
        }
    }

    [BpfFact]
    public void A_pod_that_is_left_alone_shows_as_excluded()
    {
        KernelState.Skip(_lab, "10.96.0.10", "kubepods/burstable/pod-curl-pod", isOn: true);
        try
        {
            JsonElement decision = ObserveOne("--verdict excluded --pod curl-pod", () => _lab.Probe("-w 200 -q www.outside.test 10.96.0.10"));

            Assert.Equal(Pod, Text(decision, "pod"));
        }
        finally
        {
            KernelState.Skip(_lab, "10.96.0.10", "kubepods/burstable/pod-curl-pod", isOn: false);
        }
    }

    [BpfFact]
    public void Decisions_that_find_the_ring_buffer_full_are_counted()
    {
        using RunningProcess observe = Observe("--source kernel");
        Task<string> first = Task.Run(observe.ReadLine);
        AskUntil(() => _lab.Probe("-w 200 -q www.outside.test 10.96.0.10"), () => first.IsCompleted);
        _lab.Lab("agent", "pause");
        _lab.Probe("-n 6000 -w 50 -c unconnected -q www.outside.test 10.96.0.10"); // the ring holds less than half of them
        _lab.Lab("agent", "resume");

        long lost = 0;
        while (lost == 0)
            lost = JsonDocument.Parse(observe.ReadLine()).RootElement.TryGetProperty("lost", out JsonElement count) ? count.GetInt64() : 0;
        Assert.InRange(lost, 1, 6000);
    }

    private static string? Text(JsonElement flow, string key) => flow.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;

    private RunningProcess Observe(string options) => _lab.StartLab(["exec", "w1", .. _lab.Lra($"observe -o json {options}")]);

    /// <summary>The first that fits while a pod asks.</summary>
    private JsonElement ObserveOne(string options, Action ask)
    {
        using RunningProcess observe = Observe($"--first 1 {options}");
        AskUntil(ask, () => observe.HasEnded);
        CommandResult result = observe.WaitForEnd(TimeSpan.FromSeconds(5));
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private static void AskUntil(Action ask, Func<bool> isEnough) => Wait.Until(
        () =>
        {
            ask();
            return isEnough();
        },
        TimeSpan.FromSeconds(20),
        "it is observed");
}

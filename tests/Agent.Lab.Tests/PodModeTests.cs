namespace Agent.Lab.Tests;

/// <summary>Pods opt out and in, by what they or their namespace carry; the kernel knows them by their cgroups.</summary>
public sealed class PodModeTests : IClassFixture<ClusterLab>, IDisposable
{
    private const string Mode = "\"redirect.lra.dev/mode\"";
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5); // a second, on a machine that does nothing else

    private readonly ClusterLab _lab;

    public PodModeTests(ClusterLab lab)
    {
        _lab = lab;
        if (Machine.LacksForBpf is not null)
            return;
        PutPlain();
        lab.EnsureAgentServes();
    }

    public void Dispose()
    {
        if (Machine.LacksForBpf is null)
            PutPlain();
    }

    [BpfTheory]
    [InlineData("annotations", "-c connected")]
    [InlineData("annotations", "-c unconnected")]
    [InlineData("labels", "-t tcp")]
    public void A_pod_that_opts_out_goes_untouched_and_opted_in_again_is_redirected(string where, string shape)
    {
        _lab.PutPod("curl-pod", $$"""
            "{{where}}":{ {{Mode}}:"disabled" }
            """);
        Wait.Until(() => !IsRedirected("curl-pod"), _patience, "the pod is left alone");
        Assert.Equal(0, _lab.Probe($"-w 200 {shape} 10.96.0.10").Received);
        Assert.True(IsRedirected("webpod"));
        Assert.Contains("Pods      redirect enabled by default, 1 opted out; 0 not reached", Status(), StringComparison.Ordinal);

        _lab.PutPod("curl-pod");
        Wait.Until(() => IsRedirected("curl-pod"), _patience, "the pod is redirected again");
    }

    [BpfFact]
    public void A_namespace_speaks_for_its_pods_and_a_pod_for_itself()
    {
        _lab.PutPod("webpod", $$"""
            "labels":{ {{Mode}}:"enabled" }
            """);
        _lab.PutNamespace($"{Mode}:\"disabled\"");

        Wait.Until(() => !IsRedirected("curl-pod"), _patience, "the namespace is left alone");
        Assert.True(IsRedirected("webpod"));
    }

    [BpfFact]
    public void F7_what_pods_asked_for_holds_while_the_API_server_is_away_after_a_restart_and_an_upgrade_too()
    {
        _lab.PutPod("webpod", $$"""
            "labels":{ {{Mode}}:"disabled" }
            """);
        Wait.Until(() => !IsRedirected("webpod"), _patience, "the pod is left alone");
        _lab.Lab("agent", "stop");
        Assert.False(IsRedirected("webpod"));
        Assert.True(IsRedirected("curl-pod")); // by the fallback
        _lab.Server.Stop().GetAwaiter().GetResult();
        try
        {
            _lab.Lab("agent", "start");
            Assert.False(IsRedirected("webpod"));
            Assert.Contains("those that were opted out or in before stay so", Status(), StringComparison.Ordinal);

            _lab.Lab("agent", "stop");
            KernelState.PretendOtherLayout(_lab);
            _lab.Lab("agent", "start");
            Assert.False(IsRedirected("webpod"));
            Assert.True(IsRedirected("curl-pod"));
        }
        finally
        {
            _lab.Server.Listen().GetAwaiter().GetResult();
        }

        _lab.PutPod("webpod");
        Wait.Until(() => IsRedirected("webpod"), TimeSpan.FromSeconds(40), "the API server is heard again");
    }

    [BpfFact]
    public void A_pod_whose_cgroup_comes_after_it_is_found_and_the_entry_goes_with_the_pod()
    {
        string cgroup = Path.Combine(_lab.Cgroup, "kubepods/kubepods-besteffort.slice/kubepods-besteffort-pod11111111_2222_3333_4444_555555555555.slice");
        _lab.PutPod("late", $$"""
            "labels":{ {{Mode}}:"disabled" }
            """, uid: "11111111-2222-3333-4444-555555555555");
        Wait.Until(() => Status().Contains("1 opted out", StringComparison.Ordinal), _patience, "the pod is heard of");
        int before = KernelState.CountOf(_lab, "cgroup_modes");
        Directory.CreateDirectory(cgroup);
        try
        {
            Wait.Until(() => KernelState.CountOf(_lab, "cgroup_modes") == before + 1, _patience, "its cgroup is found");
            _lab.Server.Delete("v1", "pods", "late", "default");
            Wait.Until(() => KernelState.CountOf(_lab, "cgroup_modes") == before, _patience, "its entry is gone");
        }
        finally
        {
            Directory.Delete(cgroup);
            Directory.Delete(Path.GetDirectoryName(cgroup)!);
        }
    }

    [BpfFact]
    public void F4_what_a_pod_asks_for_while_the_newer_of_two_agents_hangs_holds_once_the_older_one_has_taken_over()
    {
        _lab.Lab("agent", "join");
        Assert.True(IsRedirected("webpod"));
        _lab.Lab("agent", "pause");
        try
        {
            _lab.PutPod("webpod", $$"""
                "labels":{ {{Mode}}:"disabled" }
                """);
            Wait.Until(() => File.ReadAllText($"/run/{_lab.Name}/agent.log").Contains("this one has it again", StringComparison.Ordinal), 2 * _patience, "the older agent takes over");
            Wait.Until(() => !IsRedirected("webpod"), _patience, "the pod is left alone");
            Assert.True(IsRedirected("curl-pod"));
        }
        finally
        {
            _lab.Lab("agent", "resume");
            _lab.Lab("agent", "retire");
        }
    }

    [BpfFact]
    public void Status_lists_the_pods_that_hooks_do_not_reach()
    {
        _lab.EnsureUninstalled();
        using RunningProcess early = _lab.StartLab("exec", "curl-pod", "bash", "-c", "exec 3<>/dev/udp/10.96.0.10/53; echo connected; read -r");
        Assert.Equal("connected", early.ReadLine());
        _lab.PutPod("sandboxed", spec: "\"runtimeClassName\":\"kata-qemu\"", uid: "-webpod");
        _lab.PutPod("elsewhere", uid: "11111111-2222-3333-4444-000000000000");
        _lab.EnsureAgentServes();
        try
        {
            Wait.Until(() => Status().Contains("3 not reached", StringComparison.Ordinal), _patience, "all three are listed");
            string[] lines = Status().Split('\n');
            Assert.Contains("          default/curl-pod: 1 socket connected before the redirect; restart the pod", lines);
            Assert.Contains("          default/sandboxed: runtime class kata-qemu: its sockets are not in this kernel", lines);
            Assert.Contains($"          default/elsewhere: its cgroup is not below {_lab.Cgroup}/kubepods", lines);
        }
        finally
        {
            early.WriteLine();
            early.WaitForEnd(TimeSpan.FromSeconds(10));
            _lab.Server.Delete("v1", "pods", "sandboxed", "default");
            _lab.Server.Delete("v1", "pods", "elsewhere", "default");
        }

        Wait.Until(() => Status().Contains("0 not reached", StringComparison.Ordinal), _patience, "the socket is closed, and the others are gone");
    }

    /// <summary>As in the DaemonSet's pod, which has a PID namespace of its own unless it is given hostPID.</summary>
    [BpfFact]
    public void A_pod_whose_processes_the_agent_cannot_see_is_redirected_all_the_same()
    {
        _lab.Lab("agent", "stop");
        using RunningProcess process = _lab.StartLab("exec", "curl-pod", "bash", "-c", "echo runs; read -r");
        Assert.Equal("runs", process.ReadLine());
        using RunningProcess agent = _lab.StartLab(["exec", "agent", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", .. _lab.Lra("run")]);
        Wait.Until(_lab.IsServedByAgent, TimeSpan.FromSeconds(30), "the agent serves");
        Wait.Until(() => Status().Contains("          1 not looked into for sockets connected before the redirect; that takes hostPID\n", StringComparison.Ordinal), _patience, "the pods are heard of");

        Assert.Contains("0 not reached", Status(), StringComparison.Ordinal);
        Assert.DoesNotContain("Redirect  no", _lab.LraOnW1("explain www.outside.test --pod default/curl-pod"), StringComparison.Ordinal);
    }

    private bool IsRedirected(string pod) => _lab.ProbeFrom(pod, "-w 200 -q www.outside.test 10.96.0.10").Received == 1;

    private string Status() => _lab.LraOnW1("status");

    private void PutPlain()
    {
        _lab.PutNamespace();
        _lab.PutPod("curl-pod");
        _lab.PutPod("webpod");
    }
}

/// <summary>A lab whose pods are left alone unless they opt in, as one of them does.</summary>
public sealed class OptInLab : ClusterLab
{
    public OptInLab()
        : base("disabled")
    {
        if (Machine.LacksForBpf is not null)
            return;
        PutNamespace();
        PutPod("curl-pod", "\"annotations\":{\"redirect.lra.dev/mode\":\"enabled\"}");
        PutPod("webpod");
    }
}

public sealed class OptInTests(OptInLab lab) : IClassFixture<OptInLab>
{
    [BpfTheory]
    [InlineData("-4 -c connected 10.96.0.10")]
    [InlineData("-4 -c unconnected 10.96.0.10")]
    [InlineData("-6 -t tcp fd00:10:96::a")]
    public void Where_the_default_is_disabled_only_the_pod_that_opted_in_is_redirected(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport optedIn = lab.Probe($"-q www.outside.test {shape}");
        ProbeReport other = lab.ProbeFrom("webpod", $"-w 200 -q www.outside.test {shape}");

        Assert.True(optedIn.IsFlawless, optedIn.Text);
        Assert.Equal(0, other.Received);
        Assert.Contains("Pods      redirect disabled by default, 1 opted in; 0 not reached", lab.LraOnW1("status"), StringComparison.Ordinal);
    }
}

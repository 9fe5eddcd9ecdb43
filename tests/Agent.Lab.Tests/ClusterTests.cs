using System.Net;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;

namespace Agent.Lab.Tests;

/// <summary>A lab whose agent is told nothing of kube-dns: it learns from an API server, which runs in this process.</summary>
public class ClusterLab : LabFixture
{
    private readonly NamespaceRelay? _relay;

    public ClusterLab()
        : this("enabled")
    {
    }

    /// <param name="mode">What holds for pods that say nothing.</param>
    protected ClusterLab(string mode)
    {
        if (Machine.LacksForBpf is not null)
            return;
        Server = ApiServer.Start(IPAddress.Loopback).GetAwaiter().GetResult();
        _relay = new NamespaceRelay($"{Name}-w1", Server.Address);
        PutSlices("10.244.0.2", "10.244.0.3");
        Server.Put(ApiObjects.KubeDns("10.96.0.10", "fd00:10:96::a"));
        File.WriteAllText($"/run/{Name}/kubeconfig", ApiObjects.Kubeconfig(Server));
        File.WriteAllText($"/run/{Name}/node-resolv.conf", "nameserver 192.0.2.1\n"); // the lab's pods have no search domain of a node
        File.WriteAllText(Configuration, $$"""
            node: w1
            listen: { addresses: [169.254.20.10, "fd00:10:53::10"] }
            admin: { socket: /run/{{Name}}/admin.sock }
            redirect: { cgroup: {{Cgroup}}/kubepods, pinPath: {{Pins}}, mode: {{mode}} }
            routes: [ { zone: ".", servers: ["10.244.0.2:53", "10.244.0.3:53"] } ]
            kubernetes: { enabled: true, kubeconfig: /run/{{Name}}/kubeconfig, resolvConf: /run/{{Name}}/node-resolv.conf }
            """);
    }

    public ApiServer Server { get; } = null!;

    /// <summary>A pod of w1, or changes it.</summary>
    /// <param name="uid">The lab's cgroup for the pod NAME is <c>pod-NAME</c>, as the kubelet would have it for the UID <c>-NAME</c>.</param>
    /// <param name="metadata">More of it, as JSON: <c>"labels":{...}</c>.</param>
    /// <param name="spec">More of it, as JSON.</param>
    public void PutPod(string name, string metadata = "", string spec = "", string? uid = null, string address = "10.244.1.9") => Server.Put($$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{uid ?? "-" + name}}}"{{{(metadata.Length > 0 ? "," : "")}}}{{{metadata}}} },
         "spec":{"nodeName":"w1"{{{(spec.Length > 0 ? "," : "")}}}{{{spec}}} },"status":{"phase":"Running","podIP":"{{{address}}}"}}
        """);

    public void PutNamespace(string labels = "") => Server.Put($$$"""
        {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default","labels":{ {{{labels}}} } } }
        """);

    /// <summary>The kube-dns pods that are ready, by their IPv4 addresses; the IPv6 ones go with them.</summary>
    public void PutSlices(params string[] ready)
    {
        Server.Put(ApiObjects.KubeDnsSlice("kube-dns-4", 53, ready));
        Server.Put(ApiObjects.KubeDnsSlice("kube-dns-6", 53, [.. ready.Select(address => address.Replace("10.244.0.", "fd00:10:244::", StringComparison.Ordinal))]));
    }

    public override void Dispose()
    {
        base.Dispose();
        _relay?.Dispose();
        Server?.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}

public sealed class ClusterTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private const string Question = "-q kubernetes.default.svc.cluster.local";

    [BpfTheory]
    [InlineData("-4 -c connected 10.96.0.10")]
    [InlineData("-4 -t tcp 10.96.0.10")]
    [InlineData("-6 -c unconnected fd00:10:96::a")]
    public void With_nothing_configured_pods_ask_the_ClusterIPs_and_the_agent_answers(string shape)
    {
        lab.EnsureAgentServes();

        ProbeReport report = lab.Probe($"{Question} -n 5 {shape}");

        Assert.True(report is { IsFlawless: true, Rcode: "NOERROR", Answers: 1 }, report.Text);
        string status = lab.LraOnW1("status");
        Assert.Contains("kube-system/kube-dns has 10.96.0.10, fd00:10:96::a, answered by 10.244.0.2:53, 10.244.0.3:53", status, StringComparison.Ordinal);
    }

    [BpfFact]
    public void A_change_of_the_endpoints_is_in_the_kernel_within_a_second_and_what_is_there_then_outlives_the_agent()
    {
        lab.EnsureAgentServes();
        lab.PutSlices("10.244.0.3");
        Wait.Until(() => FallbackOf("10.96.0.10:53/UDP") == "10.244.0.3:53", TimeSpan.FromSeconds(5), "the kernel knows one endpoint");

        lab.Lab("agent", "kill");
        ProbeReport report = lab.Probe($"{Question} -n 20 -w 500 10.96.0.10");

        Assert.True(report.IsFlawless, report.Text);
        lab.PutSlices("10.244.0.2", "10.244.0.3");
        lab.EnsureAgentServes();
        Wait.Until(() => FallbackOf("10.96.0.10:53/UDP") == "10.244.0.2:53 10.244.0.3:53", TimeSpan.FromSeconds(5), "the kernel knows both again");
    }

    [BpfFact]
    public void F7_an_agent_that_starts_while_the_API_server_is_away_goes_by_what_the_kernel_remembers()
    {
        lab.EnsureAgentServes();
        lab.Lab("agent", "stop");
        lab.Server.Stop().GetAwaiter().GetResult();
        try
        {
            lab.Lab("agent", "start");

            ProbeReport report = lab.Probe($"{Question} -n 5 10.96.0.10");
            Assert.True(report is { IsFlawless: true, Rcode: "NOERROR", Answers: 1 }, report.Text);
            Assert.Contains("not heard yet", lab.LraOnW1("status"), StringComparison.Ordinal);
        }
        finally
        {
            lab.Server.Listen().GetAwaiter().GetResult();
        }

        Wait.Until(() => lab.LraOnW1("status").Contains("Cluster   synced", StringComparison.Ordinal), TimeSpan.FromSeconds(40), "the API server is heard again");
    }

    [BpfFact]
    public void F7_a_restarted_agent_answers_pods_from_its_snapshot_while_the_API_server_and_kube_dns_are_away()
    {
        const string Table = "-q shop.default.svc.cluster.local 10.96.0.10";
        lab.PutNamespace();
        lab.Server.Put(ApiObjects.Service("shop", "10.96.5.5"));
        lab.EnsureAgentServes(); // and has www.outside.test in its cache
        Wait.Until(() => lab.Probe(Table).Answers == 1, TimeSpan.FromSeconds(10), "the table, kube-dns has no such name");
        lab.Lab("agent", "stop");
        lab.Server.Stop().GetAwaiter().GetResult();
        foreach (string pod in (string[])["10.244.0.2", "10.244.0.3"])
            lab.Lab("exec", "w1", "ip", "route", "add", "blackhole", $"{pod}/32");
        try
        {
            lab.Lab("agent", "start");

            ProbeReport table = lab.Probe($"-n 20 {Table}");
            Assert.True(table is { IsFlawless: true, Rcode: "NOERROR", Answers: 1 }, table.Text);
            ProbeReport cached = lab.Probe("-n 20 -q www.outside.test 10.96.0.10");
            Assert.True(cached is { IsFlawless: true, Rcode: "NOERROR", Answers: 1 }, cached.Text);
            Assert.Contains("names answered here as they were at ", lab.LraOnW1("status"), StringComparison.Ordinal);
        }
        finally
        {
            foreach (string pod in (string[])["10.244.0.2", "10.244.0.3"])
                lab.Lab("exec", "w1", "ip", "route", "del", "blackhole", $"{pod}/32");
            lab.Server.Delete("v1", "services", "shop", "default");
            lab.Server.Listen().GetAwaiter().GetResult();
        }

        Wait.Until(() => lab.Probe(Table) is { Received: 1, Answers: 0 }, TimeSpan.FromSeconds(40), "what was deleted meanwhile is gone");
    }

    private string FallbackOf(string frontend)
    {
        string line = lab.LraOnW1("status").Split('\n').Single(line => line.StartsWith(frontend, StringComparison.Ordinal));
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words.Skip(2).TakeWhile(word => word.Contains(':')));
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Agent.Cluster.Policies;
using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;
using Agent.Tests.Configuration;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Cluster;

/// <summary>What nodes write about policies, against the double of the API server; each node watches the objects itself.</summary>
public sealed class PolicyStatusTests : IAsyncLifetime
{
    private const string GroupVersion = "redirect.lra.dev/v1alpha1";
    private const string Plural = "localredirectpolicies";

    private readonly ConcurrentBag<Node> _nodes = [];
    private ApiServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Install(GroupVersion, Plural);
        Put("dns");
    }

    public async Task DisposeAsync()
    {
        foreach (Node node in _nodes)
            await node.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_node_writes_conditions_and_its_counts_in_one_patch_and_then_nothing()
    {
        Node node = Start("w1");
        node.Verdicts = [Verdict("dns", pods: ["10.244.1.7", "10.244.1.8"])];

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions");
        LocalRedirectPolicy written = node.Policy("dns")!;
        await Task.Delay(500);

        Assert.Single(_server.Patches);
        Assert.Equal(["Accepted True Accepted 1", "Programmed True Programmed 1"], written.Conditions.Select(Text));
        Assert.Equal(new NodeReport(1, 2, 1, ""), written.Nodes["w1"]);
        Assert.InRange(written.Conditions[0].LastTransition, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
    }

    [Fact]
    public async Task Of_thirty_nodes_each_lists_itself_once_and_few_write_conditions()
    {
        PolicyPace calm = Quick with { Least = TimeSpan.FromSeconds(3), PerNode = TimeSpan.FromMilliseconds(50) };
        Node[] nodes = [.. Enumerable.Range(0, 30).Select(number => Start($"w{number}", calm))];
        foreach (Node node in nodes)
            node.Verdicts = [Verdict("dns", pods: ["10.244.1.7"])];

        await Wait.Until(() => nodes.All(node => node.Policy("dns")?.Nodes.Count == 30), "all nodes");
        await Task.Delay(500);

        Assert.Equal(30, _server.Patches.Count);
        Assert.InRange(_server.Patches.Count(patch => patch.Body["status"]!["conditions"] != null), 1, 10);
    }

    [Fact]
    public async Task A_node_that_the_policy_is_not_for_writes_the_conditions_only_when_nobody_did()
    {
        Node first = Start("w1");
        first.Verdicts = [Verdict("dns") with { IsForThisNode = false }];
        await Wait.Until(() => first.Policy("dns")?.Conditions.Count == 2, "the conditions");
        Assert.Equal("Programmed Unknown Pending 1", Text(first.Policy("dns")!.Conditions[1]));
        Assert.Empty(first.Policy("dns")!.Nodes);

        Node second = Start("w2");
        second.Verdicts = [Verdict("dns") with { IsForThisNode = false }];
        await Task.Delay(700);

        Assert.Single(_server.Patches);
    }

    [Fact]
    public async Task A_hundred_changes_of_the_pods_are_two_writes()
    {
        Node node = Start("w1", Quick with { TrifleGap = TimeSpan.FromHours(1) });
        for (int pods = 1; pods <= 100; pods++)
        {
            node.Verdicts = [Verdict("dns", pods: [.. Enumerable.Range(1, pods).Select(number => $"10.244.1.{number}")])];
            await Task.Delay(10);
        }

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions");
        await Task.Delay(500);

        Assert.InRange(_server.Patches.Count, 1, 2);
    }

    [Fact]
    public async Task The_last_pod_that_goes_is_told_without_waiting_for_the_time_of_counts()
    {
        Node node = Start("w1", Quick with { TrifleGap = TimeSpan.FromHours(1) });
        node.Verdicts = [Verdict("dns", pods: ["10.244.1.1", "10.244.1.2"])];
        await Wait.Until(() => node.Policy("dns")?.Nodes.GetValueOrDefault("w1")?.Backends == 2, "two pods");

        node.Verdicts = [Verdict("dns")];

        await Wait.Until(() => node.Policy("dns")!.Nodes["w1"].Backends == 0, "no pod");
        Assert.Equal(2, _server.Patches.Count);
    }

    [Fact]
    public async Task A_node_that_fails_makes_Programmed_false_and_keeps_the_time_of_what_did_not_change()
    {
        Node good = Start("w1"), bad = Start("w2");
        good.Verdicts = [Verdict("dns")];
        await Wait.Until(() => good.Policy("dns")?.Nodes.Count == 1, "the first node");
        Condition accepted = good.Policy("dns")!.Conditions[0];
        await Task.Delay(1100); // times are written in seconds

        bad.Verdicts = [Verdict("dns") with { Programmed = new Finding(false, "KernelRefused", "no space in the map") }];
        await Wait.Until(() => good.Policy("dns")!.Conditions[1].Status == "False", "the failure");
        LocalRedirectPolicy policy = good.Policy("dns")!;

        Assert.Equal(("KernelRefused", "not on w2 (KernelRefused)"), (policy.Conditions[1].Reason, policy.Conditions[1].Message));
        Assert.Equal(accepted, policy.Conditions[0]);
        Assert.True(policy.Conditions[1].LastTransition > accepted.LastTransition);
        Assert.Equal(new NodeReport(0, 0, 1, "KernelRefused"), policy.Nodes["w2"]);

        bad.Verdicts = [Verdict("dns")];
        await Wait.Until(() => good.Policy("dns")!.Conditions[1].Status == "True", "its end");
        Assert.Equal("", good.Policy("dns")!.Nodes["w2"].Reason);
        await Wait.Until(() => _server.Events.Count == 3, "events");
        Assert.Equal(
            ["Normal Program Programmed w1", "Warning Program KernelRefused w2", "Normal Program Programmed w2"],
            _server.Events.Select(told => $"{told["type"]} {told["action"]} {told["reason"]} {told["reportingInstance"]}"));
        Assert.Equal("on w2: no space in the map", _server.Events.ElementAt(1)["note"]!.ToString());
    }

    [Fact]
    public async Task A_conflict_is_told_once_whatever_the_number_of_nodes_and_ends_the_counts()
    {
        Node first = Start("w1"), second = Start("w2");
        first.Verdicts = second.Verdicts = [Verdict("dns")];
        await Wait.Until(() => first.Policy("dns")?.Nodes.Count == 2, "both nodes");

        PolicyVerdict conflict = Verdict("dns") with { Accepted = new Finding(false, "Conflict", "older owns 10.96.0.10:53/UDP"), Frontends = [] };
        first.Verdicts = second.Verdicts = [conflict];
        await Wait.Until(() => first.Policy("dns")!.Conditions[0].Status == "False", "the conflict");
        await Wait.Until(() => _server.Events.Any(told => told["reason"]!.ToString() == "Conflict"), "its event");
        await Task.Delay(500);

        Assert.Equal(["Accepted False Conflict 1", "Programmed False NotAccepted 1"], first.Policy("dns")!.Conditions.Select(Text));
        Assert.Empty(first.Policy("dns")!.Nodes);
        JsonObject told = Assert.Single(_server.Events, told => told["reason"]!.ToString() == "Conflict");
        Assert.Equal("Warning Accept older owns 10.96.0.10:53/UDP", $"{told["type"]} {told["action"]} {told["note"]}");
    }

    [Fact]
    public async Task A_new_generation_is_reported_anew_and_a_verdict_on_the_old_one_is_not_written()
    {
        Node node = Start("w1");
        node.Verdicts = [Verdict("dns")];
        await Wait.Until(() => node.Policy("dns")?.Nodes.Count == 1, "the node");

        Put("dns", generation: 2);
        await Wait.Until(() => node.Policy("dns")!.Generation == 2, "the second generation");
        await Task.Delay(300);
        Assert.Single(_server.Patches);

        node.Verdicts = [Verdict("dns") with { Generation = 2 }];
        await Wait.Until(() => node.Policy("dns")!.Conditions.Count(condition => condition.ObservedGeneration == 2) == 2, "both conditions");
        Assert.Equal(2, node.Policy("dns")!.Nodes["w1"].ObservedGeneration);
    }

    [Fact]
    public async Task Conditions_of_others_stay()
    {
        _server.Put(ObjectOf("dns", 1, """{"conditions":[{"type":"Reviewed","status":"True","reason":"ByHand","message":"ok","lastTransitionTime":"2025-01-01T00:00:00Z"}]}"""));
        Node node = Start("w1");

        node.Verdicts = [Verdict("dns")];

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 3, "the conditions");
        Assert.Equal("Reviewed True ByHand 0", Text(node.Policy("dns")!.Conditions[0]));
    }

    [Fact]
    public async Task A_lost_API_server_blocks_nobody_and_gets_the_status_when_it_is_back()
    {
        Node node = Start("w1");
        await Wait.Until(() => node.Policy("dns") != null, "the policy");
        await _server.Stop();
        Task published = Task.Run(() => node.Verdicts = [Verdict("dns")]);
        await published.WaitAsync(Wait.Long);
        await Wait.Until(() => node.Log.Lines.Any(line => line.Contains("could not be written")), "the failure");

        await _server.Listen();

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions");
        Assert.Single(node.Log.Lines, line => line.Contains("could not be written"));
        Assert.Contains(node.Log.Lines, line => line.Contains("written again"));
    }

    [Fact]
    public async Task Without_the_right_to_patch_one_line_says_which_is_missing()
    {
        for (int refusal = 0; refusal < RetryPace.DenialsBeforeForbidden + 2; refusal++)
            _server.Trouble.RefuseNext("/dns/status", 403, "Forbidden");
        Node node = Start("w1");

        node.Verdicts = [Verdict("dns")];

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions, once the right is there");
        string line = Assert.Single(node.Log.Lines, line => line.Contains("ServiceAccount"));
        Assert.Contains("the verb patch on localredirectpolicies/status in redirect.lra.dev", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_starts_up_and_has_not_read_the_roles_keeps_no_status_back()
    {
        for (int refusal = 0; refusal < RetryPace.DenialsBeforeForbidden - 1; refusal++)
            _server.Trouble.RefuseNext("/dns/status", 403, "Forbidden");
        Node node = Start("w1", Quick with { Retry = Quick.Retry with { Forbidden = TimeSpan.FromHours(1) } });

        node.Verdicts = [Verdict("dns")];

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions");
        Assert.DoesNotContain(node.Log.Lines, line => line.Contains("ServiceAccount"));
    }

    [Fact]
    public async Task A_conflict_of_writes_and_a_policy_that_is_gone_are_no_trouble()
    {
        Put("second");
        _server.Trouble.RefuseNext("/dns/status", 409, "Conflict");
        _server.Trouble.RefuseNext("/second/status", 404, "NotFound");
        Node node = Start("w1", Quick with { TrifleGap = TimeSpan.FromMilliseconds(500) });

        node.Verdicts = [Verdict("dns"), Verdict("second")];

        await Wait.Until(() => node.Policy("dns")?.Conditions.Count == 2, "the conditions");
        await Wait.Until(() => node.Policy("second")?.Conditions.Count == 2, "the second policy's, when it is there after all");
    }

    [Fact]
    public async Task The_list_of_nodes_has_an_end_but_a_node_in_trouble_gets_in()
    {
        JsonObject nodes = new(Enumerable.Range(0, PolicyStatus.MostNodes)
            .Select(number => KeyValuePair.Create($"n{number}", (JsonNode?)JsonNode.Parse("""{"frontends":1,"backends":1,"observedGeneration":1}"""))));
        _server.Put(ObjectOf("dns", 1, new JsonObject { ["nodes"] = nodes }.ToJsonString()));
        Node well = Start("w1"), ill = Start("w2");

        well.Verdicts = [Verdict("dns")];
        await Wait.Until(() => well.Policy("dns")?.Conditions.Count == 2, "the conditions");
        ill.Verdicts = [Verdict("dns") with { Programmed = new Finding(false, "KernelRefused", "no") }];
        await Wait.Until(() => well.Policy("dns")!.Nodes.ContainsKey("w2"), "the node in trouble");

        Assert.False(well.Policy("dns")!.Nodes.ContainsKey("w1"));
    }

    [Fact]
    public async Task A_Cilium_policy_gets_no_status_and_one_event_from_all_nodes_and_its_end_is_told()
    {
        Node first = Start("w1"), second = Start("w2");
        PolicyVerdict good = Verdict("lrp") with { Kind = PolicyKind.CiliumLocalRedirect, Key = new("team", "lrp"), Uid = "u-1" };
        first.Verdicts = second.Verdicts = [good];

        first.Verdicts = second.Verdicts = [good with { Accepted = new Finding(false, "NoService", "there is no Service team/db") }];
        first.Verdicts = second.Verdicts = [good];
        first.Verdicts = second.Verdicts = [];

        await Wait.Until(() => _server.Events.Count == 3, "the events");
        await Task.Delay(400);
        Assert.Equal(["Normal Accept Accepted", "Normal Revert Reverted", "Warning Accept NoService"], _server.Events.Select(told => $"{told["type"]} {told["action"]} {told["reason"]}").Order());
        Assert.All(_server.Events, told => Assert.Equal("cilium.io/v2 CiliumLocalRedirectPolicy team", $"{told["regarding"]!["apiVersion"]} {told["regarding"]!["kind"]} {told["metadata"]!["namespace"]}"));
        Assert.Empty(_server.Patches);
    }

    [Fact]
    public async Task A_deleted_policy_is_told_by_the_first_of_its_nodes()
    {
        Node first = Start("w1"), second = Start("w2");
        first.Verdicts = second.Verdicts = [Verdict("dns")];
        await Wait.Until(() => first.Policy("dns")?.Nodes.Count == 2 && second.Policy("dns")?.Nodes.Count == 2, "both nodes");

        _server.Delete(GroupVersion, Plural, "dns");

        await Wait.Until(() => _server.Events.Any(told => told["reason"]!.ToString() == "Reverted"), "the event");
        await Task.Delay(300);
        Assert.Equal("w1", Assert.Single(_server.Events, told => told["reason"]!.ToString() == "Reverted")["reportingInstance"]!.ToString());
    }

    /// <summary>Like the real one, fifty times as fast.</summary>
    private static PolicyPace Quick { get; } = new()
    {
        PerNode = TimeSpan.FromMilliseconds(1),
        Least = TimeSpan.FromMilliseconds(100),
        Gap = TimeSpan.FromMilliseconds(50),
        TrifleGap = TimeSpan.FromSeconds(30),
        EventSpread = TimeSpan.FromMilliseconds(200),
        EventGap = TimeSpan.FromMilliseconds(50),
        Retry = new RetryPace { First = TimeSpan.FromMilliseconds(50), Most = TimeSpan.FromMilliseconds(300), Forbidden = TimeSpan.FromMilliseconds(200) },
    };

    private static string Text(Condition condition) => $"{condition.Type} {condition.Status} {condition.Reason} {condition.ObservedGeneration}";

    private static PolicyVerdict Verdict(string name, params string[] pods) =>
        new(PolicyKind.LocalRedirect, new ObjectKey("", name), new Finding(true, "Accepted", "fine"), new Finding(true, "Programmed", "fine"))
        {
            Uid = $"uid-of-{name}",
            Generation = 1,
            IsForThisNode = true,
            Frontends =
            [
                new FrontendConfiguration
                {
                    Address = IPAddress.Parse("10.96.0.10"),
                    Protocols = [TransportProtocol.Udp],
                    Local = [.. pods.Select(pod => new IPEndPoint(IPAddress.Parse(pod), 53))],
                },
            ],
            BackendPods = [.. pods.Select(pod => new Pod { Key = new ObjectKey("kube-system", pod) })],
        };

    private static string ObjectOf(string name, int generation, string status) => $$"""
        {"apiVersion":"{{GroupVersion}}","kind":"LocalRedirectPolicy","metadata":{"name":"{{name}}","uid":"uid-of-{{name}}","generation":{{generation}} },"status":{{status}} }
        """;

    private void Put(string name, int generation = 1) => _server.Put(ObjectOf(name, generation, "{}"));

    private Node Start(string name, PolicyPace? pace = null)
    {
        Node node = new(_server, name, pace ?? Quick);
        _nodes.Add(node);
        return node;
    }

    /// <summary>One node: a watch of the policies, and the reports of what its planner would say.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly ApiClient _client;
        private readonly Reflector<LocalRedirectPolicy> _policies;
        private readonly PolicyReports _reports;
        private IReadOnlyList<PolicyVerdict> _verdicts = [];

        public Node(ApiServer server, string name, PolicyPace pace)
        {
            using TemporaryFile kubeconfig = new(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(server)));
            _client = new ApiClient(ClusterAccess.FromKubeConfig(kubeconfig.Path), NullLogger.Instance);
            _reports = new PolicyReports(_client, name, Log, pace);
            RetryPace retry = new() { First = TimeSpan.FromMilliseconds(20), Most = TimeSpan.FromMilliseconds(200), Settled = TimeSpan.FromMilliseconds(50) };
            _policies = new Reflector<LocalRedirectPolicy>(_client, Resources.LocalRedirectPolicies, new ReflectorOptions { Pace = retry }, _ => Publish());
            _policies.Start();
        }

        public LogRecorder Log { get; } = new();

        public IReadOnlyList<PolicyVerdict> Verdicts
        {
            set
            {
                _verdicts = value;
                Publish();
            }
        }

        public LocalRedirectPolicy? Policy(string name) => _policies.Find(new ObjectKey("", name));

        public async ValueTask DisposeAsync()
        {
            await _policies.DisposeAsync();
            _reports.Dispose();
            _client.Dispose();
        }

        private void Publish()
        {
            lock (_reports)
                _reports.Publish(_verdicts, _policies.Snapshot());
        }
    }
}

using System.Net;
using Agent.Cluster.Policies;
using Agent.Configuration;
using Agent.Kubernetes;
using static Agent.Tests.Cluster.Policies.PolicyWorld;

namespace Agent.Tests.Cluster.Policies;

public class PolicyPlannerTests
{
    private const string Four = "10.96.0.20:53/UDP", Six = "[fd00:10:96::14]:53/UDP";

    private readonly PolicyWorld _world = new();

    [Fact]
    public void Each_ClusterIP_goes_to_the_ready_pods_of_this_node_that_are_selected_each_on_its_own_port_of_that_name()
    {
        _world.Add(Policy()).Add(
            Pod("b", "10.244.1.3", "fd00:10:244:1::3") with { Ports = [new("dns", 99, "TCP"), new("dns", 7053, "UDP")] },
            Pod("a", "10.244.1.2"),
            Pod("waits", "10.244.1.4") with { IsReady = false },
            Pod("foreign", "10.244.1.5") with { Key = new ObjectKey("default", "foreign") },
            Pod("other", "10.244.1.6") with { Labels = new Dictionary<string, string> { ["app"] = "web" } });

        PolicyVerdict verdict = _world.Verdict();

        Assert.Equal(
            [$"{Four} local 10.244.1.2:1053 10.244.1.3:7053 else 10.244.0.2:5353 10.244.0.3:5353", $"{Six} local [fd00:10:244:1::3]:7053 else [fd00:10:244::2]:5353"],
            verdict.Frontends.Select(TextOf));
        Assert.Equal(["a", "b"], verdict.BackendPods.Select(pod => pod.Key.Name));
        Assert.Equal((true, "Accepted", true, "Programmed"), (verdict.Accepted.IsTrue, verdict.Accepted.Reason, verdict.Programmed.IsTrue, verdict.Programmed.Reason));
        Assert.Equal((PolicyKind.LocalRedirect, "cache", 4, true, false), (verdict.Kind, verdict.Uid, verdict.Generation, verdict.IsForThisNode, verdict.IsAgentCache));
        Assert.All(verdict.Frontends, frontend => Assert.True(frontend.SkipRedirectFromBackend));
        Assert.Contains($"{Four}, {Six}", verdict.Accepted.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_ports_may_be_redirected_to_numbers_and_without_a_targetPort_to_the_same_number()
    {
        LocalRedirectPolicy policy = Policy() with { Ports = [new("dns", 53, "UDP", ""), new("dns-tcp", 53, "TCP", "1054"), new("metrics", 9153, "TCP", "")] };
        _world.Add(policy).Add(Pod("a", "10.244.1.2"));

        Assert.Equal(
            ["10.96.0.20:53/UDP local 10.244.1.2:53", "10.96.0.20:53/TCP local 10.244.1.2:1054", "10.96.0.20:9153/TCP local 10.244.1.2:9153"],
            _world.Verdict().Frontends.Where(frontend => frontend.Local.Count > 0).Select(frontend => TextOf(frontend).Split(" else")[0]));
    }

    [Fact]
    public void An_address_has_nothing_behind_it_but_the_pods()
    {
        _world.Add(ForAddress(Policy(), "169.254.20.11")).Add(Pod("a", "10.244.1.2"));

        Assert.Equal(["169.254.20.11:53/UDP local 10.244.1.2:1053 else "], _world.Verdict().Frontends.Select(TextOf));
    }

    [Fact]
    public void With_agentCache_the_agent_serves_the_Service_over_its_endpoints()
    {
        _world.Add(ForAgent(Policy())).Add(Pod("a", "10.244.1.2"));

        PolicyVerdict verdict = _world.Verdict();

        Assert.Equal($"{Four} agent local  else 10.244.0.2:5353 10.244.0.3:5353", TextOf(verdict.Frontends[0]));
        Assert.True(verdict.IsAgentCache);
    }

    [Fact]
    public void Without_a_ready_pod_the_frontends_stay_and_the_verdict_says_what_is_used()
    {
        PolicyVerdict verdict = _world.Add(Policy()).Verdict();

        Assert.Equal($"{Four} local  else 10.244.0.2:5353 10.244.0.3:5353", TextOf(verdict.Frontends[0]));
        Assert.Equal((true, "NoReadyPods"), (verdict.Programmed.IsTrue, verdict.Programmed.Reason));
        Assert.Contains("the Service's endpoints are used", verdict.Programmed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ready_pod_without_the_named_port_is_no_backend_and_the_verdict_says_so()
    {
        PolicyVerdict verdict = _world.Add(Policy()).Add(Pod("a", "10.244.1.2") with { Ports = [] }).Verdict();

        Assert.Empty(verdict.Frontends[0].Local);
        Assert.Contains($"none has an address and port for {Four}", verdict.Programmed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pods_that_share_an_address_are_one_backend()
    {
        _world.Add(Policy()).Add(Pod("a", "192.168.56.11"), Pod("b", "192.168.56.11"));

        Assert.Equal("192.168.56.11:1053", Assert.Single(_world.Verdict().Frontends[0].Local).ToString());
    }

    [Fact]
    public void A_policy_for_other_nodes_is_accepted_and_not_programmed_here()
    {
        PolicyVerdict verdict = _world.Add(Policy() with { NodeSelector = Selector(("pool", "b")) }).Verdict();

        Assert.Equal((true, false, "NotForThisNode", false), (verdict.Accepted.IsTrue, verdict.Programmed.IsTrue, verdict.Programmed.Reason, verdict.IsForThisNode));
        Assert.Empty(verdict.Frontends);
    }

    [Fact]
    public void The_older_policy_has_a_frontend_and_the_younger_one_none_at_all()
    {
        LocalRedirectPolicy both = Policy("young") with { Ports = [new("", 53, "TCP", "dns"), new("", 53, "UDP", "dns")] };
        _world.Add(both, Policy("old", age: 10));

        PolicyPlan plan = _world.Plan();

        Assert.Equal(["old", "young"], plan.Verdicts.Select(verdict => verdict.Key.Name));
        Assert.Equal((true, false), (plan.Verdicts[0].Accepted.IsTrue, plan.Verdicts[1].Accepted.IsTrue));
        Assert.Equal("Conflict", plan.Verdicts[1].Accepted.Reason);
        Assert.StartsWith($"{Four} belongs to LocalRedirectPolicy old, which is older", plan.Verdicts[1].Accepted.Message, StringComparison.Ordinal);
        Assert.Equal("NotAccepted", plan.Verdicts[1].Programmed.Reason);
        Assert.Equal([Four, Six], plan.Frontends.Select(frontend => FrontendKey.Of(frontend).ToString()));
    }

    [Fact]
    public void Of_the_same_age_the_first_by_name_wins_and_a_cluster_scoped_one_comes_before_a_namespaced_one()
    {
        _world.Add(Cilium("a") with { CreatedAt = DateTimeOffset.UnixEpoch }).Add(Policy("c"), Policy("b"));

        Assert.Equal([("b", true), ("c", false), ("a", false)], _world.Plan().Verdicts.Select(verdict => (verdict.Key.Name, verdict.Accepted.IsTrue)));
    }

    [Fact]
    public void A_policy_that_is_not_accepted_owns_nothing()
    {
        _world.Add(Policy("broken", age: 10) with { Ports = [new("", 53, "UDP", "dns"), new("", 54, "UDP", "")] }, Policy("sound"));

        Assert.Equal([("broken", false), ("sound", true)], _world.Plan().Verdicts.Select(verdict => (verdict.Key.Name, verdict.Accepted.IsTrue)));
    }

    [Fact]
    public void Two_policies_for_different_nodes_do_not_conflict()
    {
        _world.Add(
            Policy("pods", age: 10) with { NodeSelector = Selector(("pool", "a")) },
            ForAgent(Policy("agent")) with { NodeSelector = Selector(("pool", "b"), ("disk", "ssd")) },
            Policy("some") with { NodeSelector = Selector(("disk", "ssd")) });

        PolicyPlan plan = _world.Plan();

        Assert.Equal([("pods", true), ("agent", true), ("some", false)], plan.Verdicts.Select(verdict => (verdict.Key.Name, verdict.Accepted.IsTrue)));
        Assert.All(plan.Frontends, frontend => Assert.False(frontend.IsServedByAgent));
    }

    [Theory]
    [InlineData("In a", "In b", true)]
    [InlineData("In a,b", "In b", false)]
    [InlineData("In a", "NotIn a,b", true)]
    [InlineData("NotIn a", "In a,b", false)]
    [InlineData("Exists", "DoesNotExist", true)]
    [InlineData("DoesNotExist", "In a", true)]
    [InlineData("DoesNotExist", "NotIn a", false)]
    [InlineData("Exists", "In a", false)]
    public void Selectors_are_disjoint_when_no_node_can_have_both(string one, string other, bool expected)
    {
        Assert.Equal(expected, NodeSelectors.AreDisjoint(Parse(one), Parse(other)));
        Assert.Equal(expected, NodeSelectors.AreDisjoint(Parse(other), Parse(one)));
        Assert.False(NodeSelectors.AreDisjoint(Parse(one), null));

        static LabelSelector Parse(string text) =>
            new([new LabelRequirement("pool", text.Split(' ')[0], text.Contains(' ') ? text.Split(' ')[1].Split(',') : [])]);
    }

    [Fact]
    public void A_frontend_of_the_configuration_file_is_not_a_policys_to_have()
    {
        _world.Configured.Add(new FrontendConfiguration { Address = IPAddress.Parse("10.96.0.20") });

        AssertRefused(Policy(), "ConfiguredFrontend", "10.96.0.20:53/UDP is in redirect.frontends");
    }

    [Fact]
    public void Where_only_one_namespace_is_watched_other_Services_are_not_called_missing()
    {
        _world.ServicesOf = DnsService.Namespace;

        AssertRefused(Policy() with { Service = new ObjectKey("default", "web") }, "ServiceNotWatched", "clusterNames");
    }

    [Theory]
    [InlineData("headless", "ServiceIsHeadless")]
    [InlineData("external", "ServiceIsExternalName")]
    [InlineData("pending", "ServiceHasNoAddress")]
    [InlineData("absent", "ServiceNotFound")]
    public void A_Service_without_an_address_has_nothing_to_redirect(string name, string reason)
    {
        _world.Add(new Service { Key = new ObjectKey("default", "headless"), IsHeadless = true })
            .Add(new Service { Key = new ObjectKey("default", "external"), Type = "ExternalName", ExternalName = "example.org" })
            .Add(new Service { Key = new ObjectKey("default", "pending") });

        AssertRefused(Policy() with { Service = new ObjectKey("default", name) }, reason, $"default/{name}");
    }

    [Fact]
    public void A_port_that_the_Service_does_not_have_is_named_with_those_that_it_has() =>
        AssertRefused(Policy() with { Ports = [new("", 54, "UDP", "")] }, "ServicePortNotFound", "no port 54/UDP; it has 53/UDP, 53/TCP, 9153/TCP");

    [Fact]
    public void The_ClusterIP_of_a_Service_is_named_by_its_Service() =>
        AssertRefused(ForAddress(Policy(), "10.96.0.20"), "AddressIsService", "kube-system/dns");

    [Theory]
    [InlineData("10.1", "InvalidAddress")]
    [InlineData("kube-dns", "InvalidAddress")]
    [InlineData("0.0.0.0", "InvalidAddress")]
    [InlineData("239.1.1.1", "InvalidAddress")]
    [InlineData("127.0.0.1", "InvalidAddress")]
    [InlineData("::1", "InvalidAddress")]
    [InlineData("", "InvalidAddress")]
    public void An_address_that_is_no_hosts_is_refused(string address, string reason) => AssertRefused(ForAddress(Policy(), address), reason, "address");

    public static TheoryData<string, string> WrongSpecs => new()
    {
        { "both frontends", "InvalidFrontend" },
        { "no frontend", "InvalidFrontend" },
        { "half a Service", "InvalidFrontend" },
        { "both backends", "InvalidBackend" },
        { "no backend", "InvalidBackend" },
        { "pods of no namespace", "InvalidBackend" },
        { "an unknown operator", "InvalidSelector" },
        { "no ports", "MissingPorts" },
        { "port 0", "InvalidPort" },
        { "targetPort 70000", "InvalidPort" },
        { "SCTP", "UnsupportedProtocol" },
        { "a port twice", "DuplicatePort" },
        { "agentCache with targetPort", "TargetPortNotAllowed" },
    };

    [Theory]
    [MemberData(nameof(WrongSpecs))]
    public void What_makes_no_sense_is_refused_with_a_reason_and_what_to_do(string what, string reason)
    {
        LocalRedirectPolicy policy = Policy();
        AssertRefused(
            what switch
            {
                "both frontends" => policy with { Address = "169.254.20.11" },
                "no frontend" => policy with { Service = null },
                "half a Service" => policy with { Service = new ObjectKey("", "dns") },
                "both backends" => policy with { IsAgentCache = true },
                "no backend" => policy with { LocalPods = null },
                "pods of no namespace" => policy with { LocalPods = new LocalPods("", LabelSelector.Everything) },
                "an unknown operator" => policy with { NodeSelector = new LabelSelector([new LabelRequirement("pool", "Gt", ["1"])]) },
                "no ports" => policy with { Ports = [] },
                "port 0" => policy with { Ports = [new("", 0, "UDP", "")] },
                "targetPort 70000" => policy with { Ports = [new("", 53, "UDP", "70000")] },
                "SCTP" => policy with { Ports = [new("", 53, "SCTP", "")] },
                "a port twice" => policy with { Ports = [new("a", 53, "UDP", ""), new("b", 53, "UDP", "dns")] },
                _ => policy with { LocalPods = null, IsAgentCache = true },
            },
            reason,
            "");
    }

    private void AssertRefused(LocalRedirectPolicy policy, string reason, string says)
    {
        PolicyVerdict verdict = _world.Add(policy).Verdict();

        Assert.Equal((false, reason), (verdict.Accepted.IsTrue, verdict.Accepted.Reason));
        Assert.Contains(says, verdict.Accepted.Message, StringComparison.Ordinal);
        Assert.True(verdict is { Programmed: { IsTrue: false, Reason: "NotAccepted" }, Frontends.Count: 0 });
    }
}

using System.Net;
using Agent.Cluster.Policies;
using Agent.Kubernetes;
using static Agent.Tests.Cluster.Policies.PolicyWorld;

namespace Agent.Tests.Cluster.Policies;

/// <summary>CiliumLocalRedirectPolicy, as Cilium documents it.</summary>
public class CiliumPolicyTests
{
    private readonly PolicyWorld _world = new();

    [Fact]
    public void One_port_goes_to_one_port_whatever_they_are_called()
    {
        CiliumLocalRedirectPolicy policy = Cilium() with { FrontendPorts = [new("a", 53, "UDP")], BackendPorts = [new("b", 1053, "UDP")], SkipRedirectFromBackend = true };
        _world.Add(policy).Add(Pod("a", "10.244.1.2"));

        PolicyVerdict verdict = _world.Verdict();

        Assert.Equal("10.96.0.20:53/UDP local 10.244.1.2:1053 else 10.244.0.2:5353 10.244.0.3:5353", TextOf(verdict.Frontends[0]));
        Assert.Equal((PolicyKind.CiliumLocalRedirect, true), (verdict.Kind, verdict.Frontends[0].SkipRedirectFromBackend));
    }

    [Fact]
    public void Loop_prevention_is_off_unless_the_policy_wants_it() => Assert.False(_world.Add(Cilium()).Verdict().Frontends[0].SkipRedirectFromBackend);

    [Fact]
    public void Several_ports_find_each_other_by_their_names_without_regard_to_case()
    {
        CiliumLocalRedirectPolicy policy = Cilium() with
        {
            FrontendPorts = [new("dns", 53, "UDP"), new("dns-tcp", 53, "TCP")],
            BackendPorts = [new("DNS-TCP", 1054, "TCP"), new("Dns", 1053, "UDP")],
        };
        _world.Add(policy).Add(Pod("a", "10.244.1.2") with { Ports = [] });

        Assert.Equal(
            ["10.96.0.20:53/UDP local 10.244.1.2:1053", "10.96.0.20:53/TCP local 10.244.1.2:1054"],
            _world.Verdict().Frontends.Where(frontend => frontend.Local.Count > 0).Select(frontend => TextOf(frontend).Split(" else")[0]));
    }

    [Fact]
    public void Without_toPorts_all_ports_of_the_Service_that_have_a_counterpart_are_redirected()
    {
        CiliumLocalRedirectPolicy policy = Cilium() with { FrontendPorts = [], BackendPorts = [new("dns", 1053, "UDP"), new("dns-tcp", 1054, "TCP")] };

        Assert.Equal(
            ["10.96.0.20:53/UDP", "[fd00:10:96::14]:53/UDP", "10.96.0.20:53/TCP", "[fd00:10:96::14]:53/TCP"],
            _world.Add(policy).Verdict().Frontends.Select(frontend => FrontendKey.Of(frontend).ToString()));
    }

    [Fact]
    public void The_only_port_of_a_Service_goes_to_the_only_port_of_the_backend()
    {
        ObjectKey single = new(DnsService.Namespace, "single");
        _world.Add(new Service { Key = single, ClusterIPs = [IPAddress.Parse("10.96.0.30")], Ports = [new("", 80, "UDP", "")] });

        Assert.Equal("10.96.0.30:80/UDP", FrontendKey.Of(Assert.Single(_world.Add(Cilium() with { Service = single, FrontendPorts = [] }).Verdict().Frontends)).ToString());
    }

    [Fact]
    public void An_address_is_redirected_to_the_pods_of_the_policys_own_namespace()
    {
        CiliumLocalRedirectPolicy policy = Cilium() with { Service = null, Address = IPAddress.Parse("169.254.169.254"), FrontendPorts = [new("", 80, "TCP")], BackendPorts = [new("", 8080, "TCP")] };
        _world.Add(policy).Add(Pod("a", "10.244.1.2"), Pod("b", "10.244.1.3") with { Key = new ObjectKey("default", "b") });

        Assert.Equal(["169.254.169.254:80/TCP local 10.244.1.2:8080 else "], _world.Verdict().Frontends.Select(TextOf));
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    public void Where_Cilium_runs_on_the_node_the_policies_are_its_own_ready_or_not(bool isHostNetwork, bool isFinished, bool isLeft)
    {
        Pod agent = Pod("cilium-x", "192.168.56.11") with
        {
            Labels = new Dictionary<string, string> { ["k8s-app"] = "cilium" },
            IsHostNetwork = isHostNetwork,
            IsFinished = isFinished,
            IsReady = false,
        };
        _world.Add(Cilium()).Add(Policy("young") with { CreatedAt = DateTimeOffset.UtcNow }).Add(agent);

        PolicyPlan plan = _world.Plan();

        Assert.Equal(isLeft ? "HandledByCilium" : "Accepted", plan.Verdicts[0].Accepted.Reason);
        Assert.Equal(isLeft, plan.Verdicts[1].Accepted.IsTrue);
        Assert.Equal(isLeft, plan.Frontends.All(frontend => plan.Verdicts[1].Frontends.Contains(frontend)));
    }

    public static TheoryData<string, string> WrongSpecs => new()
    {
        { "no frontend", "InvalidFrontend" },
        { "another namespace", "ServiceInOtherNamespace" },
        { "no backend port", "MissingPorts" },
        { "an address without ports", "MissingPorts" },
        { "port 0", "InvalidPort" },
        { "SCTP", "UnsupportedProtocol" },
        { "names missing", "PortNameMissing" },
        { "a name twice", "DuplicatePort" },
        { "a port twice", "DuplicatePort" },
        { "no counterpart", "PortNotMatched" },
        { "no counterpart in the Service", "PortNotMatched" },
        { "another protocol", "ProtocolMismatch" },
        { "an address of a Service", "AddressIsService" },
    };

    [Theory]
    [MemberData(nameof(WrongSpecs))]
    public void What_makes_no_sense_is_refused_with_a_reason(string what, string reason)
    {
        CiliumLocalRedirectPolicy policy = Cilium();
        CiliumLocalRedirectPolicy address = policy with { Service = null, Address = IPAddress.Parse("169.254.169.254") };
        NumberedPort dns = new("dns", 53, "UDP"), tcp = new("dns-tcp", 53, "TCP");
        PolicyVerdict verdict = _world.Add(what switch
        {
            "no frontend" => policy with { Service = null },
            "another namespace" => policy with { Service = new ObjectKey("default", "web") },
            "no backend port" => policy with { BackendPorts = [] },
            "an address without ports" => address with { FrontendPorts = [] },
            "port 0" => policy with { FrontendPorts = [new("", 0, "UDP")] },
            "SCTP" => policy with { BackendPorts = [new("", 53, "SCTP")] },
            "names missing" => policy with { FrontendPorts = [dns, tcp] },
            "a name twice" => policy with { FrontendPorts = [dns, tcp with { Name = "DNS" }], BackendPorts = [dns] },
            "a port twice" => policy with { FrontendPorts = [dns, dns with { Name = "again" }], BackendPorts = [dns] },
            "no counterpart" => policy with { FrontendPorts = [dns, tcp], BackendPorts = [dns] },
            "no counterpart in the Service" => policy with { FrontendPorts = [], BackendPorts = [new("http", 80, "TCP")] },
            "another protocol" => policy with { BackendPorts = [tcp] },
            _ => address with { Address = IPAddress.Parse("10.96.0.20") },
        }).Verdict();

        Assert.Equal((false, reason), (verdict.Accepted.IsTrue, verdict.Accepted.Reason));
        Assert.Empty(verdict.Frontends);
    }
}

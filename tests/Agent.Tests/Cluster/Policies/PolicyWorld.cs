using System.Net;
using Agent.Cluster;
using Agent.Cluster.Policies;
using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Kubernetes.Watching;

namespace Agent.Tests.Cluster.Policies;

/// <summary>A small cluster for the planner: one Service with two pods behind it, and the pods of this node.</summary>
internal sealed class PolicyWorld
{
    public static readonly ObjectKey DnsService = new("kube-system", "dns");

    private readonly ServiceIndex _services = new();
    private readonly List<Pod> _pods = [];
    private readonly List<LocalRedirectPolicy> _policies = [];
    private readonly List<CiliumLocalRedirectPolicy> _ciliumPolicies = [];

    public PolicyWorld()
    {
        Add(new Service
        {
            Key = DnsService,
            ClusterIPs = [IPAddress.Parse("10.96.0.20"), IPAddress.Parse("fd00:10:96::14")],
            Ports = [new("dns", 53, "UDP", "dns"), new("dns-tcp", 53, "TCP", "dns"), new("metrics", 9153, "TCP", "9153")],
        });
        AddSlice("four", "10.244.0.2", "10.244.0.3");
        AddSlice("six", "fd00:10:244::2");
    }

    public Dictionary<string, string> NodeLabels { get; } = new() { ["pool"] = "a" };

    public List<FrontendConfiguration> Configured { get; } = [];

    public string ServicesOf { get; set; } = "";

    public PolicyWorld Add(Service service)
    {
        _services.Apply(new Change<Service>(null, service));
        return this;
    }

    public PolicyWorld Add(params LocalRedirectPolicy[] policies)
    {
        _policies.AddRange(policies);
        return this;
    }

    public PolicyWorld Add(params CiliumLocalRedirectPolicy[] policies)
    {
        _ciliumPolicies.AddRange(policies);
        return this;
    }

    public PolicyWorld Add(params Pod[] pods)
    {
        _pods.AddRange(pods);
        return this;
    }

    public void AddSlice(string name, params string[] ready) => _services.Apply(new Change<EndpointSlice>(null, new EndpointSlice
    {
        Key = new ObjectKey(DnsService.Namespace, name),
        ServiceName = DnsService.Name,
        Ports = [new("dns", 5353, "UDP"), new("dns-tcp", 5353, "TCP"), new("metrics", 9153, "TCP")],
        Endpoints = [.. ready.Select(address => new Endpoint { Addresses = [IPAddress.Parse(address)] })],
    }));

    public PolicyPlan Plan() => PolicyPlanner.Plan(new PolicyInputs
    {
        Services = _services,
        ServicesOf = ServicesOf,
        Policies = _policies,
        CiliumPolicies = _ciliumPolicies,
        Pods = _pods,
        NodeLabels = NodeLabels,
        Configured = Configured,
    });

    /// <summary>What the only policy comes to.</summary>
    public PolicyVerdict Verdict() => Assert.Single(Plan().Verdicts);

    public static Pod Pod(string name, params string[] addresses) => new()
    {
        Key = new ObjectKey(DnsService.Namespace, name),
        Uid = name,
        Labels = new Dictionary<string, string> { ["app"] = "cache" },
        Addresses = [.. addresses.Select(IPAddress.Parse)],
        IsReady = true,
        Ports = [new("dns", 1053, "UDP"), new("dns", 1054, "TCP")],
    };

    public static LabelSelector Selector(params (string Key, string Value)[] labels) =>
        new([.. labels.Select(label => new LabelRequirement(label.Key, "In", [label.Value]))]);

    /// <summary>53/UDP of the Service to the pods of <see cref="Pod"/>, on the port of that name.</summary>
    public static LocalRedirectPolicy Policy(string name = "cache", int age = 0) => new()
    {
        Key = new ObjectKey("", name),
        Uid = name,
        Generation = 4,
        CreatedAt = DateTimeOffset.UnixEpoch.AddSeconds(-age),
        Service = DnsService,
        Ports = [new("", 53, "UDP", "dns")],
        LocalPods = new LocalPods(DnsService.Namespace, Selector(("app", "cache"))),
    };

    public static LocalRedirectPolicy ForAddress(LocalRedirectPolicy policy, string address) => policy with { Service = null, Address = address };

    public static LocalRedirectPolicy ForAgent(LocalRedirectPolicy policy) => policy with { LocalPods = null, IsAgentCache = true, Ports = [.. policy.Ports.Select(port => port with { TargetPort = "" })] };

    public static CiliumLocalRedirectPolicy Cilium(string name = "cilium") => new()
    {
        Key = new ObjectKey(DnsService.Namespace, name),
        Service = DnsService,
        Backends = Selector(("app", "cache")),
        FrontendPorts = [new("", 53, "UDP")],
        BackendPorts = [new("", 1053, "UDP")],
    };

    public static string TextOf(FrontendConfiguration frontend) =>
        $"{FrontendKey.Of(frontend)}{(frontend.IsServedByAgent ? " agent" : "")} local {string.Join(' ', frontend.Local)} else {string.Join(' ', frontend.Fallback)}";
}

using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Kubernetes.Watching;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster.Policies;

/// <summary>Watches the policies of both kinds, and knows which other objects the plan for them depends on. Plan from one thread at a time.</summary>
internal sealed partial class PolicyWatch : IAsyncDisposable
{
    private readonly ILogger _logger;
    private readonly Reflector<LocalRedirectPolicy> _policies;
    private readonly Reflector<CiliumLocalRedirectPolicy> _ciliumPolicies;
    private readonly string _servicesOf;
    private PolicyPlan _plan = PolicyPlan.Empty;
    private bool _leftToCilium;

    /// <param name="changed">Called when policies have changed, or turned out to be none.</param>
    public PolicyWatch(ApiClient client, AgentConfiguration configuration, Action changed, ILogger logger)
    {
        _logger = logger;
        Configured = configuration.Redirect.Frontends;
        _servicesOf = configuration.Kubernetes.ClusterNames == ClusterNamesMode.Forward ? configuration.Kubernetes.DnsService.Namespace : "";
        _policies = new Reflector<LocalRedirectPolicy>(client, Resources.LocalRedirectPolicies, new(), _ => changed());
        _ciliumPolicies = new Reflector<CiliumLocalRedirectPolicy>(client, Resources.CiliumLocalRedirectPolicies, new(), _ => changed());
    }

    /// <summary>What the configuration redirects, which no policy may have.</summary>
    public IReadOnlyList<FrontendConfiguration> Configured { get; set; }

    /// <summary>Whether the policies have been listed; a kind that is not installed, or that the agent may not read, has none.</summary>
    public bool IsKnown => IsKnownOf(_policies) && IsKnownOf(_ciliumPolicies);

    /// <summary>Why nothing is heard of policies; null when all is well, and when there is no such kind.</summary>
    public string? Failure => FailureOf(_policies) ?? FailureOf(_ciliumPolicies);

    /// <summary>How the watches of both kinds are going.</summary>
    public IReadOnlyList<WatchState> Watches => [_policies.State, _ciliumPolicies.State];

    /// <summary>The objects of the kind whose status this agent writes.</summary>
    public IReadOnlyList<LocalRedirectPolicy> Objects => _policies.Snapshot();

    public void Start()
    {
        _policies.Start();
        _ciliumPolicies.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _policies.DisposeAsync().ConfigureAwait(false);
        await _ciliumPolicies.DisposeAsync().ConfigureAwait(false);
    }

    public PolicyPlan Plan(ServiceIndex services, IReadOnlyList<Pod> pods, Node? node, string? zone)
    {
        _plan = PolicyPlanner.Plan(new PolicyInputs
        {
            Services = services,
            ServicesOf = _servicesOf,
            Policies = _policies.Snapshot(),
            CiliumPolicies = _ciliumPolicies.Snapshot(),
            Pods = pods,
            NodeLabels = node?.Labels ?? new Dictionary<string, string>(),
            Zone = zone,
            Configured = Configured,
        });
        bool isLeft = _plan.Verdicts.Any(verdict => verdict.Accepted.Reason == "HandledByCilium");
        if (isLeft && !_leftToCilium)
            LeftToCilium(_logger);
        _leftToCilium = isLeft;
        return _plan;
    }

    /// <summary>Whether the plan may become another one by this change.</summary>
    public bool DependOn(Change<Service> change) => _plan.Terms.Any(policy =>
        policy.Service == change.Key
        || (policy.Address is { } address && (change.Old?.ClusterIPs.Contains(address) == true || change.New?.ClusterIPs.Contains(address) == true)));

    public bool DependOn(Change<EndpointSlice> change) => _plan.Terms.Any(policy =>
        policy.Service is { } service && (IsOf(change.Old, service) || IsOf(change.New, service)));

    public bool DependOn(Change<Pod> change) => IsCiliumOrSelected(change.Old) || IsCiliumOrSelected(change.New);

    private static bool IsOf(EndpointSlice? slice, ObjectKey service) => slice != null && ServiceIndex.ServiceOf(slice) == service;

    private bool IsCiliumOrSelected(Pod? pod) => pod != null && (PolicyPlanner.IsCilium(pod) || _plan.Terms.Any(policy => policy.Selects(pod)));

    private static bool IsKnownOf<T>(Reflector<T> reflector) where T : KubernetesObject =>
        reflector.IsSynced || reflector.IsNotInstalled || reflector.IsForbidden;

    private static string? FailureOf<T>(Reflector<T> reflector) where T : KubernetesObject => reflector.IsNotInstalled ? null : reflector.Failure;

    [LoggerMessage(410, LogLevel.Information, "Cilium runs on this node: CiliumLocalRedirectPolicy objects are left to it")]
    private static partial void LeftToCilium(ILogger logger);
}

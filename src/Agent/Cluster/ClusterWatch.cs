using System.Diagnostics;
using Agent.Cluster.Policies;
using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Watching;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster;

/// <summary>
/// Watches the cluster and says what follows from it. While the API server is away, what was learned holds; nothing here is on the way of a query.
/// </summary>
internal sealed partial class ClusterWatch : IDisposable
{
    private const string ZoneLabel = "topology.kubernetes.io/zone";

    private readonly KubernetesConfiguration _configuration;
    private readonly ClusterConsequences _consequences;
    private readonly ILogger _logger;
    private readonly ApiClient _client;
    private readonly Reflector<Service> _services;
    private readonly Reflector<EndpointSlice> _slices;
    private readonly Reflector<Node> _node;
    private readonly Reflector<Pod> _nodePods;
    private readonly Reflector<Namespace> _namespaces;
    private readonly Reflector<Pod>? _pods; // of the whole cluster: null where their names are not verified
    private readonly PolicyWatch _policies;
    private readonly PolicyReports _reports;
    private readonly ClusterZone _zone;
    private readonly NameTable? _names; // null where the cluster's own DNS answers alone
    private readonly Lock _lock = new(); // the reflectors call from tasks of their own
    private readonly ServiceIndex _index = new();
    private readonly PodSettings _podSettings;
    private readonly HashSet<Type> _applied = []; // kinds whose first list is not only known to its reflector, but here too
    private ClusterFindings _findings;
    private bool _isMissing;
    private bool _hasPlan;
    private string? _notProgrammed;
    private volatile NodePods _podsHere = NodePods.None;
    private volatile IReadOnlyList<PolicyVerdict> _verdicts = [];

    /// <param name="remembered">What holds until the API server has been heard.</param>
    /// <exception cref="AccessException">There is no way to an API server; the message says why.</exception>
    public ClusterWatch(AgentConfiguration configuration, ClusterFindings remembered, ClusterConsequences consequences, ILogger logger)
    {
        _configuration = configuration.Kubernetes;
        _podSettings = new PodSettings(configuration, consequences, logger);
        _findings = remembered;
        _consequences = consequences;
        _logger = logger;
        string kubeconfig = _configuration.Kubeconfig;
        _client = new ApiClient(kubeconfig.Length > 0 ? ClusterAccess.FromKubeConfig(kubeconfig) : ClusterAccess.InCluster(), logger);
        ReflectorOptions all = new();
        bool hasTable = _configuration.ClusterNames != ClusterNamesMode.Forward;
        ReflectorOptions scope = hasTable ? all : new() { Namespace = _configuration.DnsService.Namespace };
        _services = new Reflector<Service>(_client, Resources.Services, scope, Apply);
        _slices = new Reflector<EndpointSlice>(_client, Resources.EndpointSlices, scope, Apply);
        _node = new Reflector<Node>(_client, Resources.Nodes, new() { FieldSelector = $"metadata.name={configuration.Node}" }, _ => Reconsider());
        _nodePods = new Reflector<Pod>(_client, Resources.Pods, new() { FieldSelector = $"spec.nodeName={configuration.Node}" }, ApplyHere);
        _namespaces = new Reflector<Namespace>(_client, Resources.Namespaces, all, Apply);
        _policies = new PolicyWatch(_client, configuration, Reconsider, logger);
        _reports = new PolicyReports(_client, configuration.Node, logger);
        _zone = ZoneOf(configuration);
        if (!hasTable)
            return;
        _names = new NameTable(_zone, TimeProvider.System);
        if (_configuration.PodNames == PodNames.Verified)
            _pods = new Reflector<Pod>(_client, Resources.Pods, all, Apply);
    }

    /// <summary>Whether the kube-dns Service and its endpoints have been listed.</summary>
    public bool IsSynced => _services.IsSynced && _slices.IsSynced;

    /// <summary>Why nothing is heard of the API server; null when all is well.</summary>
    public string? Failure => _services.Failure ?? _slices.Failure ?? _namespaces.Failure ?? _nodePods.Failure ?? _pods?.Failure ?? _policies.Failure;

    public KubeDns KubeDns
    {
        get
        {
            lock (_lock)
                return _findings.KubeDns;
        }
    }

    /// <summary>Whether the agent answers the cluster's names from its own table.</summary>
    public bool HasNames => _consequences.Names.Current != null;

    /// <summary>This node's pods as they are known now; take it once for each question.</summary>
    public NodePods Pods => _podsHere;

    /// <summary>What the policies come to on this node; empty until all that they depend on has been listed. Those of before hold meanwhile.</summary>
    public IReadOnlyList<PolicyVerdict> Policies => _verdicts;

    /// <summary>What this node's pods ask for; null until they and the namespaces have been listed.</summary>
    public PodModes? PodModes => _podSettings.Modes;

    /// <summary>How this node's pods walk along their search lists; nothing is known of them until they and the namespaces have been listed.</summary>
    public PodWalks Walks => _podSettings.Walks;

    public int ServiceCount => _services.Count;

    /// <summary>How the watches are going; none of a kind that is not installed.</summary>
    public IEnumerable<WatchState> Watches =>
        new[] { _services.State, _slices.State, _node.State, _nodePods.State, _namespaces.State, _pods?.State }.OfType<WatchState>()
            .Concat(_policies.Watches).Where(watch => !watch.IsNotInstalled);

    /// <summary>From when a change was read until the kernel goes by it.</summary>
    public LatencyHistogram Programming { get; } = new();

    public void Start()
    {
        _services.Start();
        _slices.Start();
        _node.Start();
        _nodePods.Start();
        _namespaces.Start();
        _pods?.Start();
        _policies.Start();
    }

    /// <summary>Goes by another configuration's frontends, which win over those of policies.</summary>
    public void Reconfigure(AgentConfiguration configuration)
    {
        _policies.Configured = configuration.Redirect.Frontends;
        Reconsider();
    }

    public void Dispose()
    {
        IAsyncDisposable?[] reflectors = [_services, _slices, _node, _nodePods, _namespaces, _pods, _policies];
        Task.WhenAll(reflectors.OfType<IAsyncDisposable>().Select(reflector => reflector.DisposeAsync().AsTask())).GetAwaiter().GetResult();
        _reports.Dispose();
        _client.Dispose();
    }

    /// <summary>How the table answers.</summary>
    public static ClusterZone ZoneOf(AgentConfiguration configuration) => new()
    {
        Domain = DnsName.FromText(configuration.ClusterDomain),
        Ttl = (uint)configuration.Kubernetes.Ttl,
        Pods = configuration.Kubernetes.PodNames,
        IsAuthoritative = configuration.Kubernetes.ClusterNames == ClusterNamesMode.Authoritative,
        DnsService = ClusterService.KeyOf(configuration.Kubernetes.DnsService.Name, configuration.Kubernetes.DnsService.Namespace),
    };

    private void Apply(IReadOnlyList<Change<Service>> changes)
    {
        lock (_lock)
        {
            SetNames(changes, (names, key, service) => names.SetService(key, service));
            Reconsider(changes, _index.Apply, change => IsNearKubeDns(change.Key) || _policies.DependOn(change));
        }
    }

    private void Apply(IReadOnlyList<Change<EndpointSlice>> changes)
    {
        lock (_lock)
        {
            SetNames(changes, (names, key, slice) => names.SetSlice(key, slice));
            Reconsider(changes, _index.Apply, change => IsNearKubeDns(change.Key) || _policies.DependOn(change));
        }
    }

    // Not of the whole cluster, but of this node.
    private void ApplyHere(IReadOnlyList<Change<Pod>> changes)
    {
        _podsHere = new NodePods(_nodePods.Snapshot());
        _consequences.SetPods(_podsHere);
        JudgePods();
        Reconsider(changes, _ => { }, _policies.DependOn);
    }

    private void Apply(IReadOnlyList<Change<Namespace>> changes)
    {
        SetNames(changes, (names, key, found) => names.SetNamespace(key.Name, found != null));
        JudgePods();
    }

    private void Apply(IReadOnlyList<Change<Pod>> changes) => SetNames(changes, (names, key, pod) => names.SetPod(key, pod));

    private bool IsNearKubeDns(ObjectKey key) => key.Namespace == _configuration.DnsService.Namespace;

    private void SetNames<T>(IReadOnlyList<Change<T>> changes, Action<NameTable, ObjectKey, T?> set) where T : KubernetesObject
    {
        lock (_lock)
        {
            _applied.Add(typeof(T));
            if (_names == null)
                return;
            foreach (Change<T> change in changes)
                set(_names, change.Key, change.New);
            if (!Has(_services) || !Has(_slices) || !Has(_namespaces) || (_pods != null && !Has(_pods)))
            {
                GiveUpRestored();
                return;
            }

            bool isFirst = _names.Current == null;
            _names.MarkSynced();
            IReadOnlyList<NameChange> changed = _names.Publish();
            _consequences.Names.Publish(_names.Current);
            // What was answered by others until now, or from a table of before, may be of Services that are gone.
            foreach (string zone in isFirst ? KubeDns.ZonesOf(DnsName.ToText(_zone.Domain)) : [])
                _consequences.Cache.Flush(DnsName.FromText(zone));
            // Only now: what is asked meanwhile is answered from the new table.
            foreach (NameChange name in changed)
                _consequences.Cache.Remove(name.Name);
        }
    }

    /// <summary>A table that an agent before this one left must not stand for ever where this one may not look.</summary>
    private void GiveUpRestored()
    {
        if (_services.IsForbidden || _slices.IsForbidden || _namespaces.IsForbidden || _pods?.IsForbidden == true)
            _consequences.Names.Publish(null);
    }

    private void JudgePods()
    {
        lock (_lock)
        {
            // Synced a moment before they are here, and no pods at all would undo what all of them asked for.
            if (_nodePods.IsSynced && _podsHere != NodePods.None && _namespaces.IsSynced)
                _podSettings.Judge(_podsHere, name => _namespaces.Find(new ObjectKey("", name)));
        }
    }

    /// <summary>Takes changes over, and draws the consequences where there may be some. A first list may be empty.</summary>
    private void Reconsider<T>(IReadOnlyList<Change<T>> changes, Action<Change<T>> apply, Func<Change<T>, bool> matters) where T : KubernetesObject
    {
        lock (_lock)
        {
            foreach (Change<T> change in changes)
                apply(change);
            if (!_hasPlan || changes.Count == 0 || changes.Any(matters))
                Reconsider();
        }
    }

    private void Reconsider()
    {
        long started = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            if (!Has(_services) || !Has(_slices))
                return;
            Node? node = _node.Snapshot().FirstOrDefault();
            string? zone = node?.Labels.GetValueOrDefault(ZoneLabel);
            KubeDns kubeDns = FindKubeDns(zone);
            PolicyPlan? plan = IsKnown(_nodePods) && IsKnown(_node) && _policies.IsKnown ? _policies.Plan(_index, _nodePods.Snapshot(), node, zone) : null;
            _hasPlan = plan != null;
            ClusterFindings found = new(kubeDns, plan?.Frontends ?? _findings.Policies);
            // What the kernel did not take is tried again.
            if (_notProgrammed != null || !found.SaysTheSameAs(_findings))
            {
                _findings = found;
                _notProgrammed = _consequences.Adopt(found);
                if (_notProgrammed == null)
                    Programming.Add(Stopwatch.GetTimestamp() - started);
            }

            if (plan == null)
                return;
            _verdicts = _notProgrammed == null ? plan.Verdicts : [.. plan.Verdicts.Select(NotProgrammed)];
            _reports.Publish(_verdicts, _policies.Objects);
        }
    }

    private bool Has<T>(Reflector<T> reflector) where T : KubernetesObject => reflector.IsSynced && _applied.Contains(typeof(T));

    private static bool IsKnown<T>(Reflector<T> reflector) where T : KubernetesObject => reflector.IsSynced || reflector.IsForbidden;

    private KubeDns FindKubeDns(string? zone)
    {
        Service? service = _index.Find(_configuration.DnsService);
        if (service == null && !_isMissing)
            ServiceMissing(_logger, _configuration.DnsService);
        _isMissing = service == null;
        KubeDns found = service == null ? KubeDns.None : KubeDns.Of(service, _index.SlicesOf(service.Key), zone).Keeping(_findings);
        if (found.SaysTheSameAs(_findings.KubeDns))
            return _findings.KubeDns;
        KubeDnsFound(_logger, _configuration.DnsService, string.Join(", ", found.Frontends.Select(frontend => frontend.Address).Distinct()), string.Join(", ", found.Servers));
        return found;
    }

    private PolicyVerdict NotProgrammed(PolicyVerdict verdict) =>
        verdict.Programmed.IsTrue ? verdict with { Programmed = new Finding(false, "NotRedirecting", _notProgrammed!) } : verdict;

    [LoggerMessage(400, LogLevel.Information, "Service {Service}: {Addresses}, answered by {Servers}")]
    private static partial void KubeDnsFound(ILogger logger, ObjectKey service, string addresses, string servers);

    [LoggerMessage(401, LogLevel.Warning, "There is no Service {Service}: nothing is redirected but what the configuration names; set kubernetes.dnsService where it has another name")]
    private static partial void ServiceMissing(ILogger logger, ObjectKey service);
}

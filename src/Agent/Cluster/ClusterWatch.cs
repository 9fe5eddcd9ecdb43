using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Watching;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster;

/// <summary>
/// Watches the cluster and says what follows from it. While the API server is away, what was learned holds; nothing here is on the way of a query.
/// </summary>
internal sealed partial class ClusterWatch : IDisposable
{
    private const string ZoneLabel = "topology.kubernetes.io/zone";

    private readonly KubernetesConfiguration _configuration;
    private readonly Action<KubeDns> _kubeDnsChanged;
    private readonly ILogger _logger;
    private readonly ApiClient _client;
    private readonly Reflector<Service> _services;
    private readonly Reflector<EndpointSlice> _slices;
    private readonly Reflector<Node> _node;
    private readonly Lock _lock = new(); // the reflectors call from tasks of their own
    private KubeDns _kubeDns;
    private bool _isMissing;

    /// <param name="remembered">What holds until the API server has been heard.</param>
    /// <param name="kubeDnsChanged">Called on a task of the watch, one call after the other.</param>
    /// <exception cref="AccessException">There is no way to an API server; the message says why.</exception>
    public ClusterWatch(AgentConfiguration configuration, KubeDns remembered, Action<KubeDns> kubeDnsChanged, ILogger logger)
    {
        _configuration = configuration.Kubernetes;
        _kubeDns = remembered;
        _kubeDnsChanged = kubeDnsChanged;
        _logger = logger;
        string kubeconfig = _configuration.Kubeconfig;
        _client = new ApiClient(kubeconfig.Length > 0 ? ClusterAccess.FromKubeConfig(kubeconfig) : ClusterAccess.InCluster(), logger);
        ReflectorOptions dnsNamespace = new() { Namespace = _configuration.DnsService.Namespace };
        _services = new Reflector<Service>(_client, Resources.Services, dnsNamespace, _ => Refresh());
        _slices = new Reflector<EndpointSlice>(_client, Resources.EndpointSlices, dnsNamespace, _ => Refresh());
        _node = new Reflector<Node>(_client, Resources.Nodes, new ReflectorOptions { FieldSelector = $"metadata.name={configuration.Node}" }, _ => Refresh());
    }

    /// <summary>Whether the kube-dns Service and its endpoints have been listed.</summary>
    public bool IsSynced => _services.IsSynced && _slices.IsSynced;

    /// <summary>Why nothing is heard of the API server; null when all is well.</summary>
    public string? Failure => _services.Failure ?? _slices.Failure;

    public KubeDns KubeDns
    {
        get
        {
            lock (_lock)
                return _kubeDns;
        }
    }

    public void Start()
    {
        _services.Start();
        _slices.Start();
        _node.Start();
    }

    public void Dispose()
    {
        Task.WhenAll(_services.DisposeAsync().AsTask(), _slices.DisposeAsync().AsTask(), _node.DisposeAsync().AsTask()).GetAwaiter().GetResult();
        _client.Dispose();
    }

    private void Refresh()
    {
        if (!IsSynced)
            return;
        lock (_lock)
        {
            Service? service = _services.Find(_configuration.DnsService);
            if (service == null && !_isMissing)
                ServiceMissing(_logger, _configuration.DnsService);
            _isMissing = service == null;
            string? zone = _node.Snapshot().Select(node => node.Labels.GetValueOrDefault(ZoneLabel)).FirstOrDefault();
            KubeDns found = service == null ? KubeDns.None : KubeDns.Of(service, _slices.Snapshot(), zone).Keeping(_kubeDns);
            if (found.SaysTheSameAs(_kubeDns))
                return;
            _kubeDns = found;
            KubeDnsFound(_logger, _configuration.DnsService, string.Join(", ", found.Frontends.Select(frontend => frontend.Address).Distinct()), string.Join(", ", found.Servers));
            _kubeDnsChanged(found);
        }
    }

    [LoggerMessage(400, LogLevel.Information, "Service {Service}: {Addresses}, answered by {Servers}")]
    private static partial void KubeDnsFound(ILogger logger, ObjectKey service, string addresses, string servers);

    [LoggerMessage(401, LogLevel.Warning, "There is no Service {Service}: nothing is redirected but what the configuration names; set kubernetes.dnsService where it has another name")]
    private static partial void ServiceMissing(ILogger logger, ObjectKey service);
}

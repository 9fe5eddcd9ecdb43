using System.ComponentModel;
using System.Net;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Observability.Flows;
using Agent.Redirect;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent;

/// <summary>
/// One node's agent, put together: it serves first, then takes the traffic, and gives it back before it stops serving.
/// </summary>
internal sealed partial class NodeAgent : IDisposable
{
    private readonly ILogger _logger;
    private readonly RouteSource _routes;
    private readonly ResponseCache _cache;
    private readonly List<ServingThread> _threads = [];
    private readonly SharedFlights _flights = new();
    private readonly PublishedNames _clusterNames = new();
    private readonly PublishedRules _rules;
    private readonly ClientsInFlight _inFlight;
    private readonly QueryLog _queryLog;
    private readonly Timer _routeTimer;
    private volatile AgentConfiguration _configuration;
    private Datapath? _datapath;
    private CgroupTable? _cgroups;
    private Lease? _lease;
    private SocketCleaner? _cleaner;
    private ClusterWatch? _cluster;
    private ClusterFindings _programmed = ClusterFindings.None;
    private KubeDns? _adopted;
    private IReadOnlyList<IPAddress> _leadHere = [];

    private NodeAgent(AgentConfiguration configuration, ILogger logger)
    {
        _configuration = configuration;
        _logger = logger;
        _cache = new ResponseCache(configuration.Cache.Memory, configuration.Cache.ServeStale);
        _rules = new PublishedRules(RulesOf(configuration));
        _inFlight = new ClientsInFlight(configuration.Clients.InFlight);
        Flows = new FlowHub(this, logger);
        _queryLog = new QueryLog(Flows, Console.Out);
        _routes = new RouteSource(configuration.Routes, OwnAddresses(configuration), logger);
        _routeTimer = new Timer(_ => RefreshRoutes(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public AgentConfiguration Configuration => _configuration;

    public ResponseCache Cache => _cache;

    public SharedFlights Flights => _flights;

    public RouteTable Routes => _routes.Current;

    /// <summary>How often a server was found to bring questions back to this agent.</summary>
    public long LoopsFound => _routes.LoopsFound;

    public IReadOnlyList<ServingThread> Threads => _threads;

    /// <summary>What is answered and redirected, for who watches.</summary>
    public FlowHub Flows { get; }

    /// <summary>Null when no cluster is watched.</summary>
    public ClusterWatch? Cluster => _cluster;

    /// <summary>Why this node does not redirect although it should; null when it does, or should not.</summary>
    public string? RedirectFailure { get; private set; }

    /// <summary>Null when this node does not redirect.</summary>
    public Datapath? Datapath => _datapath;

    /// <summary>Null when this node does not redirect.</summary>
    public CgroupTable? CgroupTable => _cgroups;

    /// <summary>Starts serving and, where the node can, redirecting.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">An address cannot be added or bound. Nothing is left running.</exception>
    /// <exception cref="Kubernetes.Access.AccessException">There is no way to the cluster's API server. Nothing is left running.</exception>
    public static NodeAgent Start(AgentConfiguration configuration, ILogger logger)
    {
        NodeAgent agent = new(configuration, logger);
        try
        {
            agent.Serve();
            ClusterFindings remembered = configuration.Redirect.Enabled ? agent.TakeTraffic() : ClusterFindings.None;
            if (configuration.Kubernetes.Enabled)
                agent.Watch(remembered);
            agent._snapshot?.Begin();
            agent._queryLog.Log(configuration.Log.Queries);
            return agent;
        }
        catch
        {
            agent.Dispose();
            throw;
        }
    }

    /// <summary>Gives the traffic back to the kernel's fallback, answers what is on its way, and stops. Links, maps and addresses stay.</summary>
    public void Dispose()
    {
        _cluster?.Dispose();
        _probe?.Dispose();
        if (_lease != null)
        {
            _lease.Dispose();
            Drain();
        }

        _cleaner?.Dispose();
        _routeTimer.Dispose();
        _threads.ForEach(thread => thread.RequestStop());
        _threads.ForEach(thread => thread.Stop());
        Flows.Dispose();
        _queryLog.Dispose();
        _flights.Dispose();
        _snapshot?.Dispose();
        _cgroups?.Dispose();
        _datapath?.Dispose();
    }

    private void Serve()
    {
        ListenConfiguration listen = _configuration.Listen;
        string stateDirectory = Path.GetDirectoryName(_configuration.AdminSocket)!;
        foreach (IPAddress added in ListenAddresses.Ensure(listen.Addresses, stateDirectory))
            AddressAdded(_logger, added);

        ForwardingContext context = new()
        {
            Routes = _routes,
            Cache = _cache,
            Rules = _rules,
            InFlight = _inFlight,
            Flights = _flights,
            Sockets = new SocketBudget(Native.DescriptorLimit.Soft),
            Cluster = _clusterNames,
        };
        IPEndPoint[] endPoints = ListenEndPoints();
        using ListenSockets sockets = new(SocketHandover.Ask(SocketHandover.PathFor(_configuration.AdminSocket)));
        _threads.Add(new TcpServer(endPoints, sockets, context, _logger) { ConnectionsOfClient = _configuration.Clients.TcpConnections });
        foreach (IPEndPoint endPoint in endPoints)
        {
            for (int worker = 0; worker < listen.Workers; worker++)
                _threads.Add(new UdpServer(sockets.Udp(endPoint), $"udp {endPoint} {worker}", context, _logger));
        }

        RestoreSnapshot(); // what is asked meanwhile waits in the sockets
        _threads.ForEach(thread => thread.Start());
        ListenSockets = sockets.Used;
        if (sockets.InheritedCount > 0)
            Inherited(_logger, sockets.InheritedCount);
        Serving(_logger, string.Join(", ", endPoints.AsEnumerable()), listen.Workers);
    }

    /// <returns>What an agent before this one was told of the cluster, which the kernel goes by until this one knows better.</returns>
    private ClusterFindings TakeTraffic()
    {
        ClusterFindings remembered = ClusterFindings.None;
        try
        {
            string cgroup = _configuration.Redirect.Cgroup ?? Cgroups.FindKubepods();
            if (!SelfProbe.Succeeds(ListenEndPoints()))
                throw new RedirectException("the agent does not answer on its own addresses within 2 s; see whether a firewall on this node, or clients.drop, drops packets from them");
            _datapath = Datapath.Load(_configuration.Redirect.PinPath);
            _cgroups = CgroupTable.Begin(_datapath, cgroup, _configuration.Redirect.Mode, _configuration.Kubernetes.Enabled, _logger);
            if (_configuration.Kubernetes.Enabled)
                remembered = ClusterFindings.Remembered(FrontendTable.Read(_datapath));
            IReadOnlyList<FrontendConfiguration> frontends = FrontendsWith(remembered);
            FrontendTable.Program(_datapath, frontends, ListenEndPoints());
            BeginRedirect(_datapath, cgroup);
            _cleaner = new SocketCleaner(_configuration.Redirect.PinPath, cgroup, _logger);
            _cleaner.Look();
            WarnOfGaps();
            Redirecting(_logger, frontends.Count, cgroup);
        }
        catch (Exception error) when (error is RedirectException or Native.BpfException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            // DNS must go on without the redirect: the node is left as it was, and everybody is told.
            EndLease();
            _cgroups?.Dispose();
            _cgroups = null;
            _datapath?.Abandon();
            _datapath = null;
            RedirectFailure = error.Message;
            CannotRedirect(_logger, error.Message);
        }

        return remembered;
    }

    private void Watch(ClusterFindings remembered)
    {
        Adopt(remembered);
        _cluster = new ClusterWatch(_configuration, remembered, new ClusterConsequences(Adopt, _clusterNames, _cache, modes => _cgroups?.SetModes(modes.Exceptions)) { SetPods = KnowPods }, _logger);
        _cluster.Start();
    }

    /// <summary>Forwards to these servers, and redirects these frontends.</summary>
    /// <returns>Why they are not redirected; null: they are.</returns>
    private string? Adopt(ClusterFindings found)
    {
        IPAddress[] leadHere = [.. found.Frontends.Where(frontend => frontend.IsServedByAgent).Select(frontend => frontend.Address).Distinct()];
        if (found.KubeDns != _adopted || leadHere.Except(_leadHere).Any())
        {
            lock (_routes)
                _routes.Discover(found.KubeDns.Routes(_configuration.ClusterDomain), leadHere);
            (_adopted, _leadHere) = (found.KubeDns, leadHere);
        }

        return Program(found);
    }

    private string? Program(ClusterFindings found)
    {
        if (_datapath == null || IsSuperseded)
            return RedirectFailure ?? "redirect.enabled is false in the agent's configuration";
        try
        {
            lock (_datapath)
            {
                _programmed = found;
                IReadOnlyList<FrontendConfiguration> frontends = FrontendsWith(found);
                _cgroups?.SetSkipped(frontends);
                FrontendTable.Program(_datapath, frontends, ListenEndPoints());
            }

            _cleaner?.Look();
            return null;
        }
        catch (Native.BpfException error)
        {
            CannotProgram(_logger, error.Message);
            return error.Message;
        }
    }

    /// <summary>What the configuration names, and what was discovered beside it.</summary>
    private IReadOnlyList<FrontendConfiguration> FrontendsWith(ClusterFindings found) =>
        [.. _configuration.Redirect.Frontends, .. found.Frontends.Where(frontend => !_configuration.Redirect.Frontends.Any(frontend.Overlaps))];

    /// <summary>Says what a configuration that is valid will nevertheless not do for the pods.</summary>
    private void WarnOfGaps()
    {
        if (!_configuration.Kubernetes.Enabled && _routes.Current.Find(DnsName.FromText(_configuration.ClusterDomain)) is not { Zone.Length: > 1 })
            NoClusterRoute(_logger, _configuration.ClusterDomain);
        foreach (FrontendConfiguration frontend in _configuration.Redirect.Frontends.Where(frontend => frontend.Fallback.Count == 0))
            NoFallback(_logger, frontend.Address);
    }

    private static IEnumerable<IPAddress> OwnAddresses(AgentConfiguration configuration) =>
        configuration.Listen.Addresses.Concat(configuration.Redirect.Frontends.Select(frontend => frontend.Address));

    private IPEndPoint[] ListenEndPoints() =>
        [.. _configuration.Listen.Addresses.Select(address => new IPEndPoint(address, _configuration.Listen.Port))];

    private void RefreshRoutes()
    {
        // The timer may fire again while a slow file system is being read.
        if (!Monitor.TryEnter(_routes))
            return;
        try
        {
            _routes.Refresh();
        }
        finally
        {
            Monitor.Exit(_routes);
        }
    }

    [LoggerMessage(100, LogLevel.Information, "Added {Address} to lo")]
    private static partial void AddressAdded(ILogger logger, IPAddress address);

    [LoggerMessage(101, LogLevel.Information, "Serving DNS on {Addresses} over UDP and TCP, {Workers} UDP worker(s) for each address")]
    private static partial void Serving(ILogger logger, string addresses, int workers);

    [LoggerMessage(102, LogLevel.Information, "Redirecting {Count} frontend(s) of the pods in {Cgroup}")]
    private static partial void Redirecting(ILogger logger, int count, string cgroup);

    [LoggerMessage(104, LogLevel.Warning, "No route names {ClusterDomain}: Service names are asked of the servers of the root zone")]
    private static partial void NoClusterRoute(ILogger logger, string clusterDomain);

    [LoggerMessage(105, LogLevel.Warning, "Frontend {Address} has no fallback: while the agent is away, its pods have no DNS")]
    private static partial void NoFallback(ILogger logger, IPAddress address);

    [LoggerMessage(106, LogLevel.Error, "The kernel refuses the changed frontends, and goes by those of before: {Reason}")]
    private static partial void CannotProgram(ILogger logger, string reason);

    [LoggerMessage(103, LogLevel.Error, "Not redirecting, serving only: {Reason}")]
    private static partial void CannotRedirect(ILogger logger, string reason);
}

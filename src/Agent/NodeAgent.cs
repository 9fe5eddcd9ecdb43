using System.Net;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;
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
    private const long LongestDrain = 1_500; // milliseconds

    private readonly ILogger _logger;
    private readonly RouteSource _routes;
    private readonly ServerNews _news;
    private readonly ResponseCache _cache;
    private readonly List<ServingThread> _threads = [];
    private readonly SharedFlights _flights = new();
    private readonly PublishedNames _clusterNames = new();
    private readonly PublishedRules _rules;
    private readonly ClientsInFlight _inFlight;
    private readonly QueryLog _queryLog;
    private readonly Timer _routeTimer;
    private volatile AgentConfiguration _configuration;
    private ClusterWatch? _cluster;
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
        Redirect = new NodeRedirect(() => _configuration, _threads, logger);
        _routes = new RouteSource(configuration.Routes, OwnAddresses(configuration), logger);
        _news = new ServerNews(logger);
        _routeTimer = new Timer(_ => RefreshRoutes(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public AgentConfiguration Configuration => _configuration;

    public ResponseCache Cache => _cache;

    public SharedFlights Flights => _flights;

    public RouteTable Routes => _routes.Current;

    /// <summary>How often a server was found to bring questions back to this agent.</summary>
    public long LoopsFound => _routes.LoopsFound;

    public IReadOnlyList<ServingThread> Threads => _threads;

    /// <summary>The sockets that clients send to, for an agent that starts beside this one.</summary>
    public IReadOnlyList<NativeSocket> ListenSockets { get; private set; } = [];

    /// <summary>The namespaces that queries are counted by.</summary>
    public NamespaceSlots Namespaces { get; } = new();

    /// <summary>What is answered and redirected, for who watches.</summary>
    public FlowHub Flows { get; }

    /// <summary>Null when no cluster is watched.</summary>
    public ClusterWatch? Cluster => _cluster;

    /// <summary>What this node's kernel does for the agent; idle where the configuration has no redirect.</summary>
    public NodeRedirect Redirect { get; }

    /// <summary>Whether it was told to stop, and goes on only for a while.</summary>
    public bool IsStopping { get; private set; }

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

    /// <summary>Says that it is not ready any more; all else goes on.</summary>
    public void PrepareToStop() => IsStopping = true;

    /// <summary>Gives the traffic back to the kernel's fallback, answers what is on its way, and stops. Links, maps and addresses stay.</summary>
    public void Dispose()
    {
        _cluster?.Dispose();
        Redirect.GiveBack(Drain);
        _routeTimer.Dispose();
        _threads.ForEach(thread => thread.RequestStop());
        _threads.ForEach(thread => thread.Stop());
        Flows.Dispose();
        _queryLog.Dispose();
        _flights.Dispose();
        _snapshot?.Dispose();
        Redirect.Dispose();
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
            Sockets = new SocketBudget(DescriptorLimit.Soft),
            Cluster = _clusterNames,
        };
        IReadOnlyList<IPEndPoint> endPoints = listen.EndPoints;
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
        Serving(_logger, string.Join(", ", endPoints), listen.Workers);
    }

    /// <returns>What holds of the cluster until it has been heard.</returns>
    private ClusterFindings TakeTraffic()
    {
        ClusterFindings remembered = Redirect.Begin();
        // What a configuration that is valid will nevertheless not do for the pods.
        if (Redirect.Datapath != null && !_configuration.Kubernetes.Enabled && _routes.Current.Find(DnsName.FromText(_configuration.ClusterDomain)) is not { Zone.Length: > 1 })
            NoClusterRoute(_logger, _configuration.ClusterDomain);
        return remembered;
    }

    private void Watch(ClusterFindings remembered)
    {
        Adopt(remembered);
        ClusterConsequences consequences = new(Adopt, _clusterNames, _cache, Redirect.SetPodModes) { SetPods = KnowPods };
        _cluster = new ClusterWatch(_configuration, remembered, consequences, _logger);
        _cluster.Start();
    }

    private void KnowPods(NodePods pods)
    {
        ClientNamespaces clients = new(pods, Namespaces);
        _threads.ForEach(thread => thread.Recorder.Namespaces.Know(clients));
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

        return Redirect.Program(found);
    }

    private static IEnumerable<IPAddress> OwnAddresses(AgentConfiguration configuration) =>
        configuration.Listen.Addresses.Concat(configuration.Redirect.Frontends.Select(frontend => frontend.Address));

    private void RefreshRoutes()
    {
        // The timer may fire again while a slow file system is being read.
        if (!Monitor.TryEnter(_routes))
            return;
        try
        {
            _routes.Refresh();
            _news.Tell(_routes.Current, Environment.TickCount64);
        }
        finally
        {
            Monitor.Exit(_routes);
        }
    }

    /// <summary>Goes on serving what was sent before the kernel changed its mind: what sits in the sockets, then what upstreams still owe.</summary>
    private void Drain()
    {
        long started = Environment.TickCount64;
        do
            Thread.Sleep(ServingThread.LongestTurn);
        while (_threads.Any(thread => !thread.IsIdle) && Environment.TickCount64 - started < LongestDrain);
    }

    // Those of all the parts of this class: the generator writes parts in another order each time, and the executable would differ.
    [LoggerMessage(100, LogLevel.Information, "Added {Address} to lo")]
    private static partial void AddressAdded(ILogger logger, IPAddress address);

    [LoggerMessage(101, LogLevel.Information, "Serving DNS on {Addresses} over UDP and TCP, {Workers} UDP worker(s) for each address")]
    private static partial void Serving(ILogger logger, string addresses, int workers);

    [LoggerMessage(104, LogLevel.Warning, "No route names {ClusterDomain}: Service names are asked of the servers of the root zone")]
    private static partial void NoClusterRoute(ILogger logger, string clusterDomain);

    [LoggerMessage(110, LogLevel.Information, "{Path} has changed, and is in force")]
    private static partial void Reloaded(ILogger logger, string path);

    [LoggerMessage(111, LogLevel.Error, "The changed configuration is refused, that of before stays in force: {Reason}")]
    private static partial void ReloadRefused(ILogger logger, string reason);

    [LoggerMessage(112, LogLevel.Information, "Reads {Count} listening sockets together with the agent that runs")]
    private static partial void Inherited(ILogger logger, int count);
}

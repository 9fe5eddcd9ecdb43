using System.Net;
using System.Net.Sockets;

namespace Agent.Configuration;

/// <summary>The keys of the configuration file, a method for each section, and what they must be to each other.</summary>
internal static partial class Sections
{
    private static readonly AgentConfiguration _defaults = new();

    public static AgentConfiguration Root(MappingReader root)
    {
        string clusterDomain = root.Value("clusterDomain", _defaults.ClusterDomain, Values.Domain);
        string node = root.Value("node", _defaults.Node, Values.NodeName);
        ListenConfiguration listen = root.Section("listen", Listen);
        // What is missing because it is misspelt is not missing.
        IReadOnlyList<IPAddress>? served = root.HasMistakesUnder("listen") ? null : listen.Addresses;
        KubernetesConfiguration kubernetes = root.Section("kubernetes", Kubernetes);
        RedirectConfiguration redirect = root.Section("redirect", section => Redirect(section, listen, served, kubernetes.Enabled));
        MetricsConfiguration metrics = root.Section("metrics", Metrics);
        HealthConfiguration health = root.Section("health", section => Health(section, metrics));
        string adminSocket = root.Section("admin", admin => admin.Value("socket", _defaults.AdminSocket, Values.SocketPath));

        return new AgentConfiguration
        {
            ClusterDomain = clusterDomain,
            Node = node,
            Listen = listen,
            AdminSocket = adminSocket,
            Metrics = metrics,
            Health = health,
            Lameduck = root.Value("lameduck", _defaults.Lameduck, Values.Duration(TimeSpan.FromHours(1))),
            Redirect = redirect,
            Routes = Routes(root, listen, redirect),
            Cache = root.Section("cache", Cache),
            Snapshot = root.Section("snapshot", section => Snapshot(section, adminSocket)),
            Clients = root.Section("clients", Clients),
            Names = Names(root),
            Log = root.Section("log", log => new LogConfiguration { Queries = log.Value("queries", LoggedQueries.None, Values.OneOf<LoggedQueries>()) }),
            Kubernetes = kubernetes,
        };
    }

    private static ListenConfiguration Listen(MappingReader listen)
    {
        ListenConfiguration defaults = _defaults.Listen;
        ListenConfiguration read = new()
        {
            Addresses = listen.Values("addresses", defaults.Addresses, Addresses.Unicast),
            Port = listen.Value("port", defaults.Port, Values.Port),
            Workers = listen.Value("workers", defaults.Workers, Values.Count(1, 256)),
        };
        if (read.Addresses.Count == 0 && !listen.HasMistakesUnder("addresses"))
            listen.Report("addresses", "names no address to listen on");
        return read;
    }

    private static KubernetesConfiguration Kubernetes(MappingReader kubernetes)
    {
        ClusterNamesMode names = kubernetes.Value("clusterNames", ClusterNamesMode.Table, Values.OneOf<ClusterNamesMode>());
        KubernetesConfiguration read = new()
        {
            Enabled = kubernetes.Value("enabled", false, Values.Switch),
            Kubeconfig = kubernetes.Value("kubeconfig", "", Values.AbsolutePathOrNone),
            DnsService = kubernetes.Value("dnsService", _defaults.Kubernetes.DnsService, Values.NamespacedName),
            ClusterNames = names,
            PodNames = kubernetes.Value("podNames", Dns.PodNames.Disabled, Values.OneOf<Dns.PodNames>()),
            Ttl = kubernetes.Value("ttl", _defaults.Kubernetes.Ttl, Values.Seconds(0, 3600)),
            Autopath = kubernetes.Value("autopath", names != ClusterNamesMode.Forward, Values.Switch),
            ResolvConf = kubernetes.Value("resolvConf", _defaults.Kubernetes.ResolvConf, Values.AbsolutePath),
        };
        if (read is { Autopath: true, ClusterNames: ClusterNamesMode.Forward })
            kubernetes.Report("autopath", "takes cluster names from the table: a name that is new would else be passed over until it expires; set clusterNames to table, or leave autopath out");
        return read;
    }

    private static MetricsConfiguration Metrics(MappingReader metrics) => new()
    {
        Address = metrics.Value("address", _defaults.Metrics.Address, Addresses.UnicastOrAny),
        Port = metrics.Value("port", _defaults.Metrics.Port, Values.Count(0, 65535)),
        CorednsNames = metrics.Value("corednsNames", false, Values.Switch),
    };

    private static HealthConfiguration Health(MappingReader health, MetricsConfiguration metrics)
    {
        HealthConfiguration read = new()
        {
            Address = health.Value("address", _defaults.Health.Address, Addresses.UnicastOrAny),
            Port = health.Value("port", _defaults.Health.Port, Values.Count(0, 65535)),
        };
        // The kernel would let both listen, and give each what the other is asked for: SO_REUSEPORT is for two agents during an upgrade.
        if (read.Port == metrics.Port && read.Port != 0 && Addresses.Meet(read.Address, metrics.Address) && !health.HasMistakes)
            health.Report("port", $"{read.Port} is metrics.port too; set one of them to another");
        return read;
    }

    private static RedirectConfiguration Redirect(
        MappingReader redirect, ListenConfiguration listen, IReadOnlyList<IPAddress>? served, bool watches)
    {
        RedirectConfiguration defaults = _defaults.Redirect;
        HashSet<(IPAddress, int, TransportProtocol)> taken = [];
        RedirectConfiguration read = new()
        {
            Enabled = redirect.Value("enabled", defaults.Enabled, Values.Switch),
            Cgroup = redirect.Optional("cgroup", Values.AbsolutePath),
            PinPath = redirect.Value("pinPath", defaults.PinPath, Values.AbsolutePath),
            FallbackTtl = redirect.Value("fallbackTtl", defaults.FallbackTtl, Values.Duration(TimeSpan.FromDays(7))),
            Mode = redirect.Value("mode", defaults.Mode, Values.OneOf<RedirectMode>()),
            Frontends = redirect.Sections("frontends", defaults.Frontends, item =>
            {
                FrontendConfiguration? frontend = Frontend(item, listen);
                if (frontend is not null)
                    CheckFrontend(item, frontend, served, taken);
                return frontend;
            }),
        };
        if (read.Enabled && read.Frontends.Count == 0 && !watches && !redirect.HasMistakes)
            redirect.Report("frontends", "there is no frontend to redirect; give one, set kubernetes.enabled to true, or set redirect.enabled to false");
        if (read is { Enabled: true, Mode: RedirectMode.Disabled } && !watches && !redirect.HasMistakes)
            redirect.Report("mode", "no pod can opt in where the cluster is not watched; set kubernetes.enabled to true, or set redirect.enabled to false");
        return read;
    }

    private static FrontendConfiguration? Frontend(MappingReader frontend, ListenConfiguration listen)
    {
        IPAddress? address = frontend.Required("address", Addresses.Unicast);
        int port = frontend.Value("port", 53, Values.Port);
        var protocols = frontend.Values("protocols", [TransportProtocol.Udp, TransportProtocol.Tcp], Values.Protocol);
        var fallback = frontend.Values("fallback", [], text => Addresses.Endpoint(text).Unless(FallbackMistake));
        if (protocols.Count == 0 && !frontend.HasMistakesUnder("protocols"))
            frontend.Report("protocols", "names no protocol");
        return address is null ? null : new() { Address = address, Port = port, Protocols = protocols, Fallback = fallback };

        string? FallbackMistake(IPEndPoint endpoint)
        {
            if (IsServedHere(listen, endpoint))
                return $"{endpoint} is where the agent itself listens, so it is no help when the agent is down";
            if (address is not null && endpoint.AddressFamily != address.AddressFamily)
                return $"{endpoint} is {Addresses.FamilyName(endpoint.Address)} behind a frontend that is {Addresses.FamilyName(address)}";
            return address is not null && !frontend.HasMistakesUnder("port") && endpoint.Equals(new IPEndPoint(address, port))
                ? $"{endpoint} is the frontend itself"
                : null;
        }
    }

    private static void CheckFrontend(
        MappingReader item, FrontendConfiguration frontend, IReadOnlyList<IPAddress>? served, HashSet<(IPAddress, int, TransportProtocol)> taken)
    {
        // In place of a wrong port or protocol stands the default: what that clashes with is not worth saying.
        bool isSound = !item.HasMistakesUnder("port") && !item.HasMistakesUnder("protocols");
        string[] doubled = [.. frontend.Protocols
            .Where(protocol => isSound && !taken.Add((frontend.Address, frontend.Port, protocol)))
            .Select(protocol => protocol.ToString().ToUpperInvariant())];
        if (doubled.Length > 0)
            item.Report("address", $"an earlier frontend has {new IPEndPoint(frontend.Address, frontend.Port)} with {string.Join(" and ", doubled)} already");

        AddressFamily family = frontend.Address.AddressFamily;
        if (served is not null && served.All(address => address.AddressFamily != family))
            item.Report("address", $"{frontend.Address} is {Addresses.FamilyName(frontend.Address)} and the agent listens on no such address; add one to listen.addresses");
    }

    private static IReadOnlyList<RouteConfiguration> Routes(MappingReader root, ListenConfiguration listen, RedirectConfiguration redirect)
    {
        HashSet<string> zones = [];
        IReadOnlyList<RouteConfiguration> routes = root.Sections("routes", [], item => Route(item, LoopMistake, zones));
        if (zones.Contains(""))
            return routes;
        RouteConfiguration added = RouteConfiguration.NodeResolvers;
        foreach ((string key, object? value) in new (string, object?)[]
            { ("zone", "."), ("protocol", added.Protocol), ("resolvConf", added.ResolvConf), ("policy", added.Policy), ("queriesPerSecond", added.QueriesPerSecond) })
        {
            root.Note($"routes[{routes.Count}].{key}", Setting.Default(value));
        }

        return [.. routes, added];

        string? LoopMistake(IPEndPoint server)
        {
            if (IsServedHere(listen, server))
                return $"{server} is where the agent itself listens: its questions would go in a circle";
            // The agent is excluded from its own redirect, so the ClusterIP is nobody's address for it.
            return redirect.Enabled && redirect.Frontends.Any(frontend => server.Equals(new IPEndPoint(frontend.Address, frontend.Port)))
                ? $"{server} is a frontend, which the kernel does not redirect for the agent; give the pods behind it, as in the frontend's fallback"
                : null;
        }
    }

    private static RouteConfiguration? Route(MappingReader route, Func<IPEndPoint, string?> loopMistake, HashSet<string> zones)
    {
        string? zone = route.Required("zone", text => Values.Zone(text).Unless(zone =>
            zones.Add(zone) ? null : $"{Quoting.Quote(text)} has a route already"));
        RouteProtocol protocol = route.Value("protocol", RouteProtocol.Udp, Values.RouteProtocol);
        string port = protocol switch { RouteProtocol.Tls => "853", RouteProtocol.Https => "443", _ => "53" };
        RouteConfiguration read = new()
        {
            Zone = zone ?? "",
            Servers = route.Values("servers", [], text => Addresses.Endpoint(text, port).Unless(loopMistake)),
            ResolvConf = route.Optional("resolvConf", Values.AbsolutePath),
            Protocol = protocol == RouteProtocol.Udp ? TransportProtocol.Udp : TransportProtocol.Tcp,
            Tls = Tls(route, protocol),
            Policy = route.Value("policy", ServerPolicy.Random, Values.Policy),
            QueriesPerSecond = route.Value("queriesPerSecond", 0, Values.Count(0, 1_000_000)),
        };

        if (route.Has("servers") && route.Has("resolvConf"))
            route.Report("has both servers and resolvConf; keep one of them");
        else if (!route.Has("servers") && !route.Has("resolvConf"))
            route.Report("has neither servers nor resolvConf; give one of them");
        else if (route.Has("servers") && read.Servers.Count == 0 && !route.HasMistakesUnder("servers"))
            route.Report("servers", "names no server");
        return zone is null ? null : read;
    }

    private static CacheConfiguration Cache(MappingReader cache)
    {
        CacheConfiguration defaults = _defaults.Cache;
        CacheConfiguration read = new()
        {
            Memory = cache.Value("memory", defaults.Memory, Values.Size(1L << 20, 64L << 30)),
            MinTtl = cache.Value("minTtl", defaults.MinTtl, Values.Seconds(0, 3600)),
            MaxTtl = cache.Value("maxTtl", defaults.MaxTtl, Values.Seconds(0, 604_800)),
            MaxNegativeTtl = cache.Value("maxNegativeTtl", defaults.MaxNegativeTtl, Values.Seconds(0, 10_800)),
            ServeStale = cache.Value("serveStale", defaults.ServeStale, Values.Duration(TimeSpan.FromDays(7))),
        };
        if (read.MinTtl > read.MaxTtl && !cache.HasMistakesUnder("minTtl") && !cache.HasMistakesUnder("maxTtl"))
            cache.Report(cache.Has("minTtl") ? "minTtl" : "maxTtl", $"minTtl ({read.MinTtl}) is greater than maxTtl ({read.MaxTtl})");
        return read;
    }

    private static SnapshotConfiguration Snapshot(MappingReader snapshot, string adminSocket) => new()
    {
        Path = snapshot.Value("path", Path.Combine(Path.GetDirectoryName(adminSocket) ?? "/", "snapshot"), Values.AbsolutePathOrNone),
        CacheBytes = snapshot.Value("cacheBytes", _defaults.Snapshot.CacheBytes, Values.Size(0, 256L << 20)),
    };

    private static bool IsServedHere(ListenConfiguration listen, IPEndPoint endpoint) =>
        endpoint.Port == listen.Port && listen.Addresses.Contains(endpoint.Address);
}

using System.Globalization;
using System.Net;

namespace Agent.Configuration.Corefile;

// forward, cache, acl
internal sealed partial class Converter
{
    private const int LongestTtl = 604_800;
    private const int LongestNegativeTtl = 10_800;

    private void Forward(Directive forward)
    {
        if (forward.Arguments.Count < 2)
        {
            Lose(forward, $"'{forward.Name}' names no server");
            return;
        }

        string from = forward.Arguments[0];
        string[] zones = from == "." ? _zones : Values.Zone(ReverseZone(from) ?? from) is { Mistake: null, Value: { } zone } ? [zone] : [];
        if (TryLearnServers(forward, zones))
            return;
        RouteDraft draft = new("");
        foreach (string to in forward.Arguments.Skip(1))
            AddServer(forward, draft, to);
        foreach (Directive option in forward.Body)
            SetForwardOption(option, draft);
        if (draft.Servers.Count > 0 && draft.ResolvConf is { } file)
        {
            Lose(forward, $"'{file}': a route has servers or a resolv.conf, not both; the servers are kept");
            draft.ResolvConf = null;
        }

        if (draft.Servers.Count == 0 && draft.ResolvConf == null)
            _draft.ZonesWithoutServers.AddRange(zones);
        else
            AddRoutes(forward, zones, draft);
    }

    private void AddRoutes(Directive forward, string[] zones, RouteDraft draft)
    {
        foreach (string zone in zones)
        {
            RouteDraft route = draft with { Zone = zone };
            if (_draft.Routes.Find(other => other.Zone == zone) is not { } known)
                _draft.Routes.Add(route);
            else if (!known.Servers.SequenceEqual(route.Servers) || known.ResolvConf != route.ResolvConf)
                Lose(forward, $"the zone '{(zone.Length == 0 ? "." : zone)}' has servers already; these are left out");
        }
    }

    private void AddServer(Directive forward, RouteDraft draft, string to)
    {
        if (to == NodeServers)
        {
            Note(forward, $"'{NodeServers}' is the node's /etc/resolv.conf where nothing else was configured");
            draft.ResolvConf = "/etc/resolv.conf";
        }
        else if (to == ClusterServers)
        {
            Lose(forward, $"'{ClusterServers}' is filled in by node-cache: give the addresses of the kube-dns pods as the route's servers (kubectl -n kube-system get endpointslices -l k8s-app=kube-dns)");
        }
        else if (to.StartsWith('/'))
        {
            draft.ResolvConf = to;
        }
        else
        {
            string[] parts = to.Split("://", 2);
            string? secure = parts is ["tls" or "https", _] ? parts[0] : null;
            string address = parts is ["tls" or "https" or "dns", _] ? parts[1] : to;
            if (secure == "https" && address.Split('/', 2) is [{ } host, { } path])
                (address, draft.HttpsPath) = (host, "/" + path);
            if (address.Split('%') is [{ } before, { } name])
                (address, draft.TlsServerName) = (before, name);
            if (Addresses.Endpoint(address) is not { Mistake: null, Value: { } endPoint })
                Lose(forward, $"'{to}' is no address of a server; names are not supported: give the address, and the name as tlsServerName");
            else if (draft.Servers.Count > 0 && secure != SecureProtocolOf(draft))
                Lose(forward, $"'{to}': the servers of a route are all asked over TLS, all over HTTPS, or none is");
            else
                Add();

            void Add()
            {
                draft.Protocol = secure ?? draft.Protocol;
                if (!draft.Servers.Exists(known => Addresses.Endpoint(known).Value!.Equals(endPoint)))
                    draft.Servers.Add(address);
            }
        }
    }

    private static string? SecureProtocolOf(RouteDraft draft) => draft.Protocol is "tls" or "https" ? draft.Protocol : null;

    private void SetForwardOption(Directive option, RouteDraft draft)
    {
        IReadOnlyList<string> arguments = option.Arguments;
        switch (option.Name)
        {
            case "force_tcp":
                draft.Protocol = SecureProtocolOf(draft) ?? "tcp";
                break;
            case "policy" when arguments is ["random" or "round_robin" or "sequential"]:
                draft.Policy = arguments[0].Replace('_', '-');
                break;
            case "tls_servername" when arguments.Count == 1:
                draft.TlsServerName = arguments[0];
                break;
            case "tls" when arguments.Count <= 1:
                draft.TlsCa = arguments.Count == 1 ? arguments[0] : null;
                break;
            case "prefer_udp" or "failfast_all_unhealthy_upstreams" or "max_concurrent" or "max_fails" or "expire" or "health_check" or "max_age" or "read_timeout"
                or "max_connect_attempts" or "max_idle_conns" or "doh_method":
                Note(option, $"'{option.Name}' needs no setting: timeouts, health and bounds are the agent's own");
                break;
            case "next" or "alternate" or "failover":
                Lose(option, $"'{option.Name}': the next server is asked when one fails or says SERVFAIL or REFUSED; other RCODEs are answers");
                break;
            case "except":
                Lose(option, $"'except {string.Join(' ', arguments)}': give these zones a route or fixed answer of their own");
                break;
            default:
                Lose(option, $"'forward {option.Name}' has no counterpart");
                break;
        }
    }

    private void Cache(Directive cache)
    {
        int success = 3600;
        int denial = 1800;
        bool hasTtl = cache.Arguments.Count > 0 && TrySeconds(cache.Arguments[0], out success);
        if (hasTtl)
            denial = success;
        else
            success = 3600;
        if (cache.Arguments.Count > (hasTtl ? 1 : 0))
            Note(cache, "'cache' with zones: there is one cache, for all zones");
        foreach (Directive option in cache.Body)
            SetCacheOption(option, ref success, ref denial);
        bool isDifferent = (_draft.MaxTtl ?? success) != success || (_draft.MaxNegativeTtl ?? denial) != denial;
        if (isDifferent)
            Note(cache, "there is one cache, for all zones: the smallest TTLs of all blocks are kept");
        _draft.MaxTtl = Math.Min(_draft.MaxTtl ?? LongestTtl, success);
        _draft.MaxNegativeTtl = Math.Min(_draft.MaxNegativeTtl ?? LongestNegativeTtl, denial);
        if (!cache.Body.Any(option => option.Name == "serve_stale"))
            Note(cache, "an expired answer is given for up to 1h when no server answers; set cache.serveStale: 0 to have none");
        if ((_draft.MinTtl ?? 5) > _draft.MaxTtl)
            _draft.MinTtl = _draft.MaxTtl;
    }

    private void SetCacheOption(Directive option, ref int success, ref int denial)
    {
        switch (option.Name)
        {
            case "success":
                SetTtl(option, ref success);
                break;
            case "denial":
                SetTtl(option, ref denial);
                break;
            case "serve_stale":
                _draft.ServeStale = option.Arguments.Count > 0 ? DurationOf(option.Arguments[0]) : "1h";
                break;
            case "disable" when option.Arguments.Count > 1 && option.Arguments.Skip(1).All(zone => zone.TrimEnd('.') == _draft.Kubernetes?.Domain):
                Note(option, "'disable': cluster names are answered from the table, and what else is kept of them goes when it changes; the rest lives for its TTL");
                break;
            case "disable":
                Lose(option, "'disable': answers are not kept out of the cache by zone; they live for their TTL, at most cache.maxTtl");
                break;
            case "keepttl":
                Lose(option, "'keepttl': the TTLs of kept answers always count down");
                break;
            case "prefetch" or "servfail" or "serve_stale_policy":
                Note(option, $"'{option.Name}' needs no setting: popular answers are renewed before they expire, failures kept for 5 s at first");
                break;
            default:
                Lose(option, $"'cache {option.Name}' has no counterpart");
                break;
        }
    }

    /// <summary><c>CAPACITY [TTL] [MINTTL]</c>; the budget here is in bytes, for all zones.</summary>
    private void SetTtl(Directive option, ref int ttl)
    {
        if (option.Arguments.Count > 1 && TrySeconds(option.Arguments[1], out int longest))
            ttl = longest;
        if (option.Arguments.Count > 2 && TrySeconds(option.Arguments[2], out int shortest))
            _draft.MinTtl = Math.Min(Math.Max(_draft.MinTtl ?? 0, shortest), 3600);
    }

    private static bool TrySeconds(string text, out int seconds) =>
        int.TryParse(text.EndsWith('s') ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds);

    private static string DurationOf(string text) => TrySeconds(text, out int seconds) ? $"{seconds}s" : Values.Duration(TimeSpan.FromDays(7))(text).Mistake is null ? text : "1h";

    private void Acl(Directive acl)
    {
        if (acl.Arguments.Count > 0 && !acl.Arguments.Contains("."))
        {
            Lose(acl, "'acl' for some zones alone has no counterpart: a client may ask for all names or none");
            return;
        }

        foreach (Directive rule in acl.Body)
            AddRule(rule);
        // CoreDNS lets in who is in no rule; here a list of who may ask keeps out the others.
        if (!_draft.Clients.ContainsValue("allow"))
            return;
        _draft.Clients.TryAdd(IPNetwork.Parse("0.0.0.0/0"), "allow");
        _draft.Clients.TryAdd(IPNetwork.Parse("::/0"), "allow");
    }

    private void AddRule(Directive rule)
    {
        string? list = rule.Name switch { "allow" => "allow", "block" => "deny", "drop" => "drop", _ => null };
        string[] words = [.. rule.Arguments];
        int net = Array.IndexOf(words, "net");
        string[] types = words[..(net < 0 ? words.Length : net)];
        bool isForAllTypes = types is [] or ["type", "*" or "ANY"];
        if (list == null || !isForAllTypes)
        {
            Lose(rule, $"'{rule.Name} {string.Join(' ', words)}' has no counterpart: a client is allowed, denied or dropped for all types");
            return;
        }

        string[] sources = net < 0 ? ["*"] : words[(net + 1)..];
        foreach (string source in sources.SelectMany(source => source == "*" ? (string[])["0.0.0.0/0", "::/0"] : [source]))
        {
            string text = source.Contains('/') ? source : source.Contains(':') ? $"{source}/128" : $"{source}/32";
            if (!IPNetwork.TryParse(text, out IPNetwork prefix) || prefix.BaseAddress.IsIPv4MappedToIPv6)
                Lose(rule, $"'{source}' is no address or prefix");
            else if (!_draft.Clients.Keys.Any(earlier => earlier.PrefixLength <= prefix.PrefixLength && earlier.Contains(prefix.BaseAddress)))
                _draft.Clients.Add(prefix, list); // else an earlier rule decides for all in it
        }
    }
}

using System.Net;
using System.Net.Sockets;

namespace Agent.Configuration.Corefile;

/// <summary>
/// Turns a Corefile of CoreDNS or NodeLocal DNSCache into the agent's configuration, and remarks on each line that is not in it, or not as it was.
/// One method for each plugin that has a counterpart; <see cref="Words"/> has a word for the others.
/// </summary>
internal sealed partial class Converter
{
    private const string LocalDns = "__PILLAR__LOCAL__DNS__";
    private const string ClusterIp = "__PILLAR__DNS__SERVER__";
    private const string ClusterServers = "__PILLAR__CLUSTER__DNS__";
    private const string NodeServers = "__PILLAR__UPSTREAM__SERVERS__";
    private const string DomainPlaceholder = "__PILLAR__DNS__DOMAIN__";

    private readonly Draft _draft = new();
    private readonly List<Remark> _remarks = [];
    private readonly Dictionary<string, Action<Directive>> _plugins;
    private string[] _zones = []; // of the block that is being converted

    private Converter() => _plugins = new(StringComparer.Ordinal)
    {
        ["bind"] = Bind,
        ["multisocket"] = Multisocket,
        ["prometheus"] = Prometheus,
        ["forward"] = Forward,
        ["proxy"] = Forward,
        ["cache"] = Cache,
        ["acl"] = Acl,
        ["hosts"] = Hosts,
        ["rewrite"] = Rewrite,
        ["template"] = Template,
        ["dns64"] = Dns64,
        ["kubernetes"] = Kubernetes,
        ["autopath"] = Autopath,
        ["log"] = Log,
        ["bufsize"] = BufferSize,
        ["loadbalance"] = LoadBalance,
    };

    /// <summary>Reads and converts a Corefile.</summary>
    /// <returns>The configuration as YAML.</returns>
    /// <exception cref="FormatException">It is no Corefile; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string Convert(string path, out IReadOnlyList<Remark> remarks)
    {
        Converter converter = new();
        IReadOnlyList<ServerBlock> blocks = new CorefileReader(converter._remarks).Read(path);
        if (blocks.Count == 0)
            throw new FormatException($"{path}: there is no server block in it");
        converter.ConvertAll(blocks);
        // In the order of the file, what it imports behind it.
        remarks = [.. converter._remarks.Distinct().OrderBy(remark => remark.Place.File != path).ThenBy(remark => remark.Place.File, StringComparer.Ordinal).ThenBy(remark => remark.Place.Line)];
        return DraftWriter.Write(converter._draft, path);
    }

    private void ConvertAll(IReadOnlyList<ServerBlock> blocks)
    {
        int? port = null;
        foreach (ServerBlock block in blocks)
        {
            _zones = [.. block.Keys.SelectMany(key => ZonesOf(key, block.Place, ref port)).Distinct()];
            if (_zones.Length == 0)
                continue;
            // The cluster first: what becomes of other lines depends on whether it is watched.
            foreach (Directive directive in block.Directives.OrderBy(directive => directive.Name != "kubernetes"))
            {
                if (_plugins.TryGetValue(directive.Name, out Action<Directive>? convert))
                    convert(directive);
                else
                    Remark(directive);
            }
        }

        _draft.Port = port ?? 53;
        SeparateFrontends();
        RemarkClusterIps();
        foreach (RouteDraft route in _draft.Routes)
            RemoveCircles(blocks[0].Place, route);
        _draft.Routes.RemoveAll(route => route.Servers.Count == 0 && route.ResolvConf == null);
    }

    /// <summary>The zones of one key, <c>scheme://zone:port</c>; none when the agent cannot serve it.</summary>
    private string[] ZonesOf(string key, Place place, ref int? port)
    {
        string rest = key.StartsWith("dns://", StringComparison.Ordinal) ? key[6..] : key;
        if (rest.Contains("://", StringComparison.Ordinal))
            return None($"'{key}': clients are served over UDP and TCP alone");
        int colon = rest.LastIndexOf(':');
        bool hasPort = colon >= 0 && !rest.Contains('/') && rest.IndexOf(':') == colon;
        Parsed<int> given = hasPort ? Values.Port(rest[(colon + 1)..]) : 53;
        if (given.Mistake is { } mistake)
            return None(mistake);
        port ??= given.Value;
        if (port != given.Value)
            return None($"'{key}': the agent serves one port, here {port}; the whole block is left out");
        string zone = hasPort ? rest[..colon] : rest;
        zone = zone.Length == 0 ? "." : zone == DomainPlaceholder ? "cluster.local" : zone;
        if (ReverseZone(zone) is { } reverse)
            return [reverse];
        return Values.Zone(zone) is { Mistake: null, Value: { } name } ? [name] : None($"'{key}' is no zone that can be served");

        string[] None(string why)
        {
            Lose(place, why);
            return [];
        }
    }

    /// <summary>The reverse zone of a prefix whose length ends at a label; null for all else.</summary>
    private static string? ReverseZone(string text)
    {
        if (!text.Contains('/') || !IPNetwork.TryParse(text, out IPNetwork prefix))
            return null;
        byte[] bytes = prefix.BaseAddress.GetAddressBytes();
        int labelBits = bytes.Length == 4 ? 8 : 4;
        if (prefix.PrefixLength % labelBits != 0)
            return null;
        string[] labels = Dns.DnsName.ToText(Dns.DnsName.ReverseOf(bytes)).TrimEnd('.').Split('.');
        return string.Join('.', labels[(bytes.Length * 8 / labelBits - prefix.PrefixLength / labelBits)..]);
    }

    private void Bind(Directive bind)
    {
        foreach (string argument in bind.Arguments)
        {
            string text = argument == LocalDns ? "169.254.20.10" : argument;
            if (argument.Contains(LocalDns, StringComparison.Ordinal))
                Note(bind, $"'{LocalDns}' is taken for 169.254.20.10, which node-cache is deployed with");
            if (text == ClusterIp)
                _clusterIpBinds.Add(bind);
            else if (Addresses.Unicast(text) is { Mistake: null, Value: { } address })
                AddOnce(_draft.Listen, address);
            else
                Lose(bind, $"'{text}' is no address to listen on");
        }

        foreach (Directive option in bind.Body)
            Lose(option, $"'bind {option.Name}' has no counterpart");
    }

    /// <summary>node-cache binds the ClusterIP too; here the kernel redirects it, and only the agent's own address is listened on.</summary>
    private void SeparateFrontends()
    {
        if (!_draft.Listen.Exists(IsLinkLocal))
            return;
        // A frontend is served by an address of its family: IPv6 beside 169.254.20.10 is one to listen on.
        _draft.Frontends.AddRange(_draft.Listen.Where(address => !IsLinkLocal(address) && address.AddressFamily == AddressFamily.InterNetwork));
        _draft.Listen.RemoveAll(_draft.Frontends.Contains);
    }

    private void RemoveCircles(Place place, RouteDraft route)
    {
        foreach (string server in route.Servers.Where(server => Addresses.Endpoint(server).Value is { } at && at.Port == _draft.Port && _draft.Listen.Contains(at.Address)).ToArray())
        {
            Lose(place, $"'{server}' is where the agent itself would listen: no server of a route");
            route.Servers.Remove(server);
        }
    }

    private static bool IsLinkLocal(IPAddress address) => address.GetAddressBytes() is [169, 254, _, _];

    private void Multisocket(Directive multisocket)
    {
        if (multisocket.Arguments is [{ } count] && int.TryParse(count, out int workers) && workers is >= 1 and <= 256)
            _draft.Workers = workers;
        else
            Note(multisocket, "as many workers as cores, which is the default here too");
    }

    private void Prometheus(Directive prometheus)
    {
        string text = prometheus.Arguments.Count > 0 ? prometheus.Arguments[0] : "localhost:9153";
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "" : text[..colon].Trim('[', ']');
        Parsed<IPAddress> address = host.Length == 0 ? IPAddress.Any : host == "localhost" ? IPAddress.Loopback : Addresses.UnicastOrAny(host);
        if (address.Mistake is null && Values.Port(text[(colon + 1)..]) is { Mistake: null, Value: int port })
            _draft.Metrics = new IPEndPoint(address.Value!, port);
        Note(prometheus, "the address is kept; health is asked at health.address");
    }

    private void Log(Directive log)
    {
        bool areErrors = log.Body is [{ Name: "class", Arguments: ["error"] }];
        _draft.LoggedQueries = areErrors && _draft.LoggedQueries != "all" ? "errors" : "all";
        if (log.Arguments.Count > 0 && log.Arguments[0] != "." || log.Arguments.Count > 1 || (log.Body.Count > 0 && !areErrors))
            Note(log, "queries are logged for all names, in CoreDNS's usual format, all of them or those that failed; 'lra observe' filters");
    }

    private void BufferSize(Directive bufsize)
    {
        if (bufsize.Arguments is [not "1232"])
            Note(bufsize, "1232 is the size here (RFC 9715), and not to be set");
    }

    private void LoadBalance(Directive loadbalance)
    {
        if (loadbalance.Arguments.Count > 0 && loadbalance.Arguments[0] != "round_robin" || loadbalance.Body.Count > 0)
            Lose(loadbalance, "addresses of an answer take turns, and are not weighted or preferred");
    }

    private void Remark(Directive directive)
    {
        if (!Words.All.TryGetValue(directive.Name, out (bool IsLoss, string Text) word))
            word = (true, "is no plugin that is known here");
        if (word.Text.Length > 0)
            _remarks.Add(new(directive.Place, $"'{directive.Name}' {word.Text}", word.IsLoss));
    }

    private void Lose(Place place, string text) => _remarks.Add(new(place, text, IsLoss: true));

    private void Lose(Directive directive, string text) => Lose(directive.Place, text);

    private void Note(Directive directive, string text) => _remarks.Add(new(directive.Place, text, IsLoss: false));

    private static void AddOnce<T>(List<T> list, T item)
    {
        if (!list.Contains(item))
            list.Add(item);
    }
}

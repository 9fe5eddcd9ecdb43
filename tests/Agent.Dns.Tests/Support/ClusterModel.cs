using System.Net;
using System.Text;

namespace Agent.Dns.Tests.Support;

internal sealed record ModelPort(string Name, string Protocol, int Number);

internal sealed record ModelEndpoint(string Host, string Address, bool IsReady);

internal sealed record ModelSlice(List<ModelPort> Ports, List<ModelEndpoint> Endpoints);

internal sealed record ModelService(ClusterServiceKind Kind, bool PublishesNotReady, List<string> Addresses, List<ModelPort> Ports, List<ModelSlice> Slices)
{
    public string Target { get; init; } = "";
}

/// <summary>
/// What the cluster's names are, written down as the specification and CoreDNS have it: every name with every record, in dictionaries of text.
/// Slow, and shares nothing with the product.
/// </summary>
internal sealed class ClusterModel
{
    private readonly Dictionary<string, HashSet<string>> _records = []; // name and type -> data; a name that exists has an entry under type 0
    private readonly Dictionary<string, HashSet<string>> _additional = [];

    public ClusterModel(Dictionary<string, ModelService> services, IEnumerable<string> namespaces)
    {
        foreach (string name in (string[])["cluster.local", "svc.cluster.local", "pod.cluster.local", .. namespaces.Select(name => $"{name}.svc.cluster.local")])
            Set(name, 0);
        foreach ((string key, ModelService service) in services)
            AddService($"{key}.svc.cluster.local", service);
        foreach ((string key, ModelService service) in services)
        {
            foreach (string address in service.Addresses)
                _records[$"{Reverse(address)} {T.Ptr}"] = [$"{key}.svc.cluster.local."];
        }
    }

    /// <summary>The answer in words; of a set, in no order.</summary>
    public string Ask(string name, ushort type)
    {
        if (_records.TryGetValue($"{name} {type}", out HashSet<string>? data) && data.Count > 0)
            return string.Join(' ', [.. data.Order(StringComparer.Ordinal), .. type == T.Srv ? _additional[$"{name} {type}"].Order(StringComparer.Ordinal).Prepend("+") : []]);
        if (name.EndsWith(".arpa", StringComparison.Ordinal))
            return "forward";
        return _records.ContainsKey($"{name} 0") ? "NODATA" : "NXDOMAIN";
    }

    public static string Reverse(string address)
    {
        byte[] bytes = IPAddress.Parse(address).GetAddressBytes();
        return bytes.Length == 4
            ? string.Join('.', bytes.Reverse()) + ".in-addr.arpa"
            : string.Join('.', Convert.ToHexStringLower(bytes).Reverse()) + ".ip6.arpa";
    }

    private void AddService(string name, ModelService service)
    {
        List<(ModelSlice Slice, ModelEndpoint Endpoint)> published =
            [.. service.Slices.SelectMany(slice => slice.Endpoints.Where(endpoint => endpoint.IsReady || service.PublishesNotReady).Select(endpoint => (slice, endpoint)))];
        foreach ((_, ModelEndpoint endpoint) in published)
            Set(Reverse(endpoint.Address), T.Ptr).Add($"{endpoint.Host}.{name}.");
        if (service.Kind == ClusterServiceKind.ExternalName)
        {
            Set(name, 0);
            Set(name, T.Cname).Add(service.Target + ".");
        }

        if (service.Kind is not (ClusterServiceKind.ClusterIp or ClusterServiceKind.Headless))
            return;
        foreach (string host in published.Select(pair => pair.Endpoint.Host).Distinct())
            AddServers($"{host}.{name}", [.. published.Where(pair => pair.Endpoint.Host == host).SelectMany(pair => Servers(pair.Slice, pair.Endpoint, name))]);
        List<(string Target, string Address, ModelPort Port)> all = service.Kind == ClusterServiceKind.Headless
            ? [.. published.SelectMany(pair => Servers(pair.Slice, pair.Endpoint, name))]
            : [.. OrUnknown(service.Ports).SelectMany(port => service.Addresses.Select(address => (name, address, port)))];
        AddServers(name, all);
        foreach (ModelPort port in all.Select(server => server.Port).Where(port => port.Name.Length > 0).Distinct())
            AddServers($"_{port.Name}._{port.Protocol}.{name}", [.. all.Where(server => server.Port.Name == port.Name && server.Port.Protocol == port.Protocol)]);
    }

    private void AddServers(string name, List<(string Target, string Address, ModelPort Port)> servers)
    {
        if (servers.Count > 0)
            Set(name, 0);
        int weight = Math.Max(1, (int)Math.Floor(100.0 / (100.0 * servers.Count) * 100.0)); // as CoreDNS writes it
        foreach ((string target, string address, ModelPort port) in servers)
        {
            Set(name, address.Contains(':') ? T.Aaaa : T.A).Add(address);
            if (port.Number > 0)
                Set(name, T.Srv).Add($"0,{weight},{port.Number},{target}.");
            if (!_additional.TryGetValue($"{name} {T.Srv}", out HashSet<string>? more))
                _additional.Add($"{name} {T.Srv}", more = []);
            more.Add($"{target}.={address}");
        }
    }

    private static IEnumerable<(string Target, string Address, ModelPort Port)> Servers(ModelSlice slice, ModelEndpoint endpoint, string service) =>
        OrUnknown(slice.Ports).Select(port => ($"{endpoint.Host}.{service}", endpoint.Address, port));

    private static List<ModelPort> OrUnknown(List<ModelPort> ports) => ports.Count > 0 ? ports : [new ModelPort("", "", 0)];

    private HashSet<string> Set(string name, ushort type)
    {
        if (!_records.TryGetValue($"{name} {type}", out HashSet<string>? data))
            _records.Add($"{name} {type}", data = []);
        return data;
    }

    public static ClusterService ToService(string key, ModelService service) => new(
        ClusterService.KeyOf(key.Split('.')[0], key.Split('.')[1]),
        service.Kind,
        service.PublishesNotReady,
        service.Slices.Select(slice => new ClusterEndpoints(
            slice.Ports.Select(Port), slice.Endpoints.Select(endpoint => new ClusterEndpoint(Encoding.ASCII.GetBytes(endpoint.Host), Bytes(endpoint.Address), endpoint.IsReady)))))
    {
        Addresses = [.. service.Addresses.Select(Bytes)],
        Ports = [.. service.Ports.Select(Port)],
        Target = MessageBuilder.Name(service.Target),
    };

    private static byte[] Bytes(string address) => IPAddress.Parse(address).GetAddressBytes();

    private static ClusterPort Port(ModelPort port) => new(Encoding.ASCII.GetBytes(port.Name), Encoding.ASCII.GetBytes(port.Protocol), (ushort)port.Number);
}

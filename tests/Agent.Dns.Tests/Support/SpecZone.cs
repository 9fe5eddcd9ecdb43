using System.Text;

namespace Agent.Dns.Tests.Support;

/// <summary>
/// Services as zone files, by the sentences of the Kubernetes DNS specification 1.1.0 (2.2 dns-version, 2.3 ClusterIP, 2.4 headless, 2.6 ExternalName): the
/// records alone. What follows for all other names and types is the server's own judgement.
/// </summary>
internal sealed class SpecZone
{
    // States that a name exists where the specification has no record for it. A private type, which nobody asks for.
    private const string Exists = "TYPE65280 \\# 0";

    private readonly SortedSet<string> _forward = new(StringComparer.Ordinal), _four = new(StringComparer.Ordinal), _six = new(StringComparer.Ordinal);

    public SpecZone(IReadOnlyDictionary<string, ModelService> services, IEnumerable<string> namespaces)
    {
        _forward.Add("dns-version.cluster.local. 28800 TXT \"1.1.0\"");
        foreach (string name in (string[])["svc", "pod", .. namespaces.Select(name => $"{name}.svc")])
            _forward.Add($"{name}.cluster.local. {Exists}");
        foreach ((string key, ModelService service) in services)
        {
            string name = $"{key}.svc.cluster.local.";
            if (service.Kind == ClusterServiceKind.ExternalName)
                _forward.Add($"{name} CNAME {service.Target}.");
            else if (service.Kind == ClusterServiceKind.ClusterIp)
                AddClusterIp(name, service);
            else
                AddHeadless(name, service);
        }
    }

    /// <summary>By the zones' names.</summary>
    public IEnumerable<(string Zone, string Text)> Files() =>
        [("cluster.local", TextOf(_forward)), ("10.in-addr.arpa", TextOf(_four)), ("d.f.ip6.arpa", TextOf(_six))];

    private static string TextOf(IEnumerable<string> records) =>
        new StringBuilder("$TTL 5\n@ SOA ns hostmaster 1 7200 1800 86400 5\n@ NS ns\nns A 192.0.2.53\n").AppendJoin('\n', records).Append('\n').ToString();

    private void AddClusterIp(string name, ModelService service)
    {
        foreach (string address in service.Addresses)
            AddAddress(name, address);
        foreach (ModelPort port in service.Ports.Where(port => port.Name.Length > 0))
            _forward.Add($"_{port.Name}._{port.Protocol}.{name} SRV 0 100 {port.Number} {name}");
    }

    private void AddHeadless(string name, ModelService service)
    {
        foreach (ModelSlice slice in service.Slices)
        {
            foreach (ModelEndpoint endpoint in slice.Endpoints.Where(endpoint => endpoint.IsReady || service.PublishesNotReady))
            {
                _forward.Add($"{name} {TypeOf(endpoint.Address)} {endpoint.Address}");
                AddAddress($"{endpoint.Host}.{name}", endpoint.Address);
                foreach (ModelPort port in slice.Ports.Where(port => port.Name.Length > 0))
                    _forward.Add($"_{port.Name}._{port.Protocol}.{name} SRV 0 100 {port.Number} {endpoint.Host}.{name}");
            }
        }
    }

    private void AddAddress(string name, string address)
    {
        _forward.Add($"{name} {TypeOf(address)} {address}");
        (address.Contains(':') ? _six : _four).Add($"{ClusterModel.Reverse(address)}. PTR {name}");
    }

    private static string TypeOf(string address) => address.Contains(':') ? "AAAA" : "A";
}

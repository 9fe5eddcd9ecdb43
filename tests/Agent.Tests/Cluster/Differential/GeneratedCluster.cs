using System.Text.Json.Nodes;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Tests.Cluster.Differential;

/// <summary>
/// Namespaces, Services, EndpointSlices and pods as a cluster may have them, at an API server, made up by a seeded generator and changed step by
/// step; and names that are about them. The objects are such as the API server admits and the cluster's controllers write.
/// </summary>
internal sealed partial class GeneratedCluster(ApiServer server, Random random)
{
    private const int Namespaces = 6; // a further one has no Service
    private const int ServicesPerNamespace = 12;
    private const int PodsPerNamespace = 12;

    private static readonly (string Name, string Protocol, int Port)[] _ports =
        [("http", "TCP", 80), ("http-udp", "UDP", 80), ("dns", "UDP", 53), ("dns-tcp", "TCP", 53), ("sip", "SCTP", 5060), ("metrics", "TCP", 9153)];

    private readonly Dictionary<(string Namespace, string Name), Shape> _services = [];
    private readonly HashSet<string> _namespaces = [];
    private int _slices;
    private int _clusterIPs;

    /// <summary>What names are made of.</summary>
    private sealed record Shape(string[] Slices, string[] Addresses, string[] Hosts, string[] Ports);

    /// <summary>A Service as its slices have to know it.</summary>
    private sealed record Owner(string Namespace, string Name, (string Name, string Protocol, int Port)[] Ports, bool PublishesNotReady);

    public void Fill()
    {
        for (int i = 0; i <= Namespaces; i++)
            PutNamespace($"n{i}");
        for (int i = 0; i < Namespaces * ServicesPerNamespace; i++)
            PutService(AnyNamespace(), AnyService());
        for (int i = 0; i < Namespaces * PodsPerNamespace; i++)
            PutPod(AnyNamespace(), random.Next(PodsPerNamespace));
        PutSlice(new Owner($"n{Namespaces}", "gone", [], PublishesNotReady: true), "IPv4"); // of a Service that there is not
    }

    /// <summary>Changes something.</summary>
    public void Change()
    {
        (string @namespace, string name) = (AnyNamespace(), AnyService());
        switch (random.Next(8))
        {
            case 0:
                DeleteService(@namespace, name);
                break;
            case 1 when _services.TryGetValue((@namespace, name), out Shape? shape) && shape.Slices.Length > 0:
                server.Delete("discovery.k8s.io/v1", "endpointslices", shape.Slices[0], @namespace);
                _services[(@namespace, name)] = shape with { Slices = shape.Slices[1..] };
                break;
            case 2:
                int pod = random.Next(PodsPerNamespace);
                if (random.Next(2) == 0)
                    PutPod(@namespace, pod);
                else
                    server.Delete("v1", "pods", $"p{pod}", @namespace);
                break;
            case 3 when random.Next(4) == 0:
                TurnNamespace(@namespace);
                break;
            default:
                if (_namespaces.Contains(@namespace))
                    PutService(@namespace, name);
                break;
        }
    }

    private string AnyNamespace() => $"n{random.Next(Namespaces)}";

    private string AnyService() => $"s{random.Next(ServicesPerNamespace)}";

    private void PutNamespace(string name)
    {
        _namespaces.Add(name);
        server.Put(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } });
    }

    /// <summary>A namespace goes last: it stands until all that is in it is gone.</summary>
    private void TurnNamespace(string name)
    {
        if (!_namespaces.Contains(name))
        {
            PutNamespace(name);
            return;
        }

        foreach ((string @namespace, string service) in _services.Keys.Where(key => key.Namespace == name).ToArray())
            DeleteService(@namespace, service);
        for (int i = 0; i < PodsPerNamespace; i++)
            server.Delete("v1", "pods", $"p{i}", name);
        _namespaces.Remove(name);
        server.Delete("v1", "namespaces", name);
    }

    private void DeleteService(string @namespace, string name)
    {
        if (!_services.Remove((@namespace, name), out Shape? shape))
            return;
        server.Delete("v1", "services", name, @namespace);
        foreach (string slice in shape.Slices)
            server.Delete("discovery.k8s.io/v1", "endpointslices", slice, @namespace);
    }

    private void PutService(string @namespace, string name)
    {
        DeleteService(@namespace, name);
        int kind = random.Next(7);
        Owner owner = new(@namespace, name, Ports(atLeast: kind < 3 ? 1 : 0), random.Next(5) == 0);
        string[] addresses = kind < 3 ? ClusterIPs() : [];
        JsonObject spec = kind == 6
            ? new JsonObject { ["type"] = "ExternalName", ["externalName"] = Target(@namespace, name) }
            : new JsonObject
            {
                ["type"] = kind == 0 ? "LoadBalancer" : "ClusterIP",
                ["clusterIP"] = addresses.FirstOrDefault("None"),
                ["clusterIPs"] = Array(addresses.DefaultIfEmpty("None")),
                ["publishNotReadyAddresses"] = owner.PublishesNotReady,
            };
        spec["ports"] = Array(owner.Ports.Select(port => PortObject(port.Name, port.Protocol, port.Port)));
        server.Put(NewObject("v1", "Service", @namespace, name, spec));

        List<(string Name, string[] Hosts)> slices = [];
        for (int i = random.Next(4); i > 0; i--)
            slices.Add(PutSlice(owner, Family(random.Next(3))));
        _services.Add((@namespace, name), new Shape([.. slices.Select(slice => slice.Name)], addresses, [.. slices.SelectMany(slice => slice.Hosts).Distinct()], [.. owner.Ports.Select(port => $"_{port.Name}._{port.Protocol.ToLowerInvariant()}")]));
    }

    // Not without the label: CoreDNS composes a name with an empty label of such a slice, and then does not reply at all.
    private (string Name, string[] Hosts) PutSlice(Owner owner, string family)
    {
        string name = $"slice-{++_slices}";
        // While a Service is rolled out, slices of old and new pods have different ports; those of headless Services may have none.
        int shift = random.Next(4) == 0 ? 1 : 0;
        JsonObject[] endpoints = [.. Enumerable.Range(0, random.Next(5)).Select(_ => NewEndpoint(family, owner.PublishesNotReady))];
        JsonObject slice = new()
        {
            ["apiVersion"] = "discovery.k8s.io/v1",
            ["kind"] = "EndpointSlice",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = owner.Namespace, ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = owner.Name } },
            ["addressType"] = family,
            ["ports"] = Array(owner.Ports.Select(port => PortObject(port.Name, port.Protocol, 8000 + port.Port + shift))),
            ["endpoints"] = Array(endpoints),
        };
        server.Put(slice);
        string[] hosts = [.. endpoints.SelectMany(endpoint => endpoint["hostname"] is { } hostname ? [hostname.ToString()] : endpoint["addresses"]!.AsArray().Select(address => Dashed(address!.ToString())))];
        return (name, hosts);
    }

    private JsonObject NewEndpoint(string family, bool publishesNotReady)
    {
        int number = 1 + random.Next(60);
        string[] addresses = [Address(family, number), .. random.Next(15) == 0 ? [Address(family, number + 1)] : System.Array.Empty<string>()];
        JsonObject endpoint = new() { ["addresses"] = Array(addresses), ["nodeName"] = "w1" };
        if (random.Next(2) == 0)
            endpoint["hostname"] = $"h{random.Next(4)}";
        // The controller says ready of all where publishNotReadyAddresses is set; of no condition, ready is to be assumed.
        bool isServing = random.Next(4) > 0;
        if (random.Next(8) > 0)
            endpoint["conditions"] = new JsonObject { ["ready"] = isServing || publishesNotReady, ["serving"] = isServing, ["terminating"] = false };
        return endpoint;
    }

    private void PutPod(string @namespace, int number)
    {
        if (!_namespaces.Contains(@namespace))
            return;
        string[] addresses = random.Next(3) switch
        {
            0 => [PodAddress("IPv4")],
            1 => [PodAddress("IPv6")],
            _ => [PodAddress("IPv4"), PodAddress("IPv6")],
        };
        string phase = random.Next(6) == 0 ? "Succeeded" : random.Next(6) == 0 ? "Failed" : "Running";
        JsonObject pod = NewObject("v1", "Pod", @namespace, $"p{number}", new JsonObject { ["nodeName"] = "w2", ["hostNetwork"] = random.Next(6) == 0 });
        pod["status"] = new JsonObject { ["phase"] = phase, ["podIP"] = addresses[0], ["podIPs"] = Array(addresses.Select(address => new JsonObject { ["ip"] = address })) };
        server.Put(pod);
    }

    private (string Name, string Protocol, int Port)[] Ports(int atLeast)
    {
        (string Name, string Protocol, int Port)[] ports = [.. _ports.Where(_ => random.Next(3) == 0)];
        if (ports.Length < atLeast)
            ports = [_ports[random.Next(_ports.Length)]];
        // A single port needs no name.
        return ports.Length == 1 && random.Next(2) == 0 ? [("", ports[0].Protocol, ports[0].Port)] : ports;
    }

    private string[] ClusterIPs()
    {
        // One for each Service at a time, and never the same for two.
        int number = ++_clusterIPs;
        string[] both = [$"10.96.{number / 250}.{1 + number % 250}", $"fd00:96::{number:x}"];
        return random.Next(4) switch
        {
            0 => both[..1],
            1 => both[1..],
            2 => both,
            _ => [both[1], both[0]],
        };
    }

    private static string Family(int number) => number == 2 ? "IPv6" : "IPv4";

    private static string Address(string family, int number) => family == "IPv4" ? $"10.244.{number / 20}.{number}" : $"fd00:244::{number:x}";

    private string PodAddress(string family) => Address(family, 1 + random.Next(60));

    private static string Dashed(string address) => address.Replace('.', '-').Replace(':', '-');

    private static JsonObject PortObject(string name, string protocol, int port) =>
        name.Length > 0 ? new() { ["name"] = name, ["protocol"] = protocol, ["port"] = port } : new() { ["protocol"] = protocol, ["port"] = port };

    private static JsonObject NewObject(string version, string kind, string @namespace, string name, JsonObject spec) =>
        new() { ["apiVersion"] = version, ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace }, ["spec"] = spec };

    private static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)text)];

    private static JsonArray Array(IEnumerable<JsonObject> objects) => [.. objects];
}

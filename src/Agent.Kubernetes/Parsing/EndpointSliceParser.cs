using System.Net;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

internal static class EndpointSliceParser
{
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <returns>Null when the object has no name.</returns>
    public static EndpointSlice? Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        string addressType = "IPv4";
        EndpointPort[] ports = [];
        Endpoint[] endpoints = [];
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else if (json.ValueTextEquals("addressType"u8))
                addressType = json.Text(strings) ?? addressType;
            else if (json.ValueTextEquals("ports"u8))
                ports = ParsePorts(ref json, strings);
            else if (json.ValueTextEquals("endpoints"u8))
                endpoints = ParseEndpoints(ref json, strings);
            else
                json.SkipValue();
        }
        return !metadata.HasName ? null : new EndpointSlice
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
            ServiceName = metadata.Labels.TryGetValue(ServiceNameLabel, out string? service) ? service : "",
            Ports = ports,
            // An address in a slice of FQDNs may look like an IP address and is still a name.
            Endpoints = addressType == "FQDN" ? [] : endpoints,
        };
    }

    private static EndpointPort[] ParsePorts(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterArray())
            return [];
        List<EndpointPort> ports = [];
        while (json.NextObject())
        {
            NumberedPort port = NumberedPortParser.Parse(ref json, strings, "port"u8);
            ports.Add(new(port.Name, port.Port, port.Protocol));
        }
        return [.. ports];
    }

    private static Endpoint[] ParseEndpoints(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterArray())
            return [];
        List<Endpoint> endpoints = [];
        while (json.NextObject())
        {
            if (ParseEndpoint(ref json, strings) is { Addresses.Count: > 0 } endpoint)
                endpoints.Add(endpoint);
        }
        return [.. endpoints];
    }

    private static Endpoint ParseEndpoint(ref Utf8JsonReader json, StringPool strings)
    {
        IPAddress[] addresses = [];
        string? hostname = null, node = null, zone = null;
        (bool isReady, bool isTerminating) = (true, false);
        IReadOnlyList<string> forZones = [];
        ObjectKey? pod = null;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("addresses"u8))
                addresses = [.. json.Addresses()];
            else if (json.ValueTextEquals("conditions"u8))
                (isReady, isTerminating) = ParseConditions(ref json);
            else if (json.ValueTextEquals("hostname"u8))
                hostname = json.Text();
            else if (json.ValueTextEquals("nodeName"u8))
                node = json.Text(strings);
            else if (json.ValueTextEquals("zone"u8))
                zone = json.Text(strings);
            else if (json.ValueTextEquals("hints"u8))
                forZones = ParseHints(ref json);
            else if (json.ValueTextEquals("targetRef"u8))
                pod = ParseTarget(ref json, strings);
            else
                json.SkipValue();
        }
        return new Endpoint
        {
            Addresses = addresses,
            IsReady = isReady,
            IsTerminating = isTerminating,
            Hostname = hostname,
            NodeName = node,
            Zone = zone,
            ForZones = forZones,
            Pod = pod,
        };
    }

    // "nil should be interpreted as true" for ready, as false for terminating (discovery/v1 types).
    private static (bool IsReady, bool IsTerminating) ParseConditions(ref Utf8JsonReader json)
    {
        (bool isReady, bool isTerminating) = (true, false);
        if (!json.EnterObject())
            return (isReady, isTerminating);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("ready"u8))
                isReady = json.Bool() ?? true;
            else if (json.ValueTextEquals("terminating"u8))
                isTerminating = json.Bool() ?? false;
            else
                json.SkipValue();
        }
        return (isReady, isTerminating);
    }

    private static string[] ParseHints(ref Utf8JsonReader json)
    {
        List<string> zones = [];
        if (!json.EnterObject())
            return [];
        while (json.NextProperty())
        {
            if (!json.ValueTextEquals("forZones"u8))
                json.SkipValue();
            else if (json.EnterArray())
            {
                while (json.NextObject())
                {
                    if (json.TextField("name"u8) is { } zone)
                        zones.Add(zone);
                }
            }
        }
        return [.. zones];
    }

    private static ObjectKey? ParseTarget(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterObject())
            return null;
        string? kind = null, inNamespace = null, name = null;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("kind"u8))
                kind = json.Text(strings);
            else if (json.ValueTextEquals("namespace"u8))
                inNamespace = json.Text(strings);
            else if (json.ValueTextEquals("name"u8))
                name = json.Text();
            else
                json.SkipValue();
        }
        return kind == "Pod" && inNamespace is not null && name is not null ? new ObjectKey(inNamespace, name) : null;
    }
}

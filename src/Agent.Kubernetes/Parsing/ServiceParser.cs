using System.Net;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

internal static class ServiceParser
{
    /// <returns>Null when the object has no name.</returns>
    public static Service? Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        ServiceSpec spec = new();
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else if (json.ValueTextEquals("spec"u8))
                ParseSpec(ref json, strings, ref spec);
            else
                json.SkipValue();
        }
        return !metadata.HasName ? null : new Service
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
            Type = spec.Type ?? "ClusterIP",
            // The API keeps the ClusterIPs of a Service that became ExternalName out of its spec; an old one may not.
            ClusterIPs = spec.Type == "ExternalName" ? [] : spec.ClusterIPs ?? (spec.ClusterIP is { } address ? [address] : []),
            IsHeadless = spec.IsHeadless && spec.Type != "ExternalName",
            ExternalName = spec.Type == "ExternalName" ? spec.ExternalName : null,
            PublishNotReadyAddresses = spec.PublishNotReady,
            Ports = spec.Ports,
        };
    }

    private static void ParseSpec(ref Utf8JsonReader json, StringPool strings, ref ServiceSpec spec)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("type"u8))
                spec.Type = json.Text(strings);
            else if (json.ValueTextEquals("clusterIP"u8))
                ParseClusterIP(ref json, ref spec);
            else if (json.ValueTextEquals("clusterIPs"u8))
                spec.ClusterIPs = json.Addresses() is { Count: > 0 } addresses ? [.. addresses] : null;
            else if (json.ValueTextEquals("externalName"u8))
                spec.ExternalName = json.Text();
            else if (json.ValueTextEquals("publishNotReadyAddresses"u8))
                spec.PublishNotReady = json.Bool() ?? false;
            else if (json.ValueTextEquals("ports"u8))
                spec.Ports = ParsePorts(ref json, strings);
            else
                json.SkipValue();
        }
    }

    private static void ParseClusterIP(ref Utf8JsonReader json, ref ServiceSpec spec)
    {
        Utf8JsonReader value = json;
        spec.IsHeadless = value.Text() == "None";
        spec.ClusterIP = json.Address();
    }

    private static ServicePort[] ParsePorts(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterArray())
            return [];
        List<ServicePort> ports = [];
        while (json.NextObject())
            ports.Add(ParsePort(ref json, strings));
        return [.. ports];
    }

    /// <param name="json">Stands on the start of an object.</param>
    public static ServicePort ParsePort(ref Utf8JsonReader json, StringPool strings)
    {
        ServicePort port = new("", 0, "TCP", "");
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("name"u8))
                port = port with { Name = json.Text(strings) ?? "" };
            else if (json.ValueTextEquals("port"u8))
                port = port with { Port = json.Port() };
            else if (json.ValueTextEquals("protocol"u8))
                port = port with { Protocol = json.Text(strings) ?? "TCP" };
            else if (json.ValueTextEquals("targetPort"u8))
                port = port with { TargetPort = json.NumberOrText() ?? "" };
            else
                json.SkipValue();
        }
        return port;
    }

    private struct ServiceSpec()
    {
        public string? Type;
        public IPAddress? ClusterIP;
        public bool IsHeadless;
        public IReadOnlyList<IPAddress>? ClusterIPs;
        public string? ExternalName;
        public bool PublishNotReady;
        public IReadOnlyList<ServicePort> Ports = [];
    }
}

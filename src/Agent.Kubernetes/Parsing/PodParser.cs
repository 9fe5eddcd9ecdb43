using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

internal static class PodParser
{
    /// <returns>Null when the object has no name.</returns>
    public static Pod? Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        PodFields pod = new();
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else if (json.ValueTextEquals("spec"u8))
                ParseSpec(ref json, strings, ref pod);
            else if (json.ValueTextEquals("status"u8))
                ParseStatus(ref json, ref pod);
            else
                json.SkipValue();
        }
        return !metadata.HasName ? null : new Pod
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
            NodeName = pod.NodeName,
            Addresses = pod.IsFinished ? [] : pod.Addresses ?? (pod.Address is { } address ? [address] : []),
            IsHostNetwork = pod.IsHostNetwork,
            IsFinished = pod.IsFinished,
            IsReady = pod.IsReady && !metadata.IsBeingDeleted,
            RuntimeClass = pod.RuntimeClass,
            DnsPolicy = pod.DnsPolicy,
            Searches = pod.Searches,
            Ndots = pod.Ndots,
            Ports = [.. pod.Ports, .. pod.SidecarPorts],
        };
    }

    private static void ParseSpec(ref Utf8JsonReader json, StringPool strings, ref PodFields pod)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("nodeName"u8))
                pod.NodeName = json.Text(strings) ?? "";
            else if (json.ValueTextEquals("hostNetwork"u8))
                pod.IsHostNetwork = json.Bool() ?? false;
            else if (json.ValueTextEquals("runtimeClassName"u8))
                pod.RuntimeClass = json.Text(strings);
            else if (json.ValueTextEquals("dnsPolicy"u8))
                pod.DnsPolicy = json.Text(strings) ?? pod.DnsPolicy;
            else if (json.ValueTextEquals("dnsConfig"u8))
                ParseDnsConfig(ref json, strings, ref pod);
            else if (json.ValueTextEquals("containers"u8))
                ParseContainers(ref json, strings, pod.Ports, needsRestart: false);
            else if (json.ValueTextEquals("initContainers"u8))
                ParseContainers(ref json, strings, pod.SidecarPorts, needsRestart: true);
            else
                json.SkipValue();
        }
    }

    private static void ParseDnsConfig(ref Utf8JsonReader json, StringPool strings, ref PodFields pod)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("searches"u8))
                pod.Searches = [.. json.Texts(strings)];
            else if (!json.ValueTextEquals("options"u8))
                json.SkipValue();
            else if (json.EnterArray())
            {
                while (json.NextObject())
                    pod.Ndots = ParseNdots(ref json) ?? pod.Ndots;
            }
        }
    }

    private static int? ParseNdots(ref Utf8JsonReader json)
    {
        string? name = null, value = null;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("name"u8))
                name = json.Text();
            else if (json.ValueTextEquals("value"u8))
                value = json.Text();
            else
                json.SkipValue();
        }
        return name == "ndots" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int ndots) ? ndots : null;
    }

    /// <param name="needsRestart">Whether only sidecars count: init containers that go on beside the others, and have <c>restartPolicy: Always</c>.</param>
    private static void ParseContainers(ref Utf8JsonReader json, StringPool strings, List<ContainerPort> ports, bool needsRestart)
    {
        if (!json.EnterArray())
            return;
        while (json.NextObject())
        {
            int before = ports.Count;
            bool isRestarted = false;
            while (json.NextProperty())
            {
                if (json.ValueTextEquals("restartPolicy"u8))
                    isRestarted = json.Text() == "Always";
                else if (!json.ValueTextEquals("ports"u8))
                    json.SkipValue();
                else if (json.EnterArray())
                {
                    while (json.NextObject())
                    {
                        NumberedPort port = NumberedPortParser.Parse(ref json, strings, "containerPort"u8);
                        ports.Add(new(port.Name, port.Port, port.Protocol));
                    }
                }
            }

            if (needsRestart && !isRestarted)
                ports.RemoveRange(before, ports.Count - before);
        }
    }

    private static void ParseStatus(ref Utf8JsonReader json, ref PodFields pod)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("podIP"u8))
                pod.Address = json.Address();
            else if (json.ValueTextEquals("podIPs"u8))
                pod.Addresses = ParseAddresses(ref json);
            else if (json.ValueTextEquals("phase"u8))
                pod.IsFinished = json.Text() is "Succeeded" or "Failed";
            else if (json.ValueTextEquals("conditions"u8))
                pod.IsReady = Conditions.Parse(ref json).Any(condition => condition is { Type: "Ready", Status: "True" });
            else
                json.SkipValue();
        }
    }

    private static IPAddress[]? ParseAddresses(ref Utf8JsonReader json)
    {
        List<IPAddress> addresses = [];
        if (!json.EnterArray())
            return null;
        while (json.NextObject())
        {
            if (IPAddress.TryParse(json.TextField("ip"u8), out IPAddress? address))
                addresses.Add(address);
        }
        return addresses.Count > 0 ? [.. addresses] : null;
    }

    private struct PodFields()
    {
        public string NodeName = "";
        public IPAddress? Address;
        public IPAddress[]? Addresses;
        public bool IsHostNetwork;
        public bool IsFinished;
        public bool IsReady;
        public string? RuntimeClass;
        public string DnsPolicy = "ClusterFirst";
        public IReadOnlyList<string> Searches = [];
        public int? Ndots;
        public readonly List<ContainerPort> Ports = [];
        public readonly List<ContainerPort> SidecarPorts = [];
    }
}

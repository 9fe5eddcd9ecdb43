using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>LocalRedirectPolicy of redirect.lra.dev.</summary>
internal static class PolicyParser
{
    /// <returns>Null when the object has no name.</returns>
    public static LocalRedirectPolicy? Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        LocalRedirectPolicy policy = new() { Key = default };
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else if (json.ValueTextEquals("spec"u8))
                policy = ParseSpec(ref json, strings, policy);
            else if (json.ValueTextEquals("status"u8))
                policy = ParseStatus(ref json, strings, policy);
            else
                json.SkipValue();
        }
        return !metadata.HasName ? null : policy with
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
            CreatedAt = metadata.CreatedAt,
            Generation = metadata.Generation,
        };
    }

    private static LocalRedirectPolicy ParseSpec(ref Utf8JsonReader json, StringPool strings, LocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("frontend"u8))
                policy = ParseFrontend(ref json, strings, policy);
            else if (json.ValueTextEquals("ports"u8))
                policy = policy with { Ports = ParsePorts(ref json, strings) };
            else if (json.ValueTextEquals("backend"u8))
                policy = ParseBackend(ref json, strings, policy);
            else if (json.ValueTextEquals("nodeSelector"u8))
                policy = policy with { NodeSelector = SelectorParser.Parse(ref json, strings) };
            else
                json.SkipValue();
        }
        return policy;
    }

    private static LocalRedirectPolicy ParseFrontend(ref Utf8JsonReader json, StringPool strings, LocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("service"u8))
                policy = policy with { Service = ParseKey(ref json, strings, "name"u8) };
            else if (!json.ValueTextEquals("address"u8))
                json.SkipValue();
            else if (json.EnterObject())
                policy = policy with { Address = json.TextField("ip"u8) };
        }
        return policy;
    }

    private static LocalRedirectPolicy ParseBackend(ref Utf8JsonReader json, StringPool strings, LocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("agentCache"u8))
            {
                json.SkipValue();
                policy = policy with { IsAgentCache = json.TokenType == JsonTokenType.EndObject };
            }
            else if (!json.ValueTextEquals("localPods"u8))
                json.SkipValue();
            else if (json.EnterObject())
                policy = policy with { LocalPods = ParseLocalPods(ref json, strings) };
        }
        return policy;
    }

    private static LocalPods ParseLocalPods(ref Utf8JsonReader json, StringPool strings)
    {
        LocalPods pods = new("", LabelSelector.Everything);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("namespace"u8))
                pods = pods with { Namespace = json.Text(strings) ?? "" };
            else if (json.ValueTextEquals("selector"u8))
                pods = pods with { Selector = SelectorParser.Parse(ref json, strings) ?? LabelSelector.Everything };
            else
                json.SkipValue();
        }
        return pods;
    }

    private static RedirectPort[] ParsePorts(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterArray())
            return [];
        List<RedirectPort> ports = [];
        while (json.NextObject())
        {
            ServicePort port = ServiceParser.ParsePort(ref json, strings);
            ports.Add(new(port.Name, port.Port, port.Protocol, port.TargetPort));
        }
        return [.. ports];
    }

    /// <summary>A reference to an object by its namespace and, under <paramref name="nameField"/>, its name.</summary>
    /// <param name="json">Stands on the property whose value is the reference.</param>
    public static ObjectKey? ParseKey(ref Utf8JsonReader json, StringPool strings, ReadOnlySpan<byte> nameField)
    {
        if (!json.EnterObject())
            return null;
        ObjectKey key = new("", "");
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("namespace"u8))
                key = key with { Namespace = json.Text(strings) ?? "" };
            else if (json.ValueTextEquals(nameField))
                key = key with { Name = json.Text(strings) ?? "" };
            else
                json.SkipValue();
        }
        return key;
    }

    private static LocalRedirectPolicy ParseStatus(ref Utf8JsonReader json, StringPool strings, LocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("conditions"u8))
                policy = policy with { Conditions = [.. Conditions.Parse(ref json)] };
            else if (json.ValueTextEquals("nodes"u8))
                policy = policy with { Nodes = ParseNodes(ref json, strings) };
            else
                json.SkipValue();
        }
        return policy;
    }

    private static Dictionary<string, NodeReport> ParseNodes(ref Utf8JsonReader json, StringPool strings)
    {
        Dictionary<string, NodeReport> nodes = [];
        if (!json.EnterObject())
            return nodes;
        while (json.NextProperty())
        {
            string node = strings.Get(ref json);
            if (json.EnterObject())
                nodes[node] = ParseNode(ref json, strings);
        }
        return nodes;
    }

    private static NodeReport ParseNode(ref Utf8JsonReader json, StringPool strings)
    {
        NodeReport report = new(0, 0, 0, "");
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("frontends"u8))
                report = report with { Frontends = (int)(json.Number() ?? 0) };
            else if (json.ValueTextEquals("backends"u8))
                report = report with { Backends = (int)(json.Number() ?? 0) };
            else if (json.ValueTextEquals("observedGeneration"u8))
                report = report with { ObservedGeneration = json.Number() ?? 0 };
            else if (json.ValueTextEquals("reason"u8))
                report = report with { Reason = json.Text(strings) ?? "" };
            else
                json.SkipValue();
        }
        return report;
    }
}

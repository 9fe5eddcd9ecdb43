using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>CiliumLocalRedirectPolicy of cilium.io/v2 (ANCHORS A3 has its semantics).</summary>
internal static class CiliumPolicyParser
{
    /// <returns>Null when the object has no name.</returns>
    public static CiliumLocalRedirectPolicy? Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        CiliumLocalRedirectPolicy policy = new() { Key = default };
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else if (json.ValueTextEquals("spec"u8))
                policy = ParseSpec(ref json, strings, policy);
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

    private static CiliumLocalRedirectPolicy ParseSpec(ref Utf8JsonReader json, StringPool strings, CiliumLocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("redirectFrontend"u8))
                policy = ParseFrontend(ref json, strings, policy);
            else if (json.ValueTextEquals("redirectBackend"u8))
                policy = ParseBackend(ref json, strings, policy);
            else if (json.ValueTextEquals("skipRedirectFromBackend"u8))
                policy = policy with { SkipRedirectFromBackend = json.Bool() ?? false };
            else
                json.SkipValue();
        }
        return policy;
    }

    private static CiliumLocalRedirectPolicy ParseFrontend(ref Utf8JsonReader json, StringPool strings, CiliumLocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("serviceMatcher"u8))
            {
                Utf8JsonReader again = json;
                policy = policy with { Service = PolicyParser.ParseKey(ref again, strings, "serviceName"u8) };
                policy = ParseMatcher(ref json, strings, policy);
            }
            else if (json.ValueTextEquals("addressMatcher"u8))
                policy = ParseMatcher(ref json, strings, policy);
            else
                json.SkipValue();
        }
        return policy;
    }

    private static CiliumLocalRedirectPolicy ParseMatcher(ref Utf8JsonReader json, StringPool strings, CiliumLocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("ip"u8))
                policy = policy with { Address = json.Address() };
            else if (json.ValueTextEquals("toPorts"u8))
                policy = policy with { FrontendPorts = ParsePorts(ref json, strings) };
            else
                json.SkipValue();
        }
        return policy;
    }

    private static CiliumLocalRedirectPolicy ParseBackend(ref Utf8JsonReader json, StringPool strings, CiliumLocalRedirectPolicy policy)
    {
        if (!json.EnterObject())
            return policy;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("localEndpointSelector"u8))
                policy = policy with { Backends = SelectorParser.Parse(ref json, strings) ?? LabelSelector.Everything };
            else if (json.ValueTextEquals("toPorts"u8))
                policy = policy with { BackendPorts = ParsePorts(ref json, strings) };
            else
                json.SkipValue();
        }
        return policy;
    }

    private static NumberedPort[] ParsePorts(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterArray())
            return [];
        List<NumberedPort> ports = [];
        while (json.NextObject())
            ports.Add(NumberedPortParser.Parse(ref json, strings, "port"u8));
        return [.. ports];
    }
}

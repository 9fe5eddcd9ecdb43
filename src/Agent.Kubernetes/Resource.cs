using Agent.Kubernetes.Parsing;

namespace Agent.Kubernetes;

/// <returns>Null when the object has no name.</returns>
internal delegate T? ObjectParser<out T>(ReadOnlySpan<byte> json, StringPool strings) where T : KubernetesObject;

/// <summary>Where the API server has the objects of one kind, and how they are read.</summary>
public sealed class Resource<T> where T : KubernetesObject
{
    /// <param name="groupVersion"><c>v1</c> or, for instance, <c>discovery.k8s.io/v1</c>.</param>
    internal Resource(string groupVersion, string kind, string plural, ObjectParser<T> parse)
    {
        GroupVersion = groupVersion;
        Kind = kind;
        Plural = plural;
        Parse = parse;
    }

    public string GroupVersion { get; }

    public string Kind { get; }

    /// <summary>As in a path: <c>services</c>.</summary>
    public string Plural { get; }

    /// <summary>Whether it exists only where somebody installed its CRD.</summary>
    internal bool IsCustom { get; init; }

    internal ObjectParser<T> Parse { get; }

    /// <param name="inNamespace">Empty: of the whole cluster.</param>
    internal string CollectionPath(string inNamespace) => $"{Root}{(inNamespace.Length > 0 ? $"/namespaces/{Uri.EscapeDataString(inNamespace)}" : "")}/{Plural}";

    internal string ObjectPath(ObjectKey key) => $"{CollectionPath(key.Namespace)}/{Uri.EscapeDataString(key.Name)}";

    // The core group alone has the path of its own.
    private string Root => GroupVersion.Contains('/') ? $"/apis/{GroupVersion}" : $"/api/{GroupVersion}";
}

/// <summary>The kinds that the agent reads.</summary>
public static class Resources
{
    public static Resource<Service> Services { get; } = new("v1", "Service", "services", ServiceParser.Parse);

    public static Resource<EndpointSlice> EndpointSlices { get; } = new("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", EndpointSliceParser.Parse);

    public static Resource<Namespace> Namespaces { get; } = new("v1", "Namespace", "namespaces", BareParser.ParseNamespace);

    public static Resource<Node> Nodes { get; } = new("v1", "Node", "nodes", BareParser.ParseNode);

    public static Resource<Pod> Pods { get; } = new("v1", "Pod", "pods", PodParser.Parse);

    public static Resource<LocalRedirectPolicy> LocalRedirectPolicies { get; } =
        new("redirect.lra.dev/v1alpha1", "LocalRedirectPolicy", "localredirectpolicies", PolicyParser.Parse) { IsCustom = true };

    public static Resource<CiliumLocalRedirectPolicy> CiliumLocalRedirectPolicies { get; } =
        new("cilium.io/v2", "CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies", CiliumPolicyParser.Parse) { IsCustom = true };
}

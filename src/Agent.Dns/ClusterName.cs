namespace Agent.Dns;

internal enum ClusterNameKind
{
    /// <summary>Not at or below the cluster domain.</summary>
    Outside,

    /// <summary>Below it, and of no shape that is below here.</summary>
    Unknown,

    /// <summary>The cluster domain itself.</summary>
    Apex,

    /// <summary><c>svc</c> or <c>pod</c>.</summary>
    Root,
    Namespace,
    Service,

    /// <summary><c>HOST.SERVICE.NAMESPACE.svc</c>.</summary>
    Endpoint,

    /// <summary><c>_PORT._PROTOCOL.SERVICE.NAMESPACE.svc</c>.</summary>
    Port,

    /// <summary><c>NAMESPACE.pod</c>.</summary>
    PodNamespace,
    Pod,

    /// <summary><c>dns-version</c>.</summary>
    Version,

    /// <summary><c>ns.dns</c>.</summary>
    NameServer,
}

/// <summary>A name taken apart along the shapes of the Kubernetes DNS specification 1.1.0: views into the name.</summary>
internal readonly ref struct ClusterName
{
    private const int MaxLabels = 5;

    public ClusterNameKind Kind { get; private init; }

    /// <summary>Where the cluster domain begins in the name.</summary>
    public int DomainOffset { get; private init; }

    /// <summary>Where the Service's label begins in the name.</summary>
    public int ServiceOffset { get; private init; }

    /// <summary>The labels of Service and namespace, their lengths too: the key of a <see cref="ClusterService"/>.</summary>
    public ReadOnlySpan<byte> ServiceKey { get; private init; }

    /// <summary>The namespace's label, its length too.</summary>
    public ReadOnlySpan<byte> Namespace { get; private init; }

    /// <summary>The first label's content, of endpoints and pods.</summary>
    public ReadOnlySpan<byte> Host { get; private init; }

    /// <summary>The port's name without its underscore.</summary>
    public ReadOnlySpan<byte> Port { get; private init; }

    /// <summary>The protocol without its underscore.</summary>
    public ReadOnlySpan<byte> Protocol { get; private init; }

    /// <summary>Reads an expanded name, lower case.</summary>
    public static ClusterName Parse(ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> domain)
    {
        // One comparison for all the names that are none of the cluster's.
        if (!name.EndsWith(domain))
            return default;
        Span<int> labels = stackalloc int[MaxLabels];
        int end = name.Length - domain.Length;
        int count = 0;
        int at = 0;
        for (; at < end; at += 1 + name[at])
        {
            if (count < MaxLabels)
                labels[count] = at;
            count++;
        }

        if (at != end)
            return default; // the domain's bytes, but within a label
        ClusterName parsed = new() { Kind = ClusterNameKind.Unknown, DomainOffset = end };
        if (count == 0)
            return parsed with { Kind = ClusterNameKind.Apex };
        if (count > MaxLabels)
            return parsed;
        labels = labels[..count];
        ReadOnlySpan<byte> root = name[labels[^1]..end];
        if (root.SequenceEqual("\x03svc"u8))
            return ParseService(parsed, name, labels);
        if (root.SequenceEqual("\x03pod"u8))
            return ParsePod(parsed, name, labels);
        if (name[..end].SequenceEqual("\u000bdns-version"u8))
            return parsed with { Kind = ClusterNameKind.Version };
        return name[..end].SequenceEqual("\u0002ns\u0003dns"u8) ? parsed with { Kind = ClusterNameKind.NameServer } : parsed;
    }

    private static ClusterName ParseService(ClusterName parsed, ReadOnlySpan<byte> name, scoped ReadOnlySpan<int> labels)
    {
        if (labels.Length == 1)
            return parsed with { Kind = ClusterNameKind.Root };
        parsed = parsed with { Namespace = name[labels[^2]..labels[^1]] };
        if (labels.Length == 2)
            return parsed with { Kind = ClusterNameKind.Namespace };
        parsed = parsed with { ServiceOffset = labels[^3], ServiceKey = name[labels[^3]..labels[^1]] };
        if (labels.Length == 3)
            return parsed with { Kind = ClusterNameKind.Service };
        if (labels.Length == 4)
            return parsed with { Kind = ClusterNameKind.Endpoint, Host = Content(name, labels[0]) };
        ReadOnlySpan<byte> port = Content(name, labels[0]);
        ReadOnlySpan<byte> protocol = Content(name, labels[1]);
        bool isPort = port.Length > 1 && protocol.Length > 1 && port[0] == '_' && protocol[0] == '_';
        return isPort ? parsed with { Kind = ClusterNameKind.Port, Port = port[1..], Protocol = protocol[1..] } : parsed;
    }

    private static ClusterName ParsePod(ClusterName parsed, ReadOnlySpan<byte> name, scoped ReadOnlySpan<int> labels) => labels.Length switch
    {
        1 => parsed with { Kind = ClusterNameKind.Root },
        2 => parsed with { Kind = ClusterNameKind.PodNamespace, Namespace = name[labels[0]..labels[1]] },
        3 => parsed with { Kind = ClusterNameKind.Pod, Namespace = name[labels[1]..labels[2]], Host = Content(name, labels[0]) },
        _ => parsed,
    };

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> name, int label) => name.Slice(label + 1, name[label]);
}

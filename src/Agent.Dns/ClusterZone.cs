namespace Agent.Dns;

/// <summary>Which pods have names <c>1-2-3-4.NAMESPACE.pod</c>.</summary>
public enum PodNames
{
    Disabled,

    /// <summary>Every address in a namespace that exists, whether a pod has it or not.</summary>
    Insecure,

    /// <summary>Addresses that a known pod of that namespace has.</summary>
    Verified,
}

/// <summary>How the names of this cluster are answered.</summary>
public sealed record ClusterZone
{
    /// <summary>The cluster domain, expanded, lower case.</summary>
    public required byte[] Domain { get; init; }

    /// <summary>Seconds, 0 to 3600; of every record but <c>dns-version</c>.</summary>
    public uint Ttl { get; init; } = 5;

    public PodNames Pods { get; init; }

    /// <summary>
    /// Whether names below the domain that the table does not have do not exist. Else the cluster's DNS is asked for them, because its configuration
    /// may know more.
    /// </summary>
    public bool IsAuthoritative { get; init; }

    /// <summary>The key of the Service that the cluster's own DNS server is behind (<see cref="ClusterService.KeyOf"/>); null: unknown.</summary>
    public byte[]? DnsService { get; init; }

    /// <summary>Writes the name of a Service, or of a host of it.</summary>
    /// <param name="host">The content of the host's label; empty: none.</param>
    /// <returns>Its length in bytes; 0 when it is longer than names can be.</returns>
    internal int WriteServiceName(ReadOnlySpan<byte> host, ReadOnlySpan<byte> serviceKey, Span<byte> name)
    {
        int service = host.IsEmpty ? 0 : 1 + host.Length;
        int root = service + serviceKey.Length;
        int length = root + 4 + Domain.Length;
        if (length > DnsName.MaxLength)
            return 0;
        if (service > 0)
        {
            name[0] = (byte)host.Length;
            host.CopyTo(name[1..]);
        }

        serviceKey.CopyTo(name[service..]);
        "\x03svc"u8.CopyTo(name[root..]);
        Domain.CopyTo(name[(root + 4)..]);
        return length;
    }
}

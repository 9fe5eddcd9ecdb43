using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;

namespace Agent.Dns;

/// <summary>What the names of a Service are made of.</summary>
public enum ClusterServiceKind
{
    /// <summary>There are endpoints, but no Service that has names: only their addresses lead to names.</summary>
    None,
    ClusterIp,
    Headless,
    ExternalName,
}

/// <summary>One Service with its endpoints. Immutable.</summary>
public sealed partial class ClusterService
{
    private readonly bool[]?[]? _repeats; // by slice and endpoint: whether an earlier endpoint has the same address; null: none, as mostly

    /// <param name="key">Of <see cref="KeyOf"/>.</param>
    /// <param name="publishesNotReady">Whether endpoints that are not ready have names too.</param>
    public ClusterService(byte[] key, ClusterServiceKind kind, bool publishesNotReady, IEnumerable<ClusterEndpoints> slices)
    {
        Key = key;
        Kind = kind;
        PublishesNotReady = publishesNotReady;
        Slices = [.. slices];
        _repeats = MayRepeat() ? FindRepeats() : null;
    }

    /// <summary>The labels of Service and namespace, with their lengths.</summary>
    public byte[] Key { get; }

    public ClusterServiceKind Kind { get; }

    /// <summary>ClusterIPs, each 4 or 16 bytes.</summary>
    public byte[][] Addresses { get; init; } = [];

    /// <summary>Of the Service itself, whose names with a ClusterIP they make; the endpoints have their own.</summary>
    public ClusterPort[] Ports { get; init; } = [];

    /// <summary>The target of an ExternalName, expanded, lower case.</summary>
    public byte[] Target { get; init; } = [];

    internal bool PublishesNotReady { get; }

    internal ClusterEndpoints[] Slices { get; }

    /// <exception cref="FormatException">They are no labels.</exception>
    public static byte[] KeyOf(string name, string @namespace) => [.. LabelOf(name), .. LabelOf(@namespace)];

    /// <summary>A label with its length.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static byte[] LabelOf(string text) => text.Contains('.') ? throw new FormatException($"'{text}' is not one label") : DnsName.FromText(text)[..^1];

    /// <summary>Whether a name of this Service exists.</summary>
    internal bool Has(in ClusterName name)
    {
        if (Kind is ClusterServiceKind.None or ClusterServiceKind.ExternalName)
            return Kind == ClusterServiceKind.ExternalName && name.Kind == ClusterNameKind.Service;
        if (UsesEndpoints(name))
            return HasEndpoint(name);
        return name.Kind == ClusterNameKind.Service || CountPorts(name) > 0;
    }

    internal bool IsPublished(in ClusterEndpoint endpoint) => endpoint.IsReady || PublishesNotReady;

    /// <summary>Whether an endpoint with this host and address has a name.</summary>
    /// <param name="slices">Those of its slices that are searched.</param>
    internal bool Publishes(in ClusterEndpoint endpoint, ClusterEndpoints[] slices)
    {
        uint hash = ClusterEndpoints.HashOf(endpoint.Host);
        foreach (ClusterEndpoints slice in slices)
        {
            if (slice.MayHave(hash) && slice.Has(endpoint.Host, endpoint.Address, PublishesNotReady))
                return true;
        }

        return false;
    }

    internal bool UsesEndpoints(in ClusterName name) => Kind == ClusterServiceKind.Headless || name.Kind == ClusterNameKind.Endpoint;

    private bool HasEndpoint(in ClusterName name)
    {
        uint hash = name.Kind == ClusterNameKind.Endpoint ? ClusterEndpoints.HashOf(name.Host) : 0;
        foreach (ClusterEndpoints slice in Slices)
        {
            if ((name.Kind == ClusterNameKind.Endpoint && !slice.MayHave(hash)) || slice.CountPorts(name) == 0)
                continue;
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items[slice.RangeOf(name)])
            {
                if (IsPublished(endpoint))
                    return true;
            }
        }

        return false;
    }

    private int CountPorts(in ClusterName name)
    {
        int count = 0;
        foreach (ClusterPort port in Ports)
            count += port.Matches(name) ? 1 : 0;
        return count;
    }

    /// <summary>The pairs of endpoint and port that a name is about.</summary>
    private int CountServers(in ClusterName name)
    {
        int count = 0;
        foreach (ClusterEndpoints slice in Slices)
        {
            int ports = slice.CountPorts(name);
            if (ports == 0)
                continue;
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items[slice.RangeOf(name)])
                count += IsPublished(endpoint) ? ports : 0;
        }

        return count;
    }

    /// <summary>Whether two endpoints may have one address. A set of thousands would be made anew for each change of one of them.</summary>
    private bool MayRepeat()
    {
        ulong[] rented = ArrayPool<ulong>.Shared.Rent(Slices.Sum(slice => slice.Items.Length));
        int count = 0;
        foreach (ClusterEndpoints slice in Slices)
        {
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items)
            {
                if (IsPublished(endpoint))
                    rented[count++] = (ulong)NumberOf(endpoint.Address) ^ BitOperations.RotateLeft((ulong)(NumberOf(endpoint.Address) >> 64), 32);
            }
        }

        Span<ulong> numbers = rented.AsSpan(0, count);
        numbers.Sort();
        bool mayRepeat = false;
        for (int i = 1; i < count && !mayRepeat; i++)
            mayRepeat = numbers[i] == numbers[i - 1];
        ArrayPool<ulong>.Shared.Return(rented);
        return mayRepeat;
    }

    private bool[]?[] FindRepeats()
    {
        bool[]?[] repeats = new bool[]?[Slices.Length];
        HashSet<UInt128> seen = new(Slices.Sum(slice => slice.Items.Length));
        for (int i = 0; i < Slices.Length; i++)
        {
            ReadOnlySpan<ClusterEndpoint> items = Slices[i].Items;
            for (int at = 0; at < items.Length; at++)
            {
                if (IsPublished(items[at]) && !seen.Add(NumberOf(items[at].Address)))
                    (repeats[i] ??= new bool[items.Length])[at] = true;
            }
        }

        return repeats;
    }

    /// <summary>An address as a number; of IPv4 one that no IPv6 address of a cluster has.</summary>
    private static UInt128 NumberOf(ReadOnlySpan<byte> address) =>
        address.Length == 16 ? BinaryPrimitives.ReadUInt128BigEndian(address) : BinaryPrimitives.ReadUInt32BigEndian(address);
}

namespace Agent.Dns;

/// <summary>A port of a Service or of its endpoints.</summary>
/// <param name="Name">Lower case, without an underscore; empty for a port without a name.</param>
/// <param name="Protocol">Lower case, without an underscore.</param>
/// <param name="Number">0: unknown.</param>
public sealed record ClusterPort(byte[] Name, byte[] Protocol, ushort Number)
{
    internal bool Matches(in ClusterName name) =>
        name.Kind != ClusterNameKind.Port || (name.Port.SequenceEqual(Name) && name.Protocol.SequenceEqual(Protocol));

    internal static bool AreSame(ReadOnlySpan<ClusterPort> ports, ReadOnlySpan<ClusterPort> others)
    {
        bool areSame = ports.Length == others.Length;
        for (int i = 0; areSame && i < ports.Length; i++)
            areSame = ports[i].Number == others[i].Number && ports[i].Name.AsSpan().SequenceEqual(others[i].Name) && ports[i].Protocol.AsSpan().SequenceEqual(others[i].Protocol);
        return areSame;
    }
}

/// <summary>One endpoint.</summary>
/// <param name="Host">The content of its label: its hostname in lower case, or its <see cref="DashedAddress"/>.</param>
/// <param name="Address">4 or 16 bytes.</param>
public readonly record struct ClusterEndpoint(byte[] Host, byte[] Address, bool IsReady)
{
    internal bool IsSame(in ClusterEndpoint other) => Host.AsSpan().SequenceEqual(other.Host) && Address.AsSpan().SequenceEqual(other.Address);
}

/// <summary>Endpoints that have the same ports, as one EndpointSlice tells of them. Immutable, shared by the versions of a Service.</summary>
public sealed class ClusterEndpoints
{
    private static readonly SipHash _hash = SipHash.CreateRandom();

    private readonly ClusterPort[] _ports;
    private readonly ClusterEndpoint[] _items; // by host, then by address
    private readonly uint[] _hashes; // of the hosts, sorted: that a host is not in this slice of a Service with many costs no look at the hosts themselves

    public ClusterEndpoints(IEnumerable<ClusterPort> ports, IEnumerable<ClusterEndpoint> items)
    {
        _ports = [.. ports];
        _items = [.. items];
        Array.Sort(_items, Compare);
        _hashes = Array.ConvertAll(_items, item => HashOf(item.Host));
        Array.Sort(_hashes);
    }

    internal ClusterPort[] Ports => _ports;

    internal ReadOnlySpan<ClusterEndpoint> Items => _items;

    internal static uint HashOf(ReadOnlySpan<byte> host) => (uint)_hash.Compute(host);

    /// <summary>Whether there may be an endpoint of the host with this <see cref="HashOf"/>.</summary>
    internal bool MayHave(uint hash) => Array.BinarySearch(_hashes, hash) >= 0;

    /// <summary>Where the endpoints are that a name is about.</summary>
    internal Range RangeOf(in ClusterName name)
    {
        if (name.Kind != ClusterNameKind.Endpoint)
            return Range.All;
        int start = LowerBound(name.Host);
        int end = start;
        while (end < _items.Length && name.Host.SequenceEqual(_items[end].Host))
            end++;
        return start..end;
    }

    /// <summary>The number of ports that a name is about; endpoints without any count as having one, of no name and number.</summary>
    internal int CountPorts(in ClusterName name)
    {
        if (_ports.Length == 0)
            return name.Kind == ClusterNameKind.Port ? 0 : 1;
        int count = 0;
        foreach (ClusterPort port in _ports)
            count += port.Matches(name) ? 1 : 0;
        return count;
    }

    internal bool HasPort(in ClusterName name, ushort number)
    {
        foreach (ClusterPort port in _ports)
        {
            if (port.Number == number && port.Matches(name))
                return true;
        }

        return false;
    }

    /// <summary>Whether there is an endpoint of this host, ready unless others do too.</summary>
    /// <param name="address">Its address; empty: any.</param>
    internal bool Has(ReadOnlySpan<byte> host, ReadOnlySpan<byte> address, bool unreadyToo)
    {
        for (int i = LowerBound(host); i < _items.Length && host.SequenceEqual(_items[i].Host); i++)
        {
            if ((_items[i].IsReady || unreadyToo) && (address.IsEmpty || address.SequenceEqual(_items[i].Address)))
                return true;
        }

        return false;
    }

    private int LowerBound(ReadOnlySpan<byte> host)
    {
        (int low, int high) = (0, _items.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (host.SequenceCompareTo(_items[middle].Host) > 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private static int Compare(ClusterEndpoint one, ClusterEndpoint other)
    {
        int order = one.Host.AsSpan().SequenceCompareTo(other.Host);
        return order != 0 ? order : one.Address.AsSpan().SequenceCompareTo(other.Address);
    }
}

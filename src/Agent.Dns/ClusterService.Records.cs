using System.Buffers.Binary;

namespace Agent.Dns;

// The records of a Service's names.
public sealed partial class ClusterService
{
    /// <summary>Adds the addresses of one family that a name has.</summary>
    /// <param name="owner">What the records' owner is written as.</param>
    internal void AddAddresses(in ClusterName name, ushort type, scoped ReadOnlySpan<byte> owner, ref ClusterReply reply)
    {
        if (!UsesEndpoints(name))
        {
            foreach (byte[] address in Addresses)
                reply.AddAddress(owner, address, type);
            return;
        }

        int start = reply.Length;
        for (int i = 0; i < Slices.Length && !reply.IsFull; i++)
        {
            if (Slices[i].CountPorts(name) == 0)
                continue;
            (int at, int end) = Bounds(i, name);
            for (; at < end; at++)
            {
                ref readonly ClusterEndpoint endpoint = ref Slices[i].Items[at];
                bool isNew = name.Kind switch
                {
                    ClusterNameKind.Endpoint => !IsRepeated(name, i, at),
                    // The earlier one may have been of another port.
                    ClusterNameKind.Port => _repeats?[i]?[at] != true || !reply.HasAddress(start, owner.Length, endpoint.Address),
                    _ => _repeats?[i]?[at] != true,
                };
                if (isNew && IsPublished(endpoint))
                    reply.AddAddress(owner, endpoint.Address, type);
            }
        }
    }

    /// <summary>Adds the SRV records that a name has.</summary>
    internal void AddServers(in ClusterName name, ref ClusterReply reply)
    {
        if (!UsesEndpoints(name))
        {
            int share = WeightOf(CountPorts(name) * Addresses.Length);
            foreach (ClusterPort port in Ports)
            {
                if (port.Number != 0 && port.Matches(name) && IsFirst(port, Ports, name))
                    reply.AddServer(share, port.Number, [], Key);
            }

            return;
        }

        int weight = WeightOf(CountServers(name));
        for (int i = 0; i < Slices.Length; i++)
        {
            (int at, int end) = Bounds(i, name);
            for (; at < end && !reply.IsFull; at++)
            {
                if (IsPublished(Slices[i].Items[at]) && !IsHostRepeated(i, at))
                    AddServers(name, i, at, weight, ref reply);
            }
        }
    }

    /// <summary>Adds the addresses of the servers that <see cref="AddServers(in ClusterName, ref ClusterReply)"/> named.</summary>
    internal void AddServerAddresses(in ClusterName name, ref ClusterReply reply)
    {
        Span<byte> owner = stackalloc byte[1 + 63 + sizeof(ushort)];
        if (!UsesEndpoints(name))
        {
            BinaryPrimitives.WriteUInt16BigEndian(owner, ClusterReply.PointerTo(name.ServiceOffset));
            foreach (byte[] address in Addresses)
                reply.AddAddress(owner[..sizeof(ushort)], address);
            return;
        }

        for (int i = 0; i < Slices.Length; i++)
        {
            if (Slices[i].CountPorts(name) == 0)
                continue;
            (int at, int end) = Bounds(i, name);
            for (; at < end && !reply.IsFull; at++)
            {
                ref readonly ClusterEndpoint endpoint = ref Slices[i].Items[at];
                if (!IsPublished(endpoint) || IsRepeated(name, i, at))
                    continue;
                int pointer = 1 + endpoint.Host.Length;
                owner[0] = (byte)endpoint.Host.Length;
                endpoint.Host.CopyTo(owner[1..]);
                BinaryPrimitives.WriteUInt16BigEndian(owner[pointer..], ClusterReply.PointerTo(name.ServiceOffset));
                reply.AddAddress(owner[..(pointer + sizeof(ushort))], endpoint.Address);
            }
        }
    }

    private void AddServers(in ClusterName name, int slice, int endpoint, int weight, ref ClusterReply reply)
    {
        byte[] host = Slices[slice].Items[endpoint].Host;
        ClusterPort[] ports = Slices[slice].Ports;
        foreach (ClusterPort port in ports)
        {
            if (port.Number != 0 && port.Matches(name) && IsFirst(port, ports, name) && !IsServedBefore(name, slice, host, port.Number))
                reply.AddServer(weight, port.Number, host, Key);
        }
    }

    /// <summary>Whether an earlier slice has the same host and port: with addresses of both families a host is one server.</summary>
    private bool IsServedBefore(in ClusterName name, int slice, ReadOnlySpan<byte> host, ushort port)
    {
        for (int i = 0; i < slice; i++)
        {
            if (Slices[i].HasPort(name, port) && Slices[i].Has(host, [], PublishesNotReady))
                return true;
        }

        return false;
    }

    /// <summary>Whether no earlier one of these ports that the name is about has the same number.</summary>
    private static bool IsFirst(ClusterPort port, ClusterPort[] ports, in ClusterName name)
    {
        for (int i = 0; !ReferenceEquals(ports[i], port); i++)
        {
            if (ports[i].Number == port.Number && ports[i].Matches(name))
                return false;
        }

        return true;
    }

    /// <summary>Whether an earlier endpoint that the name is about is the same; they are sorted.</summary>
    private bool IsRepeated(in ClusterName name, int slice, int endpoint)
    {
        ReadOnlySpan<ClusterEndpoint> items = Slices[slice].Items;
        for (int i = endpoint - 1; i >= 0 && items[i].IsSame(items[endpoint]); i--)
        {
            if (IsPublished(items[i]))
                return true;
        }

        for (int i = 0; i < slice; i++)
        {
            if (Slices[i].CountPorts(name) > 0 && Slices[i].Has(items[endpoint].Host, items[endpoint].Address, PublishesNotReady))
                return true;
        }

        return false;
    }

    /// <summary>Whether an earlier endpoint of the slice, whose ports are the same, has the same host.</summary>
    private bool IsHostRepeated(int slice, int endpoint)
    {
        ReadOnlySpan<ClusterEndpoint> items = Slices[slice].Items;
        ReadOnlySpan<byte> host = items[endpoint].Host;
        for (int i = endpoint - 1; i >= 0 && host.SequenceEqual(items[i].Host); i--)
        {
            if (IsPublished(items[i]))
                return true;
        }

        return false;
    }

    private (int Start, int End) Bounds(int slice, in ClusterName name)
    {
        (int offset, int length) = Slices[slice].RangeOf(name).GetOffsetAndLength(Slices[slice].Items.Length);
        return (offset, offset + length);
    }

    // As CoreDNS has it: a hundred, shared by all.
    private static int WeightOf(int servers) => Math.Max(1, 100 / Math.Max(1, servers));
}

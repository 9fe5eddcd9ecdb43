namespace Agent.Dns;

/// <summary>The table of the cluster's names as bytes.</summary>
public static class ClusterSnapshot
{
    private const int MaxLabel = 63;
    private const byte End = 0; // in place of the next key, whose first byte is a length

    public static void Write(ClusterNames names, BinaryWriter to)
    {
        ClusterTables tables = names.Tables;
        to.Write(names.Serial);
        foreach (ClusterService service in tables.Services.Values)
            WriteService(service, to);
        to.Write(End);
        foreach (byte[] label in tables.Namespaces.Values)
            WriteBytes(label, to);
        to.Write(End);
        foreach (byte[] pod in tables.Pods.Values)
            WriteBytes(pod, to);
        to.Write(End);
    }

    /// <summary>Makes the table that was written, answered as <paramref name="zone"/> says.</summary>
    /// <exception cref="FormatException">It is no table.</exception>
    /// <exception cref="EndOfStreamException">There are fewer bytes than there should be.</exception>
    public static ClusterNames Read(ClusterZone zone, BinaryReader from)
    {
        ClusterNamesBuilder builder = new(zone);
        uint serial = from.ReadUInt32();
        for (byte[] key = ReadBytes(from); key.Length > 0; key = ReadBytes(from))
            builder.Set(LabelsIn(key, count: 2), ReadService(key, from));
        for (byte[] label = ReadBytes(from); label.Length > 0; label = ReadBytes(from))
            builder.SetNamespace(LabelsIn(label, count: 1), exists: true);
        for (byte[] pod = ReadBytes(from); pod.Length > 0; pod = ReadBytes(from))
        {
            int label = 1 + pod[0];
            if (pod.Length != label + 4 && pod.Length != label + 16)
                throw new FormatException("a pod without an address");
            builder.SetPod(LabelsIn(pod[..label], count: 1), pod[label..], exists: true);
        }

        return builder.Build(serial, out _);
    }

    private static void WriteService(ClusterService service, BinaryWriter to)
    {
        WriteBytes(service.Key, to);
        to.Write((byte)service.Kind);
        to.Write(service.PublishesNotReady);
        WriteBytes(service.Target, to);
        to.Write7BitEncodedInt(service.Addresses.Length);
        foreach (byte[] address in service.Addresses)
            WriteBytes(address, to);
        WritePorts(service.Ports, to);
        to.Write7BitEncodedInt(service.Slices.Length);
        foreach (ClusterEndpoints slice in service.Slices)
        {
            WritePorts(slice.Ports, to);
            to.Write7BitEncodedInt(slice.Items.Length);
            foreach (ref readonly ClusterEndpoint endpoint in slice.Items)
            {
                WriteBytes(endpoint.Host, to);
                WriteBytes(endpoint.Address, to);
                to.Write(endpoint.IsReady);
            }
        }
    }

    private static ClusterService ReadService(byte[] key, BinaryReader from)
    {
        ClusterServiceKind kind = (ClusterServiceKind)from.ReadByte();
        if (!Enum.IsDefined(kind))
            throw new FormatException("a Service of no kind");
        bool publishesNotReady = from.ReadBoolean();
        byte[] target = ReadTarget(kind, from);
        byte[][] addresses = ReadMany(from, ReadAddress);
        ClusterPort[] ports = ReadMany(from, ReadPort);
        return new ClusterService(key, kind, publishesNotReady, ReadMany(from, ReadSlice)) { Addresses = addresses, Ports = ports, Target = target };
    }

    private static ClusterEndpoints ReadSlice(BinaryReader from) => new(ReadMany(from, ReadPort), ReadMany(from, ReadEndpoint));

    private static ClusterEndpoint ReadEndpoint(BinaryReader from)
    {
        byte[] host = ReadBytes(from);
        return host.Length is > 0 and <= MaxLabel
            ? new ClusterEndpoint(host, ReadAddress(from), from.ReadBoolean())
            : throw new FormatException("an endpoint whose host is no label");
    }

    private static void WritePorts(ClusterPort[] ports, BinaryWriter to)
    {
        to.Write7BitEncodedInt(ports.Length);
        foreach (ClusterPort port in ports)
        {
            WriteBytes(port.Name, to);
            WriteBytes(port.Protocol, to);
            to.Write(port.Number);
        }
    }

    private static ClusterPort ReadPort(BinaryReader from)
    {
        ClusterPort port = new(ReadBytes(from), ReadBytes(from), from.ReadUInt16());
        // One byte less than a label: they are asked for with an underscore.
        return port.Name.Length < MaxLabel && port.Protocol.Length is > 0 and < MaxLabel ? port : throw new FormatException("a port whose name is no label");
    }

    private static byte[] ReadAddress(BinaryReader from)
    {
        byte[] address = ReadBytes(from);
        return address.Length is 4 or 16 ? address : throw new FormatException("an address of another size than 4 and 16 bytes");
    }

    private static byte[] ReadTarget(ClusterServiceKind kind, BinaryReader from)
    {
        byte[] target = ReadBytes(from);
        if (target.Length != (kind == ClusterServiceKind.ExternalName ? DnsName.Measure(target) : 0) || (kind == ClusterServiceKind.ExternalName && target.Length == 0))
            throw new FormatException("a target that is no name");
        DnsName.ToLower(target, target);
        return target;
    }

    private static T[] ReadMany<T>(BinaryReader from, Func<BinaryReader, T> read)
    {
        // No room is made for a count that is only said to be: what follows must be there.
        List<T> items = [];
        for (int left = from.Read7BitEncodedInt(); left > 0; left--)
            items.Add(read(from));
        return [.. items];
    }

    private static void WriteBytes(ReadOnlySpan<byte> bytes, BinaryWriter to)
    {
        to.Write((byte)bytes.Length);
        to.Write(bytes);
    }

    private static byte[] ReadBytes(BinaryReader from)
    {
        byte[] bytes = new byte[from.ReadByte()];
        from.BaseStream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The same bytes, which are so many labels and nothing else.</summary>
    private static byte[] LabelsIn(byte[] bytes, int count)
    {
        int labels = 0;
        int offset = 0;
        for (; offset < bytes.Length && bytes[offset] is > 0 and <= MaxLabel; offset += 1 + bytes[offset])
            labels++;
        return offset == bytes.Length && labels == count ? bytes : throw new FormatException("a name of another number of labels");
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Agent.Native;

// Each struct mirrors the one of the same name in bpf/layout.h; BpfLayoutTests compares them with the object's BTF.

[InlineArray(16)]
public struct AddressBytes
{
    private byte _first;
}

/// <summary>Where a socket points. IPv4 addresses are kept v4-mapped.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 20)]
public struct Endpoint : IEquatable<Endpoint>
{
    public const byte Tcp = 6;
    public const byte Udp = 17;

    public AddressBytes address;
    public ushort port; // network order
    public byte protocol;
    public byte reserved;

    public static Endpoint From(IPEndPoint endPoint, byte protocol)
    {
        Endpoint endpoint = new()
        {
            port = BinaryPrimitives.ReverseEndianness((ushort)endPoint.Port),
            protocol = protocol,
        };
        endPoint.Address.MapToIPv6().TryWriteBytes(endpoint.address, out _);
        return endpoint;
    }

    public readonly IPEndPoint ToEndPoint()
    {
        IPAddress ip = new((ReadOnlySpan<byte>)address);
        return new IPEndPoint(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, BinaryPrimitives.ReverseEndianness(port));
    }

    public override readonly string ToString() => $"{ToEndPoint()}/{(protocol == Tcp ? "TCP" : "UDP")}";

    public readonly bool Equals(Endpoint other) => Bytes(this).SequenceEqual(Bytes(other));

    public override readonly bool Equals(object? obj) => obj is Endpoint other && Equals(other);

    public override readonly int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes(this));
        return hash.ToHashCode();
    }

    private static ReadOnlySpan<byte> Bytes(in Endpoint endpoint) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<Endpoint>(in endpoint));
}

[Flags]
public enum FrontendFlags : uint
{
    None = 0,

    /// <summary>The agent itself serves this frontend while it is alive and well.</summary>
    Agent = 1,

    /// <summary><c>skipped_cgroups</c> may hold some for this frontend.</summary>
    Skips = 2,

    /// <summary>The fallback are the cluster's own DNS servers. Kept for the next agent, which may start while the API server is away.</summary>
    ClusterDns = 4,
}

[StructLayout(LayoutKind.Sequential, Size = 28)]
public struct Frontend
{
    public Endpoint agent;
    public FrontendFlags flags;
    public ushort local_count;
    public ushort fallback_count;
}

public enum BackendKind : ushort
{
    Local,
    Fallback,
}

[StructLayout(LayoutKind.Sequential, Size = 24)]
public struct BackendKey
{
    public Endpoint frontend;
    public BackendKind kind;
    public ushort slot;
}

[StructLayout(LayoutKind.Sequential, Size = 32)]
public struct ReverseKey
{
    public ulong cookie;
    public Endpoint backend;
    public uint reserved;
}

[InlineArray(2)]
public struct ProbeCookies
{
    private ulong _first;
}

[StructLayout(LayoutKind.Sequential, Size = 40)]
public struct AgentLease
{
    /// <summary>LAYOUT_VERSION of bpf/layout.h.</summary>
    public const uint LayoutVersion = 3;

    /// <summary>OWNER_ID_MASK of bpf/layout.h. As an owner: nobody's thread, so it lives until it is written over.</summary>
    public const uint OwnerIdMask = 0x3fffffff;

    public uint layout_version;
    public uint owner;
    public ulong deadline_ns;
    public ulong fallback_until_ns;
    public ProbeCookies probe_cookies;
}

[StructLayout(LayoutKind.Sequential, Size = 8)]
public struct Observers
{
    public ulong until_ns;
}

/// <summary>What a cgroup's processes get. Of a process's own cgroup and those above it, the nearest that has a mode decides.</summary>
public enum CgroupMode : uint
{
    /// <summary>Left alone: processes directly in the cgroup.</summary>
    ExcludeExact = 1,

    /// <summary>And those in the cgroups below it.</summary>
    ExcludeSubtree = 2,

    /// <summary>Redirected, those in the cgroups below it too.</summary>
    IncludeSubtree = 3,
}

/// <summary>A backend's pod that asks the frontend which it stands behind.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
public record struct SkipKey
{
    public ulong cgroup_id;
    public Endpoint frontend;
    public uint reserved;
}

/// <summary>How often the kernel decided what, for one frontend on one processor.</summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
public struct OutcomeCounters
{
    public ulong agent;
    public ulong local;
    public ulong fallback;
    public ulong untouched;
    public ulong excluded;
}

[InlineArray(16)]
public struct CommandName
{
    private byte _first;

    public override readonly string ToString() => Encoding.UTF8.GetString(this).TrimEnd('\0');
}

[StructLayout(LayoutKind.Sequential, Size = 88)]
public struct RedirectEvent
{
    public ulong time_ns;
    public ulong cookie;
    public ulong cgroup_id;
    public uint pid;
    public uint outcome;
    public Endpoint frontend;
    public Endpoint target;
    public CommandName comm;
}

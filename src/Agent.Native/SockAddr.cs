using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;

namespace Agent.Native;

/// <summary>A <c>sockaddr_in</c> or <c>sockaddr_in6</c> as the kernel writes it: copied, compared and sent back without parsing.</summary>
[InlineArray(Size)]
public struct SockAddr
{
    /// <summary>Bytes: the size of <c>sockaddr_in6</c>, the larger of the two.</summary>
    public const int Size = 28;

    private byte _first;

    public static SockAddr From(IPEndPoint endPoint)
    {
        SockAddr address = default;
        Span<byte> bytes = address;
        bool isV4 = endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        BitConverter.TryWriteBytes(bytes, (ushort)(isV4 ? Libc.AF_INET : Libc.AF_INET6));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)endPoint.Port);
        endPoint.Address.TryWriteBytes(bytes[(isV4 ? 4 : 8)..], out _);
        if (!isV4)
            BitConverter.TryWriteBytes(bytes[24..], (uint)endPoint.Address.ScopeId);
        return address;
    }

    /// <summary>AF_INET or AF_INET6.</summary>
    public readonly int Family => BitConverter.ToUInt16(this);

    public readonly bool IsV4 => Family == Libc.AF_INET;

    /// <summary>Bytes that the kernel expects for this family.</summary>
    public readonly uint Length => Family == Libc.AF_INET ? 16u : Size;

    /// <summary>The address alone in network order: 4 bytes or 16.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AddressBytes =>
        Family == Libc.AF_INET ? ((ReadOnlySpan<byte>)this).Slice(4, 4) : ((ReadOnlySpan<byte>)this).Slice(8, 16);

    public readonly IPEndPoint ToEndPoint() =>
        new(IsV4 ? new IPAddress(AddressBytes) : new IPAddress(AddressBytes, BitConverter.ToUInt32(((ReadOnlySpan<byte>)this)[24..])), BinaryPrimitives.ReadUInt16BigEndian(((ReadOnlySpan<byte>)this)[2..]));
}

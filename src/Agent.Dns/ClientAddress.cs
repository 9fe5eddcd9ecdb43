using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>
/// Who asks: an IPv6 address, or an IPv4 address in its v4-mapped form. The whole address, also of IPv6: the pods of one node share a /64,
/// and a limit for that would be one for the node.
/// </summary>
/// <param name="Value">In host order, so that prefixes are ranges.</param>
public readonly record struct ClientAddress(UInt128 Value)
{
    /// <summary>Where v4-mapped addresses start: <c>::ffff:0:0</c> (RFC 4291 section 2.5.5.2).</summary>
    internal static readonly UInt128 FirstV4 = 0xFFFF_0000_0000;

    /// <param name="bytes">4 or 16 bytes in network order, as a socket address has them.</param>
    public static ClientAddress From(ReadOnlySpan<byte> bytes) =>
        new(bytes.Length == sizeof(uint) ? FirstV4 + BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>What it is found by in a table: 64 bits under a secret key, so that nobody chooses whom to share a place with.</summary>
    internal ulong Hash(in SipHash hash)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return hash.Compute(bytes);
    }
}

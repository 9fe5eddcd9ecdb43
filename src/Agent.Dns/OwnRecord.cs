using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>One record that the configuration gives, of class IN.</summary>
/// <param name="Name">Expanded, lower case.</param>
/// <param name="Ttl">Seconds.</param>
/// <param name="Data">RDATA, the names in it expanded.</param>
public sealed record OwnRecord(byte[] Name, ushort Type, uint Ttl, byte[] Data)
{
    private const ushort ClassIn = 1;
    private const uint NegativeTtl = 60; // seconds: a changed configuration is seen soon

    /// <summary>Stands for the question's name, whatever that is: this is how wildcards and rewritten names get the client's.</summary>
    internal static ReadOnlySpan<byte> QuestionName => [0xC0, Header.Size];

    /// <summary>The SOA of a zone without servers (as in RFC 6303 section 3), so that clients may keep that a name is not there.</summary>
    internal static OwnRecord Soa(byte[] zone)
    {
        byte[] numbers = new byte[20]; // serial 1; refresh, retry and expire mean nothing here
        numbers[3] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(numbers.AsSpan(16), NegativeTtl);
        return new OwnRecord(zone, RecordType.Soa, NegativeTtl, [.. zone, .. "\x06nobody\x07invalid\0"u8, .. numbers]);
    }

    /// <summary>A CNAME record in wire form.</summary>
    internal static byte[] Alias(ReadOnlySpan<byte> owner, byte[] target, uint ttl) => new OwnRecord([], RecordType.Cname, ttl, target).ToBytes(owner);

    /// <summary>The record in wire form, under an owner of the caller's.</summary>
    internal byte[] ToBytes(ReadOnlySpan<byte> owner)
    {
        byte[] bytes = new byte[owner.Length + 10 + Data.Length];
        owner.CopyTo(bytes);
        Span<byte> rest = bytes.AsSpan(owner.Length);
        BinaryPrimitives.WriteUInt16BigEndian(rest, Type);
        BinaryPrimitives.WriteUInt16BigEndian(rest[2..], ClassIn);
        BinaryPrimitives.WriteUInt32BigEndian(rest[4..], Ttl);
        BinaryPrimitives.WriteUInt16BigEndian(rest[8..], (ushort)Data.Length);
        Data.CopyTo(rest[10..]);
        return bytes;
    }
}

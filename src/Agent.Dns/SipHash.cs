using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Agent.Dns;

/// <summary>
/// SipHash-1-3 under a secret key (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): who asks cannot choose names that
/// collide.
/// </summary>
public readonly struct SipHash(ulong key0, ulong key1)
{
    /// <summary>A hash with a key of its own, for the life of the process.</summary>
    public static SipHash CreateRandom()
    {
        Span<ulong> key = stackalloc ulong[2];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(key));
        return new SipHash(key[0], key[1]);
    }

    public ulong Compute(ReadOnlySpan<byte> bytes)
    {
        ulong v0 = key0 ^ 0x736f6d6570736575;
        ulong v1 = key1 ^ 0x646f72616e646f6d;
        ulong v2 = key0 ^ 0x6c7967656e657261;
        ulong v3 = key1 ^ 0x7465646279746573;
        ulong last = (ulong)bytes.Length << 56;

        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            v3 ^= word;
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
        }

        for (int i = 0; i < bytes.Length; i++)
            last |= (ulong)bytes[i] << (8 * i);
        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;

        v2 ^= 0xFF;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}

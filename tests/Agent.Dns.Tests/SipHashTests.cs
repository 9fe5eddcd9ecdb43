using System.Buffers.Binary;
using System.Numerics;

namespace Agent.Dns.Tests;

public class SipHashTests
{
    private const ulong Key0 = 0x0706050403020100;
    private const ulong Key1 = 0x0f0e0d0c0b0a0908;

    /// <summary>SipHash-c-d, word for word from the paper (Aumasson and Bernstein, 2012, section 2).</summary>
    private static ulong Reference(int compressionRounds, int finalRounds, ulong k0, ulong k1, byte[] input)
    {
        ulong[] v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573];
        byte[] padded = new byte[input.Length / 8 * 8 + 8];
        input.CopyTo(padded, 0);
        padded[^1] = (byte)input.Length;
        for (int i = 0; i < padded.Length; i += 8)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(padded.AsSpan(i));
            v[3] ^= word;
            SipRounds(v, compressionRounds);
            v[0] ^= word;
        }

        v[2] ^= 0xFF;
        SipRounds(v, finalRounds);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
    }

    private static void SipRounds(ulong[] v, int count)
    {
        for (; count > 0; count--)
        {
            v[0] += v[1];
            v[2] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 13);
            v[3] = BitOperations.RotateLeft(v[3], 16);
            v[1] ^= v[0];
            v[3] ^= v[2];
            v[0] = BitOperations.RotateLeft(v[0], 32);
            v[2] += v[1];
            v[0] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 17);
            v[3] = BitOperations.RotateLeft(v[3], 21);
            v[1] ^= v[2];
            v[3] ^= v[0];
            v[2] = BitOperations.RotateLeft(v[2], 32);
        }
    }

    private static byte[] Counting(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)i)];

    // The first vectors of vectors_sip64 in the authors' reference code, and the paper's own (15 bytes).
    [Theory]
    [InlineData(0, 0x726fdb47dd0e0e31)]
    [InlineData(1, 0x74f839c593dc67fd)]
    [InlineData(2, 0x0d6c8009d9a94f5a)]
    [InlineData(3, 0x85676696d7fb7e2d)]
    [InlineData(7, 0xab0200f58b01d137)]
    [InlineData(8, 0x93f5f5799a932462)]
    [InlineData(15, 0xa129ca6149be45e5)]
    public void The_reference_in_this_test_gives_the_published_vectors_of_SipHash_2_4(int length, ulong expected) =>
        Assert.Equal(expected, Reference(2, 4, Key0, Key1, Counting(length)));

    [Fact]
    public void SipHash_1_3_is_the_reference_at_every_length()
    {
        for (int length = 0; length <= 300; length++)
            Assert.Equal(Reference(1, 3, Key0, Key1, Counting(length)), new SipHash(Key0, Key1).Compute(Counting(length)));
    }

    [Fact]
    public void SipHash_1_3_is_the_reference_for_random_keys_and_inputs()
    {
        Random random = new(4);
        for (int round = 0; round < 5_000; round++)
        {
            (ulong k0, ulong k1) = ((ulong)random.NextInt64(), (ulong)random.NextInt64() << 1);
            byte[] input = new byte[random.Next(70)];
            random.NextBytes(input);
            Assert.Equal(Reference(1, 3, k0, k1, input), new SipHash(k0, k1).Compute(input));
        }
    }

    [Fact]
    public void A16_two_hashes_hash_one_name_differently()
    {
        byte[] name = Counting(20);
        Assert.Equal(100, Enumerable.Range(0, 100).Select(_ => SipHash.CreateRandom().Compute(name)).Distinct().Count());
    }
}

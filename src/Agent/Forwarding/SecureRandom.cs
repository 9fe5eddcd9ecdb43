using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Agent.Forwarding;

/// <summary>Numbers nobody can predict (RFC 5452 section 9.2), drawn from the cryptographic generator many at a time. For one thread.</summary>
internal sealed class SecureRandom
{
    private readonly ulong[] _drawn = new ulong[256];
    private int _used = 256;

    public ulong Next()
    {
        if (_used == _drawn.Length)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_drawn.AsSpan()));
            _used = 0;
        }

        return _drawn[_used++];
    }

    /// <summary>A query ID.</summary>
    public ushort NextId() => (ushort)Next();
}

using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Agent.Forwarding;

/// <summary>Query IDs nobody can predict (RFC 5452 section 9.2), drawn from the cryptographic generator many at a time. For one thread.</summary>
internal sealed class RandomIds
{
    private readonly ushort[] _drawn = new ushort[512];
    private int _used = 512;

    public ushort Next()
    {
        if (_used == _drawn.Length)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_drawn.AsSpan()));
            _used = 0;
        }

        return _drawn[_used++];
    }
}

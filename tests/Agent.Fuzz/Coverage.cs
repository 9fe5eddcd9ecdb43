using SharpFuzz.Common;

namespace Agent.Fuzz;

/// <summary>
/// Which branches of the product one campaign's inputs took, where SharpFuzz has instrumented it, as `make fuzz` does; else nothing is ever new.
/// One input at a time, in one thread. What a target's own threads do meanwhile counts too.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16; // SharpFuzz writes no further

    private static readonly byte[] _hits = GC.AllocateArray<byte>(Size, pinned: true);

    private readonly byte[] _seen = new byte[Size]; // for each branch, which powers of two of hits

    /// <summary>Pairs of branches, one taken after the other.</summary>
    public int Branches => _seen.Count(powers => powers != 0);

    /// <summary>To be called before anything of the product runs: what is instrumented writes there from its first branch on.</summary>
    public static void Start()
    {
        fixed (byte* hits = _hits)
            Trace.SharedMem = hits;
    }

    public static void Begin() => _hits.AsSpan().Clear();

    /// <summary>Whether what ran since <see cref="Begin"/> took a branch that nothing before took, or took one twice as often.</summary>
    public bool TakesNew()
    {
        bool isNew = false;
        Span<byte> hits = _hits;
        for (int i = hits.IndexOfAnyExcept((byte)0); i >= 0 && i < Size; i++)
        {
            byte power = hits[i] == 0 ? (byte)0 : (byte)(1 << (int)Math.Log2(hits[i]));
            isNew |= (power & ~_seen[i]) != 0;
            _seen[i] |= power;
        }

        return isNew;
    }
}

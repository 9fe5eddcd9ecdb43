namespace Agent.Dns;

/// <summary>The question that upstreams are asked in place of a client's, and how their answer becomes the answer to the client. Immutable.</summary>
public sealed record Detour
{
    /// <summary>The key of the question that is sent.</summary>
    public required byte[] Asked { get; init; }

    /// <summary>
    /// The CNAME records that lead from the client's name to the one that is asked, in wire form behind the question; empty when that name stands
    /// in for the client's and is given back as the client's.
    /// </summary>
    public byte[] Aliases { get; init; } = [];

    /// <summary>The smallest TTL of <see cref="Aliases"/>.</summary>
    public uint AliasTtl { get; init; } = uint.MaxValue;

    /// <summary>Bytes of the client's name, from its end, that were rewritten; 0: none.</summary>
    public int RewrittenLength { get; init; }

    /// <summary>The answer to the AAAA question that this one for A follows (RFC 6147); none when there was none.</summary>
    public CacheEntry WithoutAaaa { get; init; }

    /// <summary>The name that is asked.</summary>
    public ReadOnlySpan<byte> Name => Asked.AsSpan(..^5);
}

/// <summary>A client's question on its way to the upstreams.</summary>
/// <param name="key">The key that its answer is cached under.</param>
/// <param name="detour">Null: it is asked as it is.</param>
public readonly ref struct Question(ReadOnlySpan<byte> key, Detour? detour)
{
    public ReadOnlySpan<byte> Key { get; } = key;

    public Detour? Detour => detour;

    /// <summary>The key of the question that is sent.</summary>
    public ReadOnlySpan<byte> Asked => detour == null ? Key : detour.Asked;

    /// <summary>Whether A records are asked for to make AAAA records of them.</summary>
    internal bool IsForMade => detour != null && !Key[^2..].SequenceEqual(detour.Asked.AsSpan(^2..));
}

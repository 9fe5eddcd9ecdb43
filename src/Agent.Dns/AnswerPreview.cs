namespace Agent.Dns;

/// <summary>Where an answer comes from.</summary>
public enum AnswerSource
{
    /// <summary>A section of the configuration that says something of names.</summary>
    Configuration,

    /// <summary>The table of the cluster's names.</summary>
    Table,
    Cache,

    /// <summary>Names that no upstream should see (RFC 6761, RFC 8482).</summary>
    SpecialName,
    Upstream,
}

/// <summary>What a client would get for one question.</summary>
/// <param name="Detail">Of the configuration the key, of the cache the state: <c>fresh</c>, <c>stale</c> or <c>failure</c>; else empty.</param>
/// <param name="Asked">The name that an upstream would be asked for.</param>
/// <param name="ResponseCode">Null: an upstream decides.</param>
/// <param name="TtlSeconds">Seconds that a cached answer is still fresh; null for others.</param>
/// <param name="Records">Answer and authority, as in a zone file.</param>
public sealed record PreviewedAnswer(
    AnswerSource Source, string Detail, byte[] Asked, ResponseCode? ResponseCode, double? TtlSeconds, IReadOnlyList<string> Records, StepOutcome Outcome);

/// <summary>
/// Finds out what this node would answer, for a person who wants to know: without asking anybody, and without a trace in the cache. It decides as
/// <see cref="Resolver"/> does, over TCP.
/// </summary>
public sealed class AnswerPreview(ResponseCache cache, OwnNames? own, ClusterNames? cluster)
{
    private readonly byte[] _reply = new byte[ushort.MaxValue];

    /// <summary>The key of a question without flags.</summary>
    /// <param name="name">Expanded, lower case.</param>
    public static byte[] KeyOf(ReadOnlySpan<byte> name, ushort type) => [.. name, 0, 1, (byte)KeyFlags.None, (byte)(type >> 8), (byte)type];

    /// <param name="key">Of <see cref="KeyOf"/>.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public PreviewedAnswer Of(ReadOnlySpan<byte> key, long now)
    {
        byte[] head = [0, 0, Header.RecursionDesired, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. key[..^5], .. key[^2..], .. key[^5..^3]];
        Query query = Query.OfStep(head, key);
        if (own?.TryAnswer(query, isUdp: false, _reply, out int length) == true)
            return Local(query, AnswerSource.Configuration, own.SourceOf(query), length);
        if (cluster?.TryAnswer(query, _reply, out length) == true)
            return Local(query, AnswerSource.Table, "", length);
        if (cache.Peek(query, now) is { IsNone: false } entry)
        {
            CachedAnswer cached = CachedAnswer.Of(entry, isPopular: false, now);
            return Local(query, AnswerSource.Cache, cached.State, entry.WriteTo(query, now, _reply)) with { TtlSeconds = cached.TtlSeconds };
        }

        if (SpecialNames.TryAnswer(query, isUdp: false, _reply, out length))
            return Local(query, AnswerSource.SpecialName, "", length);
        byte[] asked = (own?.FindDetour(query) ?? cluster?.FindDetour(query))?.Name.ToArray() ?? key[..^5].ToArray();
        return new PreviewedAnswer(AnswerSource.Upstream, "", asked, null, null, [], StepOutcome.Unknown);
    }

    private PreviewedAnswer Local(in Query query, AnswerSource source, string detail, int length)
    {
        ReadOnlySpan<byte> message = _reply.AsSpan(0, length);
        Header header = new(message);
        IReadOnlyList<string> records = Presentation.Records(message, query.Head.Length);
        StepOutcome outcome = (header.ResponseCode, header.AnswerCount > 0, header.AuthorityCount > 0) switch
        {
            (ResponseCode.NoError, true, _) => StepOutcome.Present,
            (ResponseCode.NoError, false, _) => StepOutcome.Empty,
            (ResponseCode.NxDomain, false, true) => StepOutcome.Absent,
            _ => StepOutcome.Unclear,
        };
        return new PreviewedAnswer(source, detail, query.Name.ToArray(), header.ResponseCode, null, records, outcome);
    }
}

namespace Agent.Dns;

/// <summary>What there is for one step of a walk, as a client would get it.</summary>
public enum StepOutcome
{
    /// <summary>An upstream would have to be asked.</summary>
    Unknown,

    /// <summary>The name does not exist, whatever the type.</summary>
    Absent,

    /// <summary>The name exists, and has no records of the type.</summary>
    Empty,
    Present,

    /// <summary>No answer, or one that is not kept, or does not say what comes next.</summary>
    Unclear,
}

/// <summary>What a walk comes to.</summary>
public enum WalkEnd
{
    /// <summary>The answer to the first step stands, and the client walks on by itself.</summary>
    Plain,

    /// <summary>The step has records: the first name is told to be an alias of the step's.</summary>
    Alias,

    /// <summary>The step has records, but of the other family: the first name is told to have none of this one.</summary>
    NoData,

    /// <summary>The step has to be asked first.</summary>
    Ask,
}

/// <param name="key">Of the step's question.</param>
public delegate StepOutcome StepLookup(ReadOnlySpan<byte> key);

/// <summary>
/// Decides what a search walk comes to, so that its first query can be answered with the end. Only what all resolvers make of the steps counts:
/// glibc and musl both go on behind a name that does not exist and stop where one has records. Where a name exists without records glibc goes
/// on and musl does not, and of a failure each makes something of its own: there the client walks by itself. For one thread.
/// </summary>
/// <remarks>
/// Of each step both families count, whichever is asked for: most clients ask for both at once, and one that is answered with the end in one
/// family and told to walk on in the other takes the first for all there is.
/// </remarks>
public sealed class SearchWalk(StepLookup look)
{
    private readonly byte[] _key = new byte[Query.MaxKeyLength];
    private int _length;

    /// <summary>The question of the step at which the last walk ended.</summary>
    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _length);

    /// <summary>Why a question begins no walk that is shortened; null: it does.</summary>
    public static string? WhyPlain(SearchList list, ClusterNames names, ReadOnlySpan<byte> name, ushort type) =>
        type is not (RecordType.A or RecordType.Aaaa) ? "only for A and AAAA"
        : !list.Begins(name, out _) ? "a walk begins in the first domain of the list, with a name of at least two labels and fewer dots than ndots"
        : names.IsBelowService(name) ? "the first name is one of a Service that the table has"
        : null;

    /// <param name="key">A question for A or AAAA records.</param>
    public WalkEnd Run(SearchList list, ReadOnlySpan<byte> key)
    {
        if (!list.Begins(key[..^5], out int length))
            return WalkEnd.Plain;
        for (int step = 0; step < list.Count; step++)
        {
            _length = list.Write(step, key, length, _key);
            if (_length == 0)
                return WalkEnd.Plain; // a name too long ends glibc's search, and not musl's
            TurnFamily();
            StepOutcome other = look(Key);
            if (other is StepOutcome.Unknown or StepOutcome.Unclear)
                return other == StepOutcome.Unknown ? WalkEnd.Ask : WalkEnd.Plain;
            TurnFamily();
            StepOutcome own = look(Key);
            if (own == StepOutcome.Unknown)
                return WalkEnd.Ask;
            if (own != StepOutcome.Absent || other != StepOutcome.Absent)
                return step == 0 ? WalkEnd.Plain : EndAt(own, other);
        }

        return WalkEnd.Plain;
    }

    private static WalkEnd EndAt(StepOutcome own, StepOutcome other) => (own, other) switch
    {
        // Not with Absent: musl walks on when either family says that the name does not exist.
        (StepOutcome.Present, StepOutcome.Present or StepOutcome.Empty) => WalkEnd.Alias,
        // No alias then: an alias alone counts as an answer for glibc, and who asks for this family alone has to walk on.
        (StepOutcome.Empty, StepOutcome.Present) => WalkEnd.NoData,
        _ => WalkEnd.Plain,
    };

    private void TurnFamily() => _key[_length - 1] = (byte)(_key[_length - 1] == RecordType.A ? RecordType.Aaaa : RecordType.A);
}

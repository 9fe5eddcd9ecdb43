namespace Agent.Dns;

/// <summary>How many queries got each <see cref="Verdict"/> from one serving thread. Written by that thread alone, read by others: a hit costs no shared write.</summary>
public sealed class ServingCounters
{
    private readonly long[] _counts = new long[Enum.GetValues<Verdict>().Length];

    public long Misses => this[Verdict.Forwarded];

    public long Hits => this[Verdict.Hit];

    public long Local => this[Verdict.Local];

    public long Stale => this[Verdict.Stale];

    public long Failed => this[Verdict.Failed];

    public long Refused => this[Verdict.Refused];

    /// <summary>Connections of clients that are dropped count too.</summary>
    public long Denied => this[Verdict.Denied];

    /// <summary>Connections beyond what one client may have count too.</summary>
    public long Limited => this[Verdict.Limited];

    public long Dropped => this[Verdict.Dropped];

    public long this[Verdict verdict] => Volatile.Read(ref _counts[(int)verdict]);

    public void Count(Verdict verdict) => _counts[(int)verdict]++;
}

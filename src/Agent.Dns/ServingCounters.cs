namespace Agent.Dns;

/// <summary>What one serving thread did. Written by that thread alone, read by others: a hit costs no shared write.</summary>
public sealed class ServingCounters
{
    /// <summary>Queries answered from the cache: with fresh answers, kept failures, and expired answers that could not be renewed a moment ago.</summary>
    public long Hits;

    /// <summary>Queries answered from what the agent itself knows.</summary>
    public long Local;

    /// <summary>Queries for which an upstream had to be asked, or was being asked already.</summary>
    public long Misses;

    /// <summary>Answered with an expired answer because no upstream answered.</summary>
    public long Stale;

    /// <summary>Answered with SERVFAIL because no upstream answered.</summary>
    public long Failed;

    /// <summary>Answered with FORMERR, NOTIMP, BADVERS or REFUSED.</summary>
    public long Refused;

    /// <summary>Queries and connections of clients that the access list denies or drops.</summary>
    public long Denied;

    /// <summary>Beyond what one client may have: queries refused, answers withheld, connections not taken. What was looked up before counts there too.</summary>
    public long Limited;

    /// <summary>Not answered: responses, and less than a header.</summary>
    public long Dropped;
}

namespace Agent.Dns;

/// <summary>What became of a query. Each gets one, but for <see cref="Forwarded"/>, which another follows when the answer goes out.</summary>
public enum Verdict : byte
{
    /// <summary>An upstream has to be asked, or is being asked already.</summary>
    Forwarded,

    /// <summary>Answered from the cache: with a fresh answer, a kept failure, or an expired answer that could not be renewed a moment ago.</summary>
    Hit,

    /// <summary>Answered from what the agent itself knows.</summary>
    Local,

    /// <summary>Answered with what an upstream said.</summary>
    Miss,

    /// <summary>Answered with an expired answer because no upstream answered.</summary>
    Stale,

    /// <summary>Answered with SERVFAIL because no upstream answered.</summary>
    Failed,

    /// <summary>Answered with FORMERR, NOTIMP, BADVERS or REFUSED.</summary>
    Refused,

    /// <summary>The access list denies or drops its client.</summary>
    Denied,

    /// <summary>Beyond what one client may have: refused, or the answer withheld. What was looked up before counts there too.</summary>
    Limited,

    /// <summary>Not answered: a response, or less than a header.</summary>
    Dropped,
}

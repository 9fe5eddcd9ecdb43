namespace Agent.Configuration;

/// <summary>What is logged beside the agent's own events.</summary>
public sealed record LogConfiguration
{
    public LoggedQueries Queries { get; init; }
}

/// <summary>Which queries get a line in the log.</summary>
public enum LoggedQueries
{
    None,
    All,

    /// <summary>Answered with neither NOERROR nor NXDOMAIN, or not at all.</summary>
    Errors,

    /// <summary>Of clients that are denied or limited.</summary>
    Denied,

    /// <summary>Answered after 100 ms or more.</summary>
    Slow,
}

using System.Net;
using Agent.Dns;

namespace Agent.Configuration;

/// <summary>What the agent answers by itself, and what it asks in place of what it was asked.</summary>
public sealed record NamesConfiguration
{
    public IReadOnlyList<HostConfiguration> Hosts { get; init; } = [];

    /// <summary>The longest <see cref="RewriteConfiguration.From"/> that encloses a name is replaced, once.</summary>
    public IReadOnlyList<RewriteConfiguration> Rewrite { get; init; } = [];

    /// <summary>The longest zone that encloses the name answers.</summary>
    public IReadOnlyList<ZoneConfiguration> Zones { get; init; } = [];

    /// <summary>Null: AAAA records are given as they are.</summary>
    public Dns64Configuration? Dns64 { get; init; }

    /// <summary>Zones whose names have no AAAA records for the clients; lower case, without the trailing dot.</summary>
    public IReadOnlyList<string> FilterAaaa { get; init; } = [];
}

/// <summary>One address and the names that it is given for, and that it is found under in reverse.</summary>
public sealed record HostConfiguration
{
    /// <summary>May be "any", which block lists use.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>Lower case, without the trailing dot.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Seconds, 0 to 604800.</summary>
    public int Ttl { get; init; } = 3600;
}

/// <summary>A suffix of names, and what stands in its place; lower case, without the trailing dot, the root as the empty string.</summary>
public sealed record RewriteConfiguration(string From, string To);

/// <summary>A zone that no upstream is asked about: one RCODE for all in it, or records and nothing else.</summary>
public sealed record ZoneConfiguration
{
    /// <summary>Lower case, without the trailing dot; the root zone is the empty string.</summary>
    public required string Zone { get; init; }

    /// <summary>Null for a zone with records.</summary>
    public ResponseCode? Code { get; init; }

    /// <summary>The types that <see cref="Code"/> is for; none: for all.</summary>
    public IReadOnlyList<ushort> Types { get; init; } = [];

    public IReadOnlyList<OwnRecord> Records { get; init; } = [];
}

/// <summary>How AAAA records are made of A records (RFC 6147).</summary>
public sealed record Dns64Configuration
{
    /// <summary>IPv6, of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 section 2.2).</summary>
    public IPNetwork Prefix { get; init; } = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>AAAA records that count as absent (RFC 6147 section 5.1.4).</summary>
    public IReadOnlyList<IPNetwork> Exclude { get; init; } = [IPNetwork.Parse("::ffff:0:0/96")];

    /// <summary>For names in these; lower case, without the trailing dot.</summary>
    public IReadOnlyList<string> Zones { get; init; } = [""];
}

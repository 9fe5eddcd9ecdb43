using System.Text.Json.Serialization;

namespace Agent.Observability.Flows;

/// <summary>
/// What people see of one query: an answer of the agent's, or a decision of the kernel's; or how many of them were lost. What does not apply is null.
/// </summary>
internal sealed record Flow
{
    public const string Dns = "dns";
    public const string Kernel = "kernel";
    public const string LostFlows = "lost";

    public required DateTimeOffset Time { get; init; }

    /// <summary><see cref="Dns"/>, <see cref="Kernel"/> or <see cref="LostFlows"/>.</summary>
    public required string Source { get; init; }

    /// <summary>Namespace and name; null when it is no pod of this node that is known.</summary>
    public string? Pod { get; init; }

    /// <summary>Address and port of who asked.</summary>
    public string? Client { get; init; }

    /// <summary>The QNAME in lower case, escaped (RFC 4343 section 2.1).</summary>
    public string? Name { get; init; }

    public string? Type { get; init; }

    public string? Class { get; init; }

    /// <summary>What became of it: a <see cref="Agent.Dns.Verdict"/>, or <c>to-agent</c>, <c>to-local</c>, <c>fallback</c>, <c>untouched</c>, <c>excluded</c>.</summary>
    public string? Verdict { get; init; }

    /// <summary>Null: no reply.</summary>
    public string? Rcode { get; init; }

    /// <summary>From when the query was read until its answer was written.</summary>
    public double? LatencyMicroseconds { get; init; }

    /// <summary><c>udp</c> or <c>tcp</c>.</summary>
    public string? Protocol { get; init; }

    /// <summary>Of the answer, as far as they are in its first bytes.</summary>
    public IReadOnlyList<string>? Addresses { get; init; }

    public FlowMessage? Message { get; init; }

    /// <summary>What the socket was pointed at: address, port and protocol.</summary>
    public string? Frontend { get; init; }

    /// <summary>Where the kernel sent it instead; null: it went where it was pointed at.</summary>
    public string? Target { get; init; }

    /// <summary>The thread's name, escaped as <see cref="Name"/> is.</summary>
    public string? Process { get; init; }

    public uint? ProcessId { get; init; }

    /// <summary>Below the one that the programs are attached to.</summary>
    public string? Cgroup { get; init; }

    /// <summary>Flows that are missing before this line, whatever they were.</summary>
    public long? Lost { get; init; }
}

/// <summary>What else CoreDNS's log line tells of a query and its reply.</summary>
/// <param name="Flags">Of the reply, with commas; null: no reply.</param>
/// <param name="BufferSize">What the client takes, in bytes.</param>
internal sealed record FlowMessage(ushort Id, int QuerySize, int ReplySize, string? Flags, bool DnssecOk, int BufferSize);

[JsonSerializable(typeof(Flow))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class FlowJson : JsonSerializerContext;

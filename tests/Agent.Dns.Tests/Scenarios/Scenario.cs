using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests.Scenarios;

/// <summary>One file: a cache, and what happens to it step by step.</summary>
internal sealed record Scenario(string File, IReadOnlyList<Step> Steps)
{
    public CacheLimits Limits { get; init; } = Support.Steps.Limits;

    public TimeSpan ServeStale { get; init; } = TimeSpan.FromHours(1);
}

/// <summary>One step, and the line that it stands in.</summary>
internal abstract record Step(int Line);

/// <summary>Time passes, and nothing else.</summary>
internal sealed record WaitStep(int Line, long Milliseconds) : Step(Line);

/// <summary>From now on the upstream answers this question so; <c>*</c> is every name or type.</summary>
internal sealed record UpstreamStep(int Line, string Name, string Type, UpstreamAnswer Answer) : Step(Line)
{
    /// <summary>Whether this makes an earlier one void.</summary>
    public bool Covers(UpstreamStep earlier) =>
        (Name is "*" || Name == earlier.Name) && (Type is "*" || Type == earlier.Type) && Answer.OverTcp == earlier.Answer.OverTcp;
}

/// <summary>A client's query and the whole reply that it must get.</summary>
internal sealed record AskStep(int Line, string Name, ushort Type) : Step(Line)
{
    public ushort Id { get; set; }

    /// <summary>Of OPT; null: a client without EDNS.</summary>
    public int? UdpSize { get; set; }

    public bool DnssecOk { get; set; }

    public bool CheckingDisabled { get; set; }

    public bool WantsRecursion { get; set; } = true;

    public bool IsTcp { get; set; }

    public ExpectedReply? Reply { get; set; }

    public byte[] Query()
    {
        MessageBuilder query = MessageBuilder.Query(Name, Type, Id).Flags((WantsRecursion ? 0x0100 : 0) | (CheckingDisabled ? 0x0010 : 0));
        return (UdpSize is { } size ? query.Opt(size, flags: DnssecOk ? 0x8000 : 0) : query).Build();
    }
}

/// <summary>What the upstream sends; no RCODE: nothing.</summary>
internal sealed record UpstreamAnswer(int? ResponseCode, Sections Sections)
{
    public bool IsTruncated { get; set; }

    /// <summary>Given only to a query over TCP.</summary>
    public bool OverTcp { get; set; }

    /// <summary>The question that it repeats, where that is not the one asked.</summary>
    public string? QuestionName { get; set; }
}

/// <summary>What the client must get.</summary>
internal sealed record ExpectedReply(int Line, int ResponseCode, Sections Sections)
{
    public bool IsTruncated { get; set; }

    /// <summary>INFO-CODE of the extended error (RFC 8914); null: none.</summary>
    public int? ExtendedError { get; set; }

    /// <summary>How many queries the upstream gets because of this one, a refresh included.</summary>
    public int? UpstreamQueries { get; set; }
}

/// <summary>The records of a message, added in their order.</summary>
internal sealed class Sections
{
    private readonly List<Action<MessageBuilder>> _records = [];

    public void Add(Action<MessageBuilder> record) => _records.Add(record);

    public MessageBuilder AddTo(MessageBuilder message)
    {
        _records.ForEach(record => record(message));
        return message;
    }
}

using System.IO.Enumeration;
using System.Net;

namespace Agent.Observability.Flows;

/// <summary>
/// Which flows somebody wants to see: those that fit one value of each list that has any; or, negated, those that do not.
/// </summary>
internal sealed record FlowFilter
{
    /// <summary>What a list may hold.</summary>
    public const int MaxValues = 32;

    public static FlowFilter All { get; } = new();

    public IReadOnlyList<string> Namespaces { get; init; } = [];

    /// <summary>NAMESPACE/NAME, NAME or an address; <c>*</c> and <c>?</c> stand for others.</summary>
    public IReadOnlyList<string> Pods { get; init; } = [];

    /// <summary>Lower case, with the trailing dot; one that starts with a dot is a zone: the name behind the dot and all below it.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    public IReadOnlyList<string> Types { get; init; } = [];

    public IReadOnlyList<string> Rcodes { get; init; } = [];

    public IReadOnlyList<string> Verdicts { get; init; } = [];

    /// <summary>Of an answer's latency; 0 lets all through. The query log's, and no parameter of a URL.</summary>
    public double LeastMicroseconds { get; init; }

    /// <summary><c>dns</c>, <c>kernel</c>; null: answers, and those decisions of the kernel's that sent nothing to the agent.</summary>
    public string? Source { get; init; }

    public bool IsNegated { get; init; }

    /// <summary>Reads what <see cref="ToQuery"/> wrote, or somebody else.</summary>
    /// <param name="values">The values of a parameter; none: it is absent.</param>
    /// <exception cref="FormatException">A value is none; the message says which.</exception>
    public static FlowFilter Parse(Func<string, IReadOnlyList<string>> values) => new()
    {
        Namespaces = ListOf(values, "namespace"),
        Pods = ListOf(values, "pod"),
        Names = [.. ListOf(values, "name").Select(name => name.EndsWith('.') ? name.ToLowerInvariant() : $"{name.ToLowerInvariant()}.")],
        Types = [.. ListOf(values, "type").Select(TypeOf)],
        Rcodes = [.. ListOf(values, "rcode").Select(code => code.ToUpperInvariant())],
        Verdicts = [.. ListOf(values, "verdict").Select(VerdictOf)],
        Source = ListOf(values, "source") is [var source, ..] ? SourceOf(source) : null,
        IsNegated = values("not") is ["true"],
    };

    /// <summary>As the query of a URL, each parameter with an ampersand before it.</summary>
    public string ToQuery()
    {
        IEnumerable<(string Key, string Value)> parameters =
        [
            .. Namespaces.Select(value => ("namespace", value)), .. Pods.Select(value => ("pod", value)), .. Names.Select(value => ("name", value)),
            .. Types.Select(value => ("type", value)), .. Rcodes.Select(value => ("rcode", value)), .. Verdicts.Select(value => ("verdict", value)),
        ];
        if (Source != null)
            parameters = parameters.Append(("source", Source));
        if (IsNegated)
            parameters = parameters.Append(("not", "true"));
        return string.Concat(parameters.Select(parameter => $"&{parameter.Key}={Uri.EscapeDataString(parameter.Value)}"));
    }

    public bool Matches(Flow flow)
    {
        bool isSeen = Source == null ? flow.Verdict != KernelFlows.ToAgent : flow.Source == Source;
        return isSeen && IsNegated != Fits(flow);
    }

    /// <summary>Whether an answer can match, by what a slot tells without being read: so that most are never made a <see cref="Flow"/> for a filter that wants few.</summary>
    public bool MayMatch(in FlowSlot slot)
    {
        if (Source == Flow.Kernel)
            return false;
        bool fits = FitsOutcome(FlowReader.VerdictOf(slot), FlowReader.CodeOf(slot), FlowReader.MicrosecondsOf(slot));
        return IsNegated ? !fits || Namespaces.Count + Pods.Count + Names.Count + Types.Count > 0 : fits;
    }

    private bool Fits(Flow flow) =>
        (Namespaces.Count == 0 || (flow.Pod is { } pod && Namespaces.Contains(pod[..pod.IndexOf('/', StringComparison.Ordinal)])))
        && (Pods.Count == 0 || Pods.Any(pattern => IsPod(pattern, flow)))
        && (Names.Count == 0 || (flow.Name is { } name && Names.Any(pattern => IsName(pattern, name))))
        && (Types.Count == 0 || Types.Contains(flow.Type))
        && FitsOutcome(flow.Verdict, flow.Rcode, flow.LatencyMicroseconds);

    private bool FitsOutcome(string? verdict, string? rcode, double? microseconds) =>
        (Rcodes.Count == 0 || Rcodes.Contains(rcode))
        && (Verdicts.Count == 0 || Verdicts.Contains(verdict))
        && (LeastMicroseconds == 0 || microseconds >= LeastMicroseconds);

    private static bool IsPod(string pattern, Flow flow)
    {
        if (flow.Pod is { } pod && IsLike(pattern, pattern.Contains('/') ? pod : pod[(pod.IndexOf('/', StringComparison.Ordinal) + 1)..]))
            return true;
        return (flow.Client != null && IPEndPoint.TryParse(flow.Client, out IPEndPoint? client) && IsLike(pattern, client.Address.ToString()))
            || (flow.Cgroup != null && IsLike(pattern, flow.Cgroup));
    }

    private static bool IsName(string pattern, string name) =>
        pattern[0] == '.' ? name.EndsWith(pattern, StringComparison.Ordinal) || name.AsSpan().SequenceEqual(pattern.AsSpan(1)) : IsLike(pattern, name);

    private static bool IsLike(string pattern, string text) => FileSystemName.MatchesSimpleExpression(pattern, text, ignoreCase: false);

    private static IReadOnlyList<string> ListOf(Func<string, IReadOnlyList<string>> values, string key)
    {
        IReadOnlyList<string> list = values(key);
        if (list.Count > MaxValues)
            throw new FormatException($"{key}: more than {MaxValues} values");
        return list.All(value => value.Length > 0) ? list : throw new FormatException($"{key}: a value is empty");
    }

    private static string TypeOf(string text) => Dns.Presentation.TryParseType(text, out ushort type)
        ? Dns.Presentation.TypeName(type)
        : throw new FormatException($"type: {Configuration.Quoting.Quote(text)} is no type of record; write A, AAAA, SRV or TYPE65");

    private static string VerdictOf(string text) => FlowReader.Verdicts.Concat(KernelFlows.Outcomes).Contains(text)
        ? text
        : throw new FormatException($"verdict: {Configuration.Quoting.Quote(text)} is none of {string.Join(", ", FlowReader.Verdicts)}, or of the kernel's {string.Join(", ", KernelFlows.Outcomes)}");

    private static string SourceOf(string text) => text is Flow.Dns or Flow.Kernel
        ? text
        : throw new FormatException($"source: {Configuration.Quoting.Quote(text)} is neither {Flow.Dns} nor {Flow.Kernel}");
}

using System.Text.Json.Serialization;
using Agent.Cluster;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Kubernetes;

namespace Agent.Observability;

/// <summary>What becomes of a name: which names are asked for, what answers each and why, and what the client gets. Nothing is asked for it.</summary>
/// <param name="Name">As it was given; a dot at its end means that it is asked for as it is.</param>
/// <param name="Pod">Null: no pod was named, and the name is asked for as it is.</param>
/// <param name="Steps">In the order in which the pod's resolver asks, until one has records.</param>
/// <param name="Autopath">What the agent makes of the first step.</param>
/// <param name="Result">What the client gets in the end.</param>
internal sealed record Explanation(string Name, string Type, ExplainedPod? Pod, IReadOnlyList<ExplainedStep> Steps, string Autopath, string Result)
{
    /// <param name="pod">Null: none was named.</param>
    /// <exception cref="FormatException">The name is none.</exception>
    public static Explanation Of(NodeAgent agent, string name, ushort type, Pod? pod)
    {
        PodWalk? walk = pod == null ? null : agent.Cluster!.Walks.Find(pod);
        SearchList? list = walk?.Search.ToList();
        StepExplainer explainer = new(agent, type);
        ExplainedStep[] steps = [.. NamesOf(name, list).Select(explainer.Explain)];
        return new Explanation(
            name,
            Presentation.TypeName(type),
            pod == null ? null : ExplainedPod.Of(agent, pod, walk),
            steps,
            AutopathOf(agent, explainer, steps[0], (pod, walk, list)),
            ResultOf(steps));
    }

    /// <summary>The names in glibc's order: as it is first when it has as many dots as ndots says. musl then asks for no other.</summary>
    private static IEnumerable<byte[]> NamesOf(string text, SearchList? list)
    {
        byte[] name = DnsName.FromText(text);
        if (list == null || text.EndsWith('.'))
            return [name];
        IEnumerable<byte[]> searched = list.Domains.Select(domain => (byte[])[.. name.AsSpan(..^1), .. domain]).Where(joined => joined.Length <= DnsName.MaxLength);
        return text.Count(c => c == '.') >= list.Ndots ? searched.Prepend(name) : searched.Append(name);
    }

    private static string AutopathOf(NodeAgent agent, StepExplainer explainer, ExplainedStep first, (Pod? Pod, PodWalk? Walk, SearchList? List) of)
    {
        byte[] key = AnswerPreview.KeyOf(DnsName.FromText(first.Name), explainer.Type);
        if (of.Pod == null)
            return "no pod: the name is asked for as it is";
        if (!agent.Configuration.Kubernetes.Autopath)
            return "off: kubernetes.autopath is false";
        if (of.Walk?.WhyPlain is { } why)
            return $"off for this pod: {why}";
        if (of.List is not { Domains.Count: > 0 } list || agent.ClusterNames is not { } names)
            return "off for now: the search list or the cluster's names are not known yet";
        if (SearchWalk.WhyPlain(list, names, key.AsSpan(..^5), explainer.Type) is { } plain)
            return $"none: {plain}";
        SearchWalk walk = new(explainer.Outcome);
        WalkEnd end = walk.Run(list, key);
        string step = DnsName.ToText(walk.Key[..^5]);
        return end switch
        {
            WalkEnd.Alias => $"the first query is answered with an alias to {step} and its records",
            WalkEnd.NoData => $"the first query is answered with no data: {step} has records of the other family only",
            WalkEnd.Ask => $"{step} {Presentation.TypeName((ushort)((walk.Key[^2] << 8) | walk.Key[^1]))} would be asked for before the first query is answered",
            _ => $"none: {step} does not say how the walk ends for every libc",
        };
    }

    private static string ResultOf(ExplainedStep[] steps)
    {
        foreach (ExplainedStep step in steps)
        {
            if (step.Outcome == StepOutcome.Present)
                return $"the records of {step.Name}";
            if (step.Outcome == StepOutcome.Unknown)
                return $"depends on what the upstream says of {step.Name}";
            if (step.Outcome == StepOutcome.Unclear)
                return $"{step.ResponseCode} for {step.Name}: what follows is up to the client";
        }

        return steps.Any(step => step.Outcome == StepOutcome.Empty) ? "no data" : "no such name";
    }
}

/// <summary>One question, and what answers it.</summary>
/// <param name="Source"><c>configuration</c>, <c>table</c>, <c>cache</c>, <c>special name</c> or <c>upstream</c>.</param>
/// <param name="ResponseCode">Null: an upstream decides.</param>
/// <param name="TtlSeconds">Seconds that a cached answer is still fresh.</param>
internal sealed record ExplainedStep(string Name, string Source, string? ResponseCode, double? TtlSeconds, string Why, IReadOnlyList<string> Records)
{
    [JsonIgnore]
    public StepOutcome Outcome { get; init; }
}

/// <summary>A pod of this node as its resolver sees the world.</summary>
/// <param name="Searches">The domains of its search list; null: not known.</param>
/// <param name="WhyNotRedirected">Null: its questions reach the agent.</param>
internal sealed record ExplainedPod(string Name, IReadOnlyList<string> Addresses, string DnsPolicy, bool IsHostNetwork, IReadOnlyList<string>? Searches, int? Ndots, string? WhyNotRedirected)
{
    public static ExplainedPod Of(NodeAgent agent, Pod pod, PodWalk? walk) => new(
        pod.Key.ToString(),
        [.. pod.Addresses.Select(address => address.ToString())],
        pod.DnsPolicy,
        pod.IsHostNetwork,
        walk?.Search.Domains,
        walk?.Search.Ndots,
        ReasonFor(agent, pod));

    private static string? ReasonFor(NodeAgent agent, Pod pod)
    {
        if (agent.Redirect is not { Datapath: { } datapath, Cgroup: { } cgroup })
            return agent.Redirect.Failure ?? "redirect.enabled is false in the agent's configuration";
        if (agent.Cluster!.PodModes is not { } modes)
            return "the cluster has not been heard yet; what held before holds";
        if (!modes.IsRedirected(pod))
            return $"redirect.lra.dev/mode is disabled, or not enabled where redirect.mode is {modes.Standard.ToString().ToLowerInvariant()}";
        if (pod.DnsPolicy == "Default" || (pod.DnsPolicy == "ClusterFirst" && pod.IsHostNetwork))
            return "it asks the node's resolvers, and not the cluster's";
        return UnreachedPods.Find([pod], cgroup, datapath.Frontends.Keys()).Unreached.FirstOrDefault()?.Reason;
    }
}

/// <summary>Tells of each name what would answer it, at one moment.</summary>
internal sealed class StepExplainer(NodeAgent agent, ushort type)
{
    private readonly AnswerPreview _preview = new(agent.Cache, agent.OwnNames, agent.ClusterNames);
    private readonly long _now = Environment.TickCount64;

    public ushort Type => type;

    public StepOutcome Outcome(ReadOnlySpan<byte> key) => _preview.Of(key, _now).Outcome;

    public ExplainedStep Explain(byte[] name)
    {
        PreviewedAnswer answer = _preview.Of(AnswerPreview.KeyOf(name, type), _now);
        return new ExplainedStep(DnsName.ToText(name), SourceText(answer.Source), answer.ResponseCode?.ToString().ToUpperInvariant(), answer.TtlSeconds, Why(name, answer), answer.Records)
        {
            Outcome = answer.Outcome,
        };
    }

    private static string SourceText(AnswerSource source) => source == AnswerSource.SpecialName ? "special name" : source.ToString().ToLowerInvariant();

    private string Why(byte[] name, PreviewedAnswer answer) => answer.Source switch
    {
        AnswerSource.Configuration => $"{answer.Detail} in the configuration",
        AnswerSource.Table => "Services and endpoints of the cluster",
        AnswerSource.Cache => answer.Detail switch { "fresh" => "an upstream said so", "stale" => "expired, and no upstream answered lately", _ => "no upstream answered lately" },
        AnswerSource.SpecialName => "RFC 6761 or RFC 8482",
        _ => WhyForwarded(name, answer),
    };

    private string WhyForwarded(byte[] name, PreviewedAnswer answer)
    {
        string before = agent.ClusterNames != null && DnsName.IsInZone(name, DnsName.FromText(agent.Configuration.ClusterDomain)) ? "not in the table; " : "";
        string instead = name.AsSpan().SequenceEqual(answer.Asked) ? "" : $" as {DnsName.ToText(answer.Asked)}";
        if (agent.Routes.Find(answer.Asked) is not { } route)
            return $"{before}would fail{instead}: no route is for it";
        RouteStatus status = RouteStatus.Of(route);
        string servers = status.Servers.Count == 0 ? "no server" : string.Join(", ", status.Servers);
        return $"{before}would be forwarded{instead} by the route {status.Zone} over {status.Protocol} to {servers}";
    }
}

[JsonSerializable(typeof(Explanation))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class ExplanationJson : JsonSerializerContext;

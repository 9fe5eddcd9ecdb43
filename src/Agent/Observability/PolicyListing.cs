using System.Text.Json.Serialization;
using Agent.Cluster.Policies;
using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Native;
using Agent.Redirect;

namespace Agent.Observability;

/// <summary>What this node makes of the policies, sorted by kind and name.</summary>
/// <param name="IsWatching">Whether a cluster is watched at all.</param>
internal sealed record PolicyListing(bool IsWatching, IReadOnlyList<PolicyReport> Policies)
{
    public static PolicyListing Of(NodeAgent agent)
    {
        IReadOnlyDictionary<string, FrontendStatus> counted = Counted(agent.Configuration.Redirect);
        return new PolicyListing(
            agent.Cluster != null,
            [.. (agent.Cluster?.Policies ?? []).OrderBy(verdict => verdict.Kind).ThenBy(verdict => $"{verdict.Key}", StringComparer.Ordinal).Select(verdict => PolicyReport.Of(verdict, counted))]);
    }

    private static Dictionary<string, FrontendStatus> Counted(RedirectConfiguration redirect)
    {
        try
        {
            return redirect.Enabled ? KernelStatus.Read(redirect.PinPath)?.Frontends.ToDictionary(frontend => frontend.Frontend) ?? [] : [];
        }
        catch (Exception error) when (error is BpfException or DllNotFoundException or UnauthorizedAccessException)
        {
            return []; // lra status says why
        }
    }
}

/// <param name="Name">With the namespace, of a kind that has one.</param>
/// <param name="Pods">The ready pods of this node that it selects.</param>
internal sealed record PolicyReport(string Kind, string Name, long Generation, bool IsForThisNode, bool IsAgentCache, FindingReport Accepted, FindingReport Programmed)
{
    public IReadOnlyList<string> Pods { get; init; } = [];

    public IReadOnlyList<PolicyFrontend> Frontends { get; init; } = [];

    public static PolicyReport Of(PolicyVerdict verdict, IReadOnlyDictionary<string, FrontendStatus> counted) => new(
        verdict.Kind == PolicyKind.LocalRedirect ? Resources.LocalRedirectPolicies.Kind : Resources.CiliumLocalRedirectPolicies.Kind,
        verdict.Key.ToString(),
        verdict.Generation,
        verdict.IsForThisNode,
        verdict.IsAgentCache,
        FindingReport.Of(verdict.Accepted),
        FindingReport.Of(verdict.Programmed))
    {
        Pods = [.. verdict.BackendPods.Select(pod => pod.Key.ToString())],
        Frontends = [.. verdict.Frontends.SelectMany(frontend => frontend.Protocols, (frontend, protocol) => PolicyFrontend.Of(frontend, protocol, counted))],
    };
}

internal sealed record FindingReport(bool IsTrue, string Reason, string Message)
{
    public static FindingReport Of(Finding finding) => new(finding.IsTrue, finding.Reason, finding.Message);

    public override string ToString() => $"{(IsTrue ? "yes" : "no")} ({Reason})";
}

/// <param name="Frontend">Address, port and protocol: <c>10.96.0.10:53/UDP</c>.</param>
/// <param name="Local">Pods of this node.</param>
/// <param name="Counters">Null when the kernel does not have it, or cannot be asked.</param>
internal sealed record PolicyFrontend(string Frontend, IReadOnlyList<string> Local, IReadOnlyList<string> Fallback, FrontendCounters? Counters)
{
    public static PolicyFrontend Of(FrontendConfiguration frontend, TransportProtocol protocol, IReadOnlyDictionary<string, FrontendStatus> counted)
    {
        string name = Native.Endpoint.From(new System.Net.IPEndPoint(frontend.Address, frontend.Port), (byte)protocol).ToString();
        FrontendStatus? kernel = counted.GetValueOrDefault(name);
        return new PolicyFrontend(
            name,
            [.. frontend.Local.Select(backend => backend.ToString())],
            [.. frontend.Fallback.Select(backend => backend.ToString())],
            kernel == null ? null : new FrontendCounters(kernel.ToAgent, kernel.ToLocal, kernel.FellBack, kernel.Untouched, kernel.Excluded));
    }
}

/// <summary>How often the kernel decided what, since the frontend was first programmed.</summary>
internal sealed record FrontendCounters(ulong ToAgent, ulong ToLocal, ulong FellBack, ulong Untouched, ulong Excluded);

[JsonSerializable(typeof(PolicyListing))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class PolicyJson : JsonSerializerContext;

using System.Globalization;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>Reads a CiliumLocalRedirectPolicy as Cilium documents it: with several ports, frontend and backend find each other by name.</summary>
/// <remarks>
/// More lenient than Cilium in one point: a pod need not declare the ports of toPorts in its own spec (cilium#43929), since the policy has the numbers.
/// </remarks>
internal static class CiliumRedirectReader
{
    public static PolicyTerms Read(CiliumLocalRedirectPolicy policy)
    {
        PolicyTerms terms = new(PolicyKind.CiliumLocalRedirect, policy)
        {
            CreatedAt = policy.CreatedAt,
            Generation = policy.Generation,
            Service = policy.Service,
            Pods = new LocalPods(policy.Key.Namespace, policy.Backends),
            SkipRedirectFromBackend = policy.SkipRedirectFromBackend,
        };
        terms = ReadFrontend(terms, policy);
        terms = terms.Refusal == null ? CheckPorts(terms, policy) : terms;
        return terms.Refusal == null ? Pair(terms, policy) : terms;
    }

    private static PolicyTerms ReadFrontend(PolicyTerms terms, CiliumLocalRedirectPolicy policy)
    {
        if (policy.Service == null == (policy.Address == null))
            return terms.Refused("InvalidFrontend", "spec.redirectFrontend needs either a serviceMatcher or an addressMatcher with an IP address");
        if (policy.Service is { } service && service.Namespace != policy.Key.Namespace)
            return terms.Refused("ServiceInOtherNamespace", $"Service {service} is not in the policy's namespace; create the policy in {service.Namespace}, or use a LocalRedirectPolicy");
        return policy.Address == null ? terms : LocalRedirectReader.ReadAddress(terms, policy.Address.ToString());
    }

    private static PolicyTerms CheckPorts(PolicyTerms terms, CiliumLocalRedirectPolicy policy)
    {
        if (policy.BackendPorts.Count == 0 || (policy.Address != null && policy.FrontendPorts.Count == 0))
            return terms.Refused("MissingPorts", "toPorts is empty; an addressMatcher and the redirectBackend need the ports");
        NumberedPort[] all = [.. policy.FrontendPorts, .. policy.BackendPorts];
        foreach (NumberedPort port in all)
        {
            if (port.Port == 0)
                return terms.Refused("InvalidPort", $"a port in toPorts{(port.Name.Length > 0 ? $", named {port.Name}," : "")} is no number from 1 to 65535");
            if (PolicyTerms.ProtocolOf(port.Protocol) == null)
                return terms.Refused("UnsupportedProtocol", $"port {port.Port} in toPorts has the protocol {port.Protocol}; only UDP and TCP can be redirected");
        }

        if (policy.FrontendPorts.GroupBy(port => (port.Port, port.Protocol.ToUpperInvariant())).FirstOrDefault(same => same.Count() > 1) is { } twice)
            return terms.Refused("DuplicatePort", $"the frontend's toPorts have {twice.Key.Port}/{twice.Key.Item2} twice; take one away");
        bool needsNames = policy.FrontendPorts.Count > 1 || policy.BackendPorts.Count > 1;
        if (needsNames && all.FirstOrDefault(port => port.Name.Length == 0) is { } nameless)
            return terms.Refused("PortNameMissing", $"with several ports each needs a name; port {nameless.Port} in toPorts has none");
        return needsNames && (HasDoubleName(policy.FrontendPorts) || HasDoubleName(policy.BackendPorts))
            ? terms.Refused("DuplicatePort", "two ports in toPorts have the same name; frontend and backend find each other by it")
            : terms;
    }

    private static PolicyTerms Pair(PolicyTerms terms, CiliumLocalRedirectPolicy policy)
    {
        if (policy.FrontendPorts.Count == 0)
            return terms with { PortsOfService = policy.BackendPorts };
        List<PortTerms> ports = [];
        foreach (NumberedPort port in policy.FrontendPorts)
        {
            NumberedPort? backend = policy is { FrontendPorts.Count: 1, BackendPorts.Count: 1 } ? policy.BackendPorts[0] : Counterpart(port.Name, policy.BackendPorts);
            if (backend == null)
                return terms.Refused("PortNotMatched", $"the backend's toPorts have no port named {port.Name}, as the frontend's have");
            if (Join(port.Port, port.Protocol, backend) is not { } joined)
                return terms.Refused("ProtocolMismatch", $"port {port.Port} is {port.Protocol} at the frontend and {backend.Protocol} at the backend");
            ports.Add(joined);
        }

        return terms with { Ports = ports };
    }

    /// <summary>Pairs the ports of a Service with those of the backend; ports without a counterpart are left alone.</summary>
    public static IReadOnlyList<PortTerms> PairWithService(Service service, IReadOnlyList<NumberedPort> backends)
    {
        if (service.Ports.Count == 1 && backends.Count == 1)
            return Join(service.Ports[0].Port, service.Ports[0].Protocol, backends[0]) is { } only ? [only] : [];
        return [.. service.Ports
            .Select(port => Counterpart(port.Name, backends) is { } backend ? Join(port.Port, port.Protocol, backend) : null)
            .OfType<PortTerms>()];
    }

    private static NumberedPort? Counterpart(string name, IReadOnlyList<NumberedPort> backends) =>
        backends.FirstOrDefault(port => port.Name.Length > 0 && port.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <returns>Null when the protocols differ.</returns>
    private static PortTerms? Join(int port, string protocol, NumberedPort backend) =>
        PolicyTerms.ProtocolOf(protocol) is { } known && known == PolicyTerms.ProtocolOf(backend.Protocol)
            ? new PortTerms(port, known, backend.Port.ToString(CultureInfo.InvariantCulture))
            : null;

    private static bool HasDoubleName(IReadOnlyList<NumberedPort> ports) =>
        ports.DistinctBy(port => port.Name, StringComparer.OrdinalIgnoreCase).Count() < ports.Count;
}

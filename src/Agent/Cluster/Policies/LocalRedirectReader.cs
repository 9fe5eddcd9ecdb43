using System.Globalization;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>Reads a LocalRedirectPolicy. The API server has held it against its schema, but may be of another version.</summary>
internal static class LocalRedirectReader
{
    public static PolicyTerms Read(LocalRedirectPolicy policy)
    {
        PolicyTerms terms = new(PolicyKind.LocalRedirect, policy)
        {
            CreatedAt = policy.CreatedAt,
            Generation = policy.Generation,
            Service = policy.Service,
            Pods = policy.LocalPods,
            NodeSelector = policy.NodeSelector,
            SkipRedirectFromBackend = true,
        };
        terms = ReadFrontend(terms, policy);
        terms = terms.Refusal == null ? ReadBackend(terms, policy) : terms;
        return terms.Refusal == null ? ReadPorts(terms, policy) : terms;
    }

    private static PolicyTerms ReadFrontend(PolicyTerms terms, LocalRedirectPolicy policy)
    {
        if (policy.Service == null == (policy.Address == null))
            return terms.Refused("InvalidFrontend", "spec.frontend names both a Service and an address, or neither; name one of them");
        if (policy.Service is { Namespace.Length: 0 } or { Name.Length: 0 })
            return terms.Refused("InvalidFrontend", "spec.frontend.service needs a namespace and a name");
        return policy.Address == null ? terms : ReadAddress(terms, policy.Address);
    }

    /// <summary>An address that pods can be redirected from.</summary>
    public static PolicyTerms ReadAddress(PolicyTerms terms, string text)
    {
        Parsed<System.Net.IPAddress> address = Addresses.Unicast(text);
        if (address.Mistake != null)
            return terms.Refused("InvalidAddress", $"the frontend's address {address.Mistake}");
        return System.Net.IPAddress.IsLoopback(address.Value!)
            ? terms.Refused("InvalidAddress", $"the frontend's address {text} is loopback, which every pod has for itself; choose one that no pod has, 169.254.20.11 say")
            : terms with { Address = address.Value };
    }

    private static PolicyTerms ReadBackend(PolicyTerms terms, LocalRedirectPolicy policy)
    {
        if (policy.IsAgentCache == (policy.LocalPods != null))
            return terms.Refused("InvalidBackend", "spec.backend names both agentCache and localPods, or neither; name one of them");
        if (policy.LocalPods is { Namespace.Length: 0 })
            return terms.Refused("InvalidBackend", "spec.backend.localPods needs a namespace");
        return (MistakeIn(policy.LocalPods?.Selector) ?? MistakeIn(policy.NodeSelector)) is { } mistake ? terms.Refused("InvalidSelector", mistake) : terms;
    }

    private static string? MistakeIn(LabelSelector? selector)
    {
        LabelRequirement? wrong = selector?.Requirements.FirstOrDefault(one => one.Operator is not ("In" or "NotIn" or "Exists" or "DoesNotExist"));
        return wrong == null ? null : $"a selector's requirement for {wrong.Key} has the operator '{wrong.Operator}'; there are In, NotIn, Exists and DoesNotExist";
    }

    private static PolicyTerms ReadPorts(PolicyTerms terms, LocalRedirectPolicy policy)
    {
        if (policy.Ports.Count == 0)
            return terms.Refused("MissingPorts", "spec.ports is empty; name the ports to redirect, 53/UDP and 53/TCP for DNS");
        List<PortTerms> ports = [];
        foreach (RedirectPort port in policy.Ports)
        {
            if (port.Port == 0 || !IsTarget(port.TargetPort))
                return terms.Refused("InvalidPort", $"a port is a number from 1 to 65535, a targetPort that or the name of a container port; port {port.Port}{Target(port)} is not");
            if (PolicyTerms.ProtocolOf(port.Protocol) is not { } protocol)
                return terms.Refused("UnsupportedProtocol", $"port {port.Port} has the protocol {port.Protocol}; only UDP and TCP can be redirected");
            // The cache listens where the agent's own configuration says: a policy that promises another port would be a lie.
            if (policy.IsAgentCache && port.TargetPort.Length > 0)
                return terms.Refused("TargetPortNotAllowed", $"port {port.Port}{Target(port)}: the agent's cache listens where listen.port of its configuration says; leave targetPort out");
            PortTerms read = new(port.Port, protocol, port.TargetPort.Length > 0 ? port.TargetPort : port.Port.ToString(CultureInfo.InvariantCulture));
            if (ports.Any(other => (other.Port, other.Protocol) == (read.Port, read.Protocol)))
                return terms.Refused("DuplicatePort", $"spec.ports has {read} twice; take one away");
            ports.Add(read);
        }

        return terms with { Ports = ports };
    }

    private static string Target(RedirectPort port) => port.TargetPort.Length > 0 ? $" with targetPort {port.TargetPort}" : "";

    private static bool IsTarget(string text) =>
        text.Length == 0 || !text.All(char.IsAsciiDigit) || (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0);
}

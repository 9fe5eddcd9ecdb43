using System.Net;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>A frontend that a policy asks for, and what becomes of it on a node.</summary>
/// <param name="ServicePort">Null when the frontend is no Service.</param>
internal sealed record Target(FrontendKey Key, PortTerms Port, ServicePort? ServicePort)
{
    /// <param name="ready">The policy's ready pods on this node.</param>
    public FrontendConfiguration ToFrontend(PolicyTerms policy, IReadOnlyList<Pod> ready, PolicyInputs inputs) => new()
    {
        Address = Key.Address,
        Port = Key.Port,
        Protocols = [Key.Protocol],
        IsServedByAgent = policy.Pods == null,
        SkipRedirectFromBackend = policy.SkipRedirectFromBackend,
        // Also one that is not ready yet: it may ask before the kernel could be told otherwise.
        SkippedPods = policy.SkipRedirectFromBackend ? [.. inputs.Pods.Where(pod => !pod.IsFinished && policy.Selects(pod)).Select(PodModes.CgroupIdOf).Order(StringComparer.Ordinal)] : [],
        Local = [.. ready.Select(EndPointOn).OfType<IPEndPoint>().Distinct()],
        Fallback = ServicePort == null
            ? []
            : [.. ServiceIndex.ReadyEndpoints(inputs.Services.SlicesOf(policy.Service!.Value), ServicePort, inputs.Zone).Where(IsOfFamily)],
    };

    private IPEndPoint? EndPointOn(Pod pod) =>
        pod.Addresses.FirstOrDefault(address => address.AddressFamily == Key.Address.AddressFamily) is { } address && Port.On(pod) is { } port ? new IPEndPoint(address, port) : null;

    private bool IsOfFamily(IPEndPoint endPoint) => endPoint.AddressFamily == Key.Address.AddressFamily;
}

/// <summary>Finds the addresses that a policy's frontend has.</summary>
internal static class TargetResolver
{
    /// <returns>Why the policy cannot have them; null when <paramref name="targets"/> are all.</returns>
    public static Finding? Resolve(PolicyTerms policy, PolicyInputs inputs, List<Target> targets) =>
        policy.Service is { } service ? OfService(policy, service, inputs, targets) : OfAddress(policy, policy.Address!, inputs, targets);

    private static Finding? OfAddress(PolicyTerms policy, IPAddress address, PolicyInputs inputs, List<Target> targets)
    {
        if (inputs.Services.At(address) is { } service)
            return Refusal("AddressIsService", $"{address} is the ClusterIP of Service {service}; name the Service as the frontend, so that its endpoints stay behind it");
        targets.AddRange(policy.Ports.Select(port => new Target(new FrontendKey(address, port.Port, port.Protocol), port, null)));
        return null;
    }

    private static Finding? OfService(PolicyTerms policy, ObjectKey key, PolicyInputs inputs, List<Target> targets)
    {
        if (inputs.ServicesOf.Length > 0 && key.Namespace != inputs.ServicesOf)
            return Refusal("ServiceNotWatched", $"with kubernetes.clusterNames: forward the agent knows the Services of {inputs.ServicesOf} alone, not {key}; set clusterNames to table");
        if (inputs.Services.Find(key) is not { } service)
            return Refusal("ServiceNotFound", $"there is no Service {key}; create it, or correct the frontend");
        if (service.Type == "ExternalName")
            return Refusal("ServiceIsExternalName", $"Service {key} is an ExternalName, which has no address to redirect; name a Service with a ClusterIP");
        if (service.ClusterIPs.Count == 0)
        {
            return service.IsHeadless
                ? Refusal("ServiceIsHeadless", $"Service {key} is headless: pods speak with its endpoints directly; name a Service with a ClusterIP")
                : Refusal("ServiceHasNoAddress", $"Service {key} has no ClusterIP yet");
        }

        IReadOnlyList<PortTerms> ports = policy.PortsOfService.Count > 0 ? CiliumRedirectReader.PairWithService(service, policy.PortsOfService) : policy.Ports;
        if (ports.Count == 0)
            return Refusal("PortNotMatched", $"no port of the backend's toPorts has the name and protocol of a port of Service {key}, which has {PortsOf(service)}");
        foreach (PortTerms port in ports)
        {
            ServicePort? found = service.Ports.FirstOrDefault(one => one.Port == port.Port && PolicyTerms.ProtocolOf(one.Protocol) == port.Protocol);
            if (found == null)
                return Refusal("ServicePortNotFound", $"Service {key} has no port {port}; it has {PortsOf(service)}");
            targets.AddRange(service.ClusterIPs.Select(address => new Target(new FrontendKey(address, port.Port, port.Protocol), port, found)));
        }

        return null;
    }

    private static Finding Refusal(string reason, string message) => new(false, reason, message);

    private static string PortsOf(Service service) => service.Ports.Count > 0 ? string.Join(", ", service.Ports.Select(port => $"{port.Port}/{port.Protocol}")) : "no port";
}

namespace Agent.Configuration.Corefile;

// kubernetes, autopath, and what node-cache learns of the cluster
internal sealed partial class Converter
{
    private readonly List<Directive> _clusterIpBinds = []; // what the placeholder stands for is known once all blocks are

    private void Kubernetes(Directive kubernetes)
    {
        string[] zones = kubernetes.Arguments.Count == 0 ? _zones : [.. kubernetes.Arguments.Select(zone => zone == DomainPlaceholder ? "cluster.local" : ReverseZone(zone) ?? zone.TrimEnd('.').ToLowerInvariant())];
        string[] domains = [.. zones.Where(zone => !IsReverse(zone))];
        if (domains.Length == 0 || Values.Domain(domains[0]) is not { Mistake: null, Value: { } domain } || !TryWatch(domain, out KubernetesDraft draft))
        {
            _draft.ZonesWithoutServers.AddRange(domains);
            Lose(kubernetes, "there is one cluster domain, and it is not the root: give a route to the CoreDNS that has these names");
            return;
        }

        Note(kubernetes, "the agent watches the API server itself, for which it needs the ClusterRole in deploy/; what its table does not have it asks of the cluster's CoreDNS, which stays");
        foreach (string other in domains.Skip(1))
        {
            _draft.ZonesWithoutServers.Add(other);
            Lose(kubernetes, $"'{other}': there is one cluster domain, '{domain}'; give a route to CoreDNS for this one");
        }

        foreach (Directive option in kubernetes.Body)
            SetKubernetesOption(option, draft);
    }

    private void SetKubernetesOption(Directive option, KubernetesDraft draft)
    {
        switch (option.Name)
        {
            case "pods" when option.Arguments is ["disabled" or "insecure" or "verified"]:
                draft.PodNames = option.Arguments[0];
                break;
            case "ttl" when option.Arguments.Count == 1 && Values.Seconds(0, 3600)(option.Arguments[0]) is { Mistake: null, Value: int ttl }:
                draft.Ttl = ttl;
                break;
            case "kubeconfig" when option.Arguments.Count > 0 && Values.AbsolutePathOrNone(option.Arguments[0]) is { Mistake: null, Value: { Length: > 0 } file }:
                draft.Kubeconfig = file;
                if (option.Arguments.Count > 1)
                    Note(option, $"'{option.Arguments[1]}': the file's current-context is taken");
                break;
            case "fallthrough" or "startup_timeout": // what is not known, or not yet, is always asked of the cluster's CoreDNS
                break;
            case "namespaces" or "labels" or "namespace_labels" or "endpoint_pod_names" or "ignore" or "noendpoints" or "multicluster":
                draft.Forwards = true;
                Note(option, $"'{option.Name}': the agent's own table would have other names; with clusterNames: forward CoreDNS answers them all");
                break;
            case "endpoint" or "tls":
                Lose(option, $"'{option.Name}': give the API server and the credentials in a file, as kubernetes.kubeconfig");
                break;
            default:
                Lose(option, $"'kubernetes {option.Name}' has no counterpart");
                break;
        }
    }

    private void Autopath(Directive autopath)
    {
        if (autopath.Arguments is not [.., "@kubernetes"])
            Lose(autopath, "'autopath' of one list for all clients has no counterpart: with kubernetes.enabled each pod's own is taken");
    }

    /// <summary>Takes <c>__PILLAR__CLUSTER__DNS__</c> for what the agent learns from the API server, of zones for which it does.</summary>
    private bool TryLearnServers(Directive forward, string[] zones)
    {
        string[] domains = [.. zones.Where(zone => !IsReverse(zone))];
        bool isLearned = forward.Arguments.Skip(1).SequenceEqual([ClusterServers]) && domains.Length <= 1 && !zones.Contains("");
        if (!isLearned || (domains.Length == 1 && !TryWatch(domains[0], out _)))
            return false;
        RouteDraft options = new("");
        foreach (Directive option in forward.Body)
            SetForwardOption(option, options);
        Note(forward, $"'{ClusterServers}' is filled in by node-cache: the agent learns the kube-dns pods from the API server, for which it needs the ClusterRole in deploy/, and asks them over TCP");
        return true;
    }

    /// <returns>False when another cluster domain is watched already.</returns>
    private bool TryWatch(string domain, out KubernetesDraft draft)
    {
        draft = _draft.Kubernetes ??= new KubernetesDraft(domain);
        return draft.Domain == domain;
    }

    private void RemarkClusterIps()
    {
        foreach (Directive bind in _clusterIpBinds)
        {
            if (_draft.Kubernetes != null)
                Note(bind, $"'{ClusterIp}' stands for the kube-dns ClusterIP: the agent learns it from the API server");
            else
                Lose(bind, $"'{ClusterIp}' stands for the kube-dns ClusterIP: give it as redirect.frontends, with the kube-dns pods as fallback (kubectl -n kube-system get svc,endpointslices -l k8s-app=kube-dns)");
        }
    }

    private static bool IsReverse(string zone) => zone is "in-addr.arpa" or "ip6.arpa" || zone.EndsWith(".in-addr.arpa", StringComparison.Ordinal) || zone.EndsWith(".ip6.arpa", StringComparison.Ordinal);
}

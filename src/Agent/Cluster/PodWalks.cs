using Agent.Dns;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>How one pod walks, and why the agent does not shorten that; null: it does.</summary>
internal sealed record PodWalk(PodSearch Search, string? WhyPlain);

/// <summary>Along which search lists the pods of this node walk, and whose walks the agent shortens (autopath). Of one moment.</summary>
internal sealed class PodWalks
{
    private const string Key = "redirect.lra.dev/autopath";

    private readonly Dictionary<ObjectKey, PodWalk> _walks = [];
    private readonly PodSwitch _switch;

    /// <param name="searchOf">Null where it is not known.</param>
    public PodWalks(NodePods pods, Func<Pod, PodSearch?> searchOf, Func<string, Namespace?> findNamespace)
    {
        _switch = new PodSwitch(Key, findNamespace);
        Dictionary<ClientAddress, SearchList> lists = [];
        foreach (Pod pod in pods.All)
        {
            if (searchOf(pod) is not { } search)
                continue;
            SearchList? list = search.ToList();
            PodWalk walk = new(search, WhyPlain(pod, list));
            _walks[pod.Key] = walk;
            foreach (byte[] address in walk.WhyPlain == null ? pod.Addresses.Select(address => address.GetAddressBytes()) : [])
                lists[ClientAddress.From(address)] = list!;
        }

        Lists = new SearchLists(lists);
    }

    public static PodWalks None { get; } = new(NodePods.None, _ => null, _ => null);

    public SearchLists Lists { get; }

    /// <inheritdoc cref="PodSwitch.Mistakes"/>
    public IReadOnlyCollection<string> Mistakes => _switch.Mistakes;

    /// <summary>Null: its search list is not known.</summary>
    public PodWalk? Find(Pod pod) => _walks.GetValueOrDefault(pod.Key);

    private string? WhyPlain(Pod pod, SearchList? list)
    {
        if (pod.IsHostNetwork)
            return "it is in the node's network, and cannot be told by its address";
        if (_switch.IsOn(pod) == false)
            return $"{Key} is disabled";
        if (list is not { Domains.Count: > 0 })
            return list == null ? "one of its search domains is no DNS name" : "it has no search list";
        return list.IsReadAlike ? null : "not every libc reads its search list alike: it has over 6 domains, over 255 characters, or the root";
    }
}

/// <summary>
/// The search lists of this node's pods by their UIDs. Each is made once, when the pod is first seen, as the kubelet writes a resolv.conf once: what
/// becomes of the node's file later concerns only pods that start later. For one thread.
/// </summary>
/// <param name="path">The node's resolv.conf.</param>
internal sealed class PodSearches(string clusterDomain, string path)
{
    private Dictionary<string, PodSearch> _known = [];

    /// <summary>Why the lists of new pods are not known; null: they are.</summary>
    public string? Failure { get; private set; }

    public PodSearch? Find(Pod pod) => _known.GetValueOrDefault(pod.Uid);

    /// <summary>Takes over which pods there are.</summary>
    public void Update(IReadOnlyList<Pod> pods)
    {
        string? nodeFile = pods.All(pod => _known.ContainsKey(pod.Uid)) ? null : Read();
        Dictionary<string, PodSearch> known = [];
        foreach (Pod pod in pods)
        {
            if (_known.TryGetValue(pod.Uid, out PodSearch? search))
                known[pod.Uid] = search;
            else if (nodeFile != null)
                known[pod.Uid] = PodSearch.Of(pod, clusterDomain, nodeFile);
        }

        _known = known;
    }

    private string? Read()
    {
        try
        {
            Failure = null;
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Failure = error.Message;
            return null;
        }
    }
}

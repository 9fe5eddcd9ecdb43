using System.Net;
using Agent.Cluster;
using Agent.Dns;

namespace Agent.Serving;

/// <summary>Which namespaces are counted each by itself: the first that had a pod on this node, up to a bound. For one thread at a time, read by others.</summary>
internal sealed class NamespaceSlots
{
    /// <summary>Of clients that are no pod of this node that is known by its address.</summary>
    public const int Unknown = 0;

    /// <summary>Of all namespaces past the bound.</summary>
    public const int Other = 1;

    /// <summary>With those two.</summary>
    public const int Count = 102;

    // Namespaces that have these very names share their slots: two of one name would be no valid scrape.
    private readonly Dictionary<string, int> _slots = new() { ["unknown"] = Unknown, ["other"] = Other };
    private volatile IReadOnlyList<string> _names = ["unknown", "other"];

    /// <summary>What stands in a slot, by its index.</summary>
    public IReadOnlyList<string> Names => _names;

    public int Take(string name)
    {
        if (_slots.TryGetValue(name, out int slot))
            return slot;
        if (_names.Count == Count)
            return Other;
        slot = _names.Count;
        _slots[name] = slot;
        _names = [.. _names, name];
        return slot;
    }
}

/// <summary>The slots of this node's pods, at one moment.</summary>
internal sealed class ClientNamespaces
{
    private readonly Dictionary<ClientAddress, int> _slots = [];

    public ClientNamespaces(NodePods pods, NamespaceSlots slots)
    {
        foreach (Kubernetes.Pod pod in pods.All.Where(pod => !pod.IsHostNetwork))
        {
            int slot = slots.Take(pod.Key.Namespace);
            foreach (IPAddress address in pod.Addresses)
                _slots[ClientAddress.From(address.GetAddressBytes())] = slot;
        }
    }

    public int IndexOf(ClientAddress client) => _slots.GetValueOrDefault(client, NamespaceSlots.Unknown);
}

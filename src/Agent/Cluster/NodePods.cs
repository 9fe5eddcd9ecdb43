using System.Net;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>The pods of this node, as they were known at one moment.</summary>
internal sealed class NodePods
{
    private readonly Dictionary<IPAddress, Pod> _byAddress = [];

    public NodePods(IReadOnlyList<Pod> pods)
    {
        All = pods;
        // Pods of the node's own network share its addresses: none of them can be told by one.
        foreach (Pod pod in pods.Where(pod => !pod.IsHostNetwork))
        {
            foreach (IPAddress address in pod.Addresses)
                _byAddress[address] = pod;
        }
    }

    public static NodePods None { get; } = new([]);

    public IReadOnlyList<Pod> All { get; }

    /// <summary>The pod that has this address; null: none of this node, or one of the node's own network.</summary>
    public Pod? Find(IPAddress address) => _byAddress.GetValueOrDefault(address);
}

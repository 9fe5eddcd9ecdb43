using System.Net;
using Agent.Dns;
using Agent.Kubernetes;

namespace Agent.Cluster;

/// <summary>
/// Keeps the table of the cluster's names up with its objects. Objects are set as they come, for one thread; <see cref="Publish"/> applies all that
/// came since the last time as one, and touches only what is about them. <see cref="Current"/> is for all threads.
/// </summary>
internal sealed class NameTable(ClusterZone zone, TimeProvider clock)
{
    private readonly ClusterNamesBuilder _builder = new(zone);
    private readonly Dictionary<ObjectKey, ServiceParts> _services = [];
    private readonly Dictionary<ObjectKey, ObjectKey> _servicesOfSlices = [];
    private readonly Dictionary<ObjectKey, IPAddress> _pods = [];
    private readonly Dictionary<(string Namespace, IPAddress Address), int> _podCounts = []; // an address may pass on before its last pod is gone
    private readonly HashSet<ObjectKey> _changed = [];
    private volatile ClusterNames? _current;
    private bool _isSynced;

    /// <summary>The table; null until there is a whole one. Take it once for each question.</summary>
    public ClusterNames? Current => _current;

    /// <param name="service">Null: it is gone.</param>
    public void SetService(ObjectKey key, Service? service)
    {
        if (!NameParts.AreLabels(key))
            return;
        PartsOf(key).Declared = service == null ? null : NameParts.Declare(service);
        _changed.Add(key);
    }

    /// <param name="slice">Null: it is gone.</param>
    public void SetSlice(ObjectKey key, EndpointSlice? slice)
    {
        ObjectKey service = new(key.Namespace, slice?.ServiceName ?? "");
        bool isKnown = _servicesOfSlices.Remove(key, out ObjectKey before);
        if (isKnown && before != service)
        {
            PartsOf(before).SetSlice(key.Name, null);
            _changed.Add(before);
        }

        if (slice == null || !NameParts.AreLabels(service))
            return;
        _servicesOfSlices.Add(key, service);
        PartsOf(service).SetSlice(key.Name, NameParts.EndpointsOf(slice));
        _changed.Add(service);
    }

    public void SetNamespace(string name, bool exists)
    {
        if (NameParts.IsLabel(name))
            _builder.SetNamespace(ClusterService.LabelOf(name), exists);
    }

    /// <summary>Of use for <see cref="PodNames.Verified"/> alone.</summary>
    /// <param name="pod">Null: it is gone.</param>
    public void SetPod(ObjectKey key, Pod? pod)
    {
        if (zone.Pods != PodNames.Verified || !NameParts.IsLabel(key.Namespace))
            return;
        if (_pods.Remove(key, out IPAddress? old))
            CountPod(key.Namespace, old, -1);
        // As CoreDNS: the first address alone.
        if (pod == null || pod.Addresses.Count == 0)
            return;
        _pods.Add(key, pod.Addresses[0]);
        CountPod(key.Namespace, pod.Addresses[0], 1);
    }

    /// <summary>Says that all objects of the first lists are set. Before, nothing is published: the cluster's own DNS answers.</summary>
    public void MarkSynced() => _isSynced = true;

    /// <summary>Applies what was set.</summary>
    /// <returns>The names that the table says something else of than before; none for the first table.</returns>
    public IReadOnlyList<NameChange> Publish()
    {
        if (!_isSynced)
            return [];
        foreach (ObjectKey key in _changed)
        {
            ServiceParts parts = _services[key];
            _builder.Set(parts.Key, parts.IsEmpty ? null : parts.ToService());
            if (parts.IsEmpty)
                _services.Remove(key);
        }

        _changed.Clear();
        _changed.TrimExcess();
        _current = _builder.Build((uint)clock.GetUtcNow().ToUnixTimeSeconds(), out IReadOnlyList<NameChange> changes);
        return changes;
    }

    private void CountPod(string @namespace, IPAddress address, int change)
    {
        int count = _podCounts.GetValueOrDefault((@namespace, address)) + change;
        if (count > 0)
            _podCounts[(@namespace, address)] = count;
        else
            _podCounts.Remove((@namespace, address));
        _builder.SetPod(ClusterService.LabelOf(@namespace), address.GetAddressBytes(), count > 0);
    }

    private ServiceParts PartsOf(ObjectKey key)
    {
        if (!_services.TryGetValue(key, out ServiceParts? parts))
            _services.Add(key, parts = new ServiceParts(ClusterService.KeyOf(key.Name, key.Namespace)));
        return parts;
    }
}

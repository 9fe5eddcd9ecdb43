namespace Agent.Kubernetes.Watching;

/// <summary>The objects of one kind that are known. Written by one task, read by any thread.</summary>
internal sealed class ObjectStore<T> where T : KubernetesObject
{
    private readonly Lock _lock = new();
    private Dictionary<ObjectKey, T> _objects = [];

    public int Count
    {
        get
        {
            lock (_lock)
                return _objects.Count;
        }
    }

    public T? Find(ObjectKey key)
    {
        lock (_lock)
            return _objects.GetValueOrDefault(key);
    }

    public T[] Snapshot()
    {
        lock (_lock)
            return [.. _objects.Values];
    }

    /// <summary>The stored object in place of an equal one, so that a relist of an unchanged cluster leaves no new objects behind.</summary>
    public T Known(T item) => Find(item.Key) is { } known && IsSame(known, item) ? known : item;

    /// <summary>Takes a whole list in one step; returns how it differs from what was known.</summary>
    public List<Change<T>> Replace(Dictionary<ObjectKey, T> listed)
    {
        List<Change<T>> changes = [];
        lock (_lock)
        {
            foreach ((ObjectKey key, T known) in _objects)
            {
                if (!listed.ContainsKey(key))
                    changes.Add(new(known, null));
            }
            foreach ((ObjectKey key, T item) in listed)
            {
                T? known = _objects.GetValueOrDefault(key);
                if (known is null || !IsSame(known, item))
                    changes.Add(new(known, item));
            }
            _objects = listed;
        }
        return changes;
    }

    public List<Change<T>> Apply(List<WatchEvent<T>> events)
    {
        List<Change<T>> changes = [];
        lock (_lock)
        {
            foreach (WatchEvent<T> happened in events)
            {
                if (happened.Object is { } item && Apply(happened.Kind, item) is { } change)
                    changes.Add(change);
            }
        }
        return changes;
    }

    private Change<T>? Apply(WatchEventKind kind, T item)
    {
        T? known = _objects.GetValueOrDefault(item.Key);
        if (kind == WatchEventKind.Deleted)
        {
            _objects.Remove(item.Key);
            return known is null ? null : new(known, null);
        }
        if (known is not null && IsSame(known, item))
            return null;
        _objects[item.Key] = item;
        return new(known, item);
    }

    // The UID too: an object that was deleted and made anew is another one.
    private static bool IsSame(T known, T item) => known.ResourceVersion == item.ResourceVersion && known.Uid == item.Uid;
}

using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>What is stored: objects by kind, one version counter for all of them, and the past that watches resume from.</summary>
public sealed partial class ApiServer
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, StoredKind> _kinds = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version = 1000;

    public long Version
    {
        get
        {
            lock (_lock)
                return _version;
        }
    }

    /// <summary>Makes a kind known, as installing its CRD does.</summary>
    public void Install(string groupVersion, string plural)
    {
        lock (_lock)
            _kinds[$"{groupVersion}/{plural}"] = new StoredKind(groupVersion, plural) { Floor = _version };
    }

    /// <summary>Removes a kind and its objects.</summary>
    public void Uninstall(string groupVersion, string plural)
    {
        lock (_lock)
            _kinds.Remove($"{groupVersion}/{plural}");
    }

    /// <summary>Creates or replaces an object; its <c>apiVersion</c>, <c>kind</c> and <c>metadata.name</c> say which. Returns its resourceVersion.</summary>
    public string Put(string json) => Put(JsonNode.Parse(json)!.AsObject());

    public string Put(JsonObject item)
    {
        lock (_lock)
        {
            StoredKind kind = KindOf(item["apiVersion"]!.ToString(), item["kind"]!.ToString());
            JsonObject metadata = item["metadata"]!.AsObject();
            string key = $"{metadata["namespace"]}/{metadata["name"]}";
            JsonObject? old = kind.Objects.GetValueOrDefault(key);
            metadata["uid"] ??= (old?["metadata"]?["uid"] ?? Guid.NewGuid().ToString()).ToString();
            metadata["creationTimestamp"] ??= old?["metadata"]?["creationTimestamp"]?.ToString() ?? DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            metadata["managedFields"] ??= JsonNode.Parse("""[{"manager":"test","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:ports":{"k:{\"port\":53}":{".":{}}}}}}]""");
            Store(kind, key, old, item);
            return metadata["resourceVersion"]!.ToString();
        }
    }

    public void Delete(string groupVersion, string plural, string name, string inNamespace = "")
    {
        lock (_lock)
        {
            StoredKind kind = _kinds[$"{groupVersion}/{plural}"];
            string key = $"{inNamespace}/{name}";
            if (kind.Objects.Remove(key, out JsonObject? old))
                Record(kind, old, null);
        }
    }

    /// <summary>Becomes what it was at a version, which must not be from before <see cref="Compact"/>: its etcd is restored from a backup.</summary>
    public void Restore(string version)
    {
        lock (_lock)
        {
            _version = long.Parse(version, CultureInfo.InvariantCulture);
            foreach (StoredKind kind in _kinds.Values)
            {
                foreach (PastChange undone in Enumerable.Reverse(kind.Past).TakeWhile(change => change.Version > _version))
                {
                    JsonNode metadata = (undone.Old ?? undone.Now)!["metadata"]!;
                    string key = $"{metadata["namespace"]}/{metadata["name"]}";
                    if (undone.Old is null)
                        kind.Objects.Remove(key);
                    else
                        kind.Objects[key] = undone.Old;
                }

                kind.Past.RemoveAll(change => change.Version > _version);
            }
        }
    }

    /// <summary>Forgets the past: no watch can resume from before now.</summary>
    public void Compact()
    {
        lock (_lock)
        {
            _version++;
            foreach (StoredKind kind in _kinds.Values)
            {
                kind.Past.Clear();
                kind.Floor = _version;
            }
        }
    }

    private void Store(StoredKind kind, string key, JsonObject? old, JsonObject item)
    {
        JsonObject stored = item.DeepClone().AsObject();
        kind.Objects[key] = stored;
        Record(kind, old, stored);
        item["metadata"]!["resourceVersion"] = stored["metadata"]!["resourceVersion"]!.ToString();
    }

    private void Record(StoredKind kind, JsonObject? old, JsonObject? now)
    {
        string version = (++_version).ToString(CultureInfo.InvariantCulture);
        JsonObject? gone = now is null ? old!.DeepClone().AsObject() : null;
        (now ?? gone)!["metadata"]!["resourceVersion"] = version;
        kind.Past.Add(new PastChange(_version, old, now, gone));
        TaskCompletionSource changed = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private StoredKind KindOf(string apiVersion, string kind)
    {
        string plural = kind.ToLowerInvariant();
        plural = plural.EndsWith('y') ? $"{plural[..^1]}ies" : $"{plural}s";
        return _kinds.TryGetValue($"{apiVersion}/{plural}", out StoredKind? found) ? found : throw new InvalidOperationException($"no {plural} of {apiVersion} is installed");
    }

    private StoredKind? Find(ObjectPath path)
    {
        lock (_lock)
            return _kinds.GetValueOrDefault($"{path.GroupVersion}/{path.Plural}");
    }

    private sealed class StoredKind(string groupVersion, string plural)
    {
        public string GroupVersion => groupVersion;

        public string Plural => plural;

        /// <summary>As objects of the kind call it.</summary>
        public string Name => plural switch
        {
            "services" => "Service",
            "namespaces" => "Namespace",
            "nodes" => "Node",
            "pods" => "Pod",
            "endpointslices" => "EndpointSlice",
            "localredirectpolicies" => "LocalRedirectPolicy",
            "ciliumlocalredirectpolicies" => "CiliumLocalRedirectPolicy",
            _ => throw new InvalidOperationException($"what is the kind of {plural} called?"),
        };

        /// <summary>Whether a CRD defines it.</summary>
        public bool IsCustom => groupVersion.Contains('.') && !groupVersion.Contains("k8s.io");

        public SortedDictionary<string, JsonObject> Objects { get; } = new(StringComparer.Ordinal);

        public List<PastChange> Past { get; } = [];

        /// <summary>Watches cannot begin before this version.</summary>
        public long Floor { get; set; }
    }

    /// <param name="Gone">The last state of a deleted object, with the version of its deletion.</param>
    private sealed record PastChange(long Version, JsonObject? Old, JsonObject? Now, JsonObject? Gone);

    /// <summary>A path of the API, taken apart.</summary>
    private readonly record struct ObjectPath(string GroupVersion, string Namespace, string Plural, string Name, string Subresource)
    {
        public static bool TryParse(PathString text, out ObjectPath path)
        {
            string[] parts = text.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
            path = default;
            int at = parts is ["api", ..] ? 2 : 3;
            if (parts.Length <= at || parts[0] is not ("api" or "apis"))
                return false;
            string groupVersion = string.Join('/', parts[1..at]);
            string inNamespace = "";
            if (parts[at] == "namespaces" && parts.Length > at + 2)
                (inNamespace, at) = (parts[at + 1], at + 2);
            string Part(int index) => parts.Length > index ? parts[index] : "";
            path = new(groupVersion, inNamespace, parts[at], Part(at + 1), Part(at + 2));
            return true;
        }
    }
}

using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>The fields of <c>metadata</c> that are used.</summary>
internal readonly record struct Metadata
{
    public static readonly IReadOnlyDictionary<string, string> NoEntries = new SmallMap([]);

    public Metadata()
    {
    }

    /// <summary>False of something that is no object, for instance of a list.</summary>
    public bool HasName => Key.Name is { Length: > 0 };

    public ObjectKey Key { get; private init; } = new("", "");

    public string Uid { get; private init; } = "";

    public string ResourceVersion { get; private init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; private init; } = NoEntries;

    public IReadOnlyDictionary<string, string> Annotations { get; private init; } = NoEntries;

    public long Generation { get; private init; }

    public DateTimeOffset CreatedAt { get; private init; }

    public bool IsBeingDeleted { get; private init; }

    /// <summary>Of a list that has more pages.</summary>
    public string Continue { get; private init; } = "";

    /// <param name="json">Stands on the property <c>metadata</c>.</param>
    public static Metadata Parse(ref Utf8JsonReader json, StringPool strings)
    {
        Metadata metadata = new();
        if (!json.EnterObject())
            return metadata;

        while (json.NextProperty())
        {
            if (json.ValueTextEquals("name"u8))
                metadata = metadata with { Key = new(metadata.Key.Namespace, json.Text() ?? "") };
            else if (json.ValueTextEquals("namespace"u8))
                metadata = metadata with { Key = new(json.Text(strings) ?? "", metadata.Key.Name) };
            else if (json.ValueTextEquals("uid"u8))
                metadata = metadata with { Uid = json.Text() ?? "" };
            else if (json.ValueTextEquals("resourceVersion"u8))
                metadata = metadata with { ResourceVersion = json.Text() ?? "" };
            else if (json.ValueTextEquals("labels"u8))
                metadata = metadata with { Labels = SmallMap.Parse(ref json, strings) ?? NoEntries };
            else if (json.ValueTextEquals("annotations"u8))
                metadata = metadata with { Annotations = SmallMap.Parse(ref json, strings, IsWanted) ?? NoEntries };
            else if (json.ValueTextEquals("generation"u8))
                metadata = metadata with { Generation = json.Number() ?? 0 };
            else if (json.ValueTextEquals("creationTimestamp"u8))
                metadata = metadata with { CreatedAt = json.Time() ?? default };
            else if (json.ValueTextEquals("deletionTimestamp"u8))
                metadata = metadata with { IsBeingDeleted = json.Text() is not null };
            else if (json.ValueTextEquals("continue"u8))
                metadata = metadata with { Continue = json.Text() ?? "" };
            else
                json.SkipValue();
        }
        return metadata;
    }

    // A static pod's cgroup carries the hash of its manifest in place of its UID.
    private static bool IsWanted(string annotation) =>
        annotation.StartsWith("redirect.lra.dev/", StringComparison.Ordinal)
        || annotation.StartsWith("service.kubernetes.io/topology", StringComparison.Ordinal)
        || annotation == "kubernetes.io/config.mirror";
}

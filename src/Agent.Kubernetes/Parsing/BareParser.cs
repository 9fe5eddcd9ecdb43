using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>The kinds of which only <c>metadata</c> is used, and what lists and bookmarks have of it.</summary>
internal static class BareParser
{
    /// <returns>Null when the object has no name.</returns>
    public static Namespace? ParseNamespace(ReadOnlySpan<byte> json, StringPool strings) =>
        Parse(json, strings) is not { HasName: true } metadata ? null : new Namespace
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
        };

    /// <inheritdoc cref="ParseNamespace"/>
    public static Node? ParseNode(ReadOnlySpan<byte> json, StringPool strings) =>
        Parse(json, strings) is not { HasName: true } metadata ? null : new Node
        {
            Key = metadata.Key,
            Uid = metadata.Uid,
            ResourceVersion = metadata.ResourceVersion,
            Labels = metadata.Labels,
            Annotations = metadata.Annotations,
        };

    public static Metadata Parse(ReadOnlySpan<byte> bytes, StringPool strings)
    {
        Metadata metadata = new();
        Utf8JsonReader json = JsonFields.Open(bytes);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("metadata"u8))
                metadata = Metadata.Parse(ref json, strings);
            else
                json.SkipValue();
        }
        return metadata;
    }
}

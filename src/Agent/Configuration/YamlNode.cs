namespace Agent.Configuration;

/// <summary>A value of the file with its place: the line, counted from 1, and the key path.</summary>
internal abstract record YamlNode(int Line, string Path)
{
    /// <summary>What a person would call it.</summary>
    public abstract string Kind { get; }
}

internal sealed record ScalarNode(int Line, string Path, string Text, bool IsPlain) : YamlNode(Line, Path)
{
    /// <summary>YAML 1.2.2 section 10.3.2: what stands for "no value" unless it is quoted.</summary>
    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    public override string Kind => IsNull ? "nothing" : "a single value";
}

internal sealed record ListNode(int Line, string Path, IReadOnlyList<YamlNode> Items) : YamlNode(Line, Path)
{
    public override string Kind => "a list";
}

internal sealed record MappingNode(int Line, string Path, IReadOnlyDictionary<string, MappingEntry> Entries) : YamlNode(Line, Path)
{
    public override string Kind => "a mapping";

    public static MappingNode Empty(int line, string path) => new(line, path, new Dictionary<string, MappingEntry>());
}

/// <summary>Stands for a value that was refused, and reported, while the document was composed.</summary>
internal sealed record RefusedNode(int Line, string Path) : YamlNode(Line, Path)
{
    public override string Kind => "something refused";
}

internal readonly record struct MappingEntry(int KeyLine, YamlNode Value);

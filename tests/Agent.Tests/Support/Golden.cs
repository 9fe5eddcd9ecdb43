using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Agent.Tests.Support;

/// <summary>What commands print, as it was last meant to be.</summary>
internal static class Golden
{
    public static string DirectoryPath { get; } = Find();

    public static string Text(string file) => File.ReadAllText(Path.Combine(DirectoryPath, file));

    /// <summary>Compares the keys of JSON, which programs go by, with those of <c>Golden/json/</c>; what stands in a list is <c>[]</c>.</summary>
    public static void AssertKeys(string file, string json)
    {
        SortedSet<string> keys = new(StringComparer.Ordinal);
        Collect(JsonDocument.Parse(json).RootElement, "", keys);
        Assert.Equal(Text($"json/{file}.txt"), string.Concat(keys.Select(key => $"{key}\n")));
    }

    private static void Collect(JsonElement json, string path, SortedSet<string> keys)
    {
        if (json.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in json.EnumerateObject())
                Collect(property.Value, $"{path}.{property.Name}", keys);
        }
        else if (json.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in json.EnumerateArray())
                Collect(item, $"{path}[]", keys);
        }
        else
        {
            keys.Add(path);
        }
    }

    private static string Find([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "Golden");
}

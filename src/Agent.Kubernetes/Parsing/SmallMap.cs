using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>The handful of labels of one object, in an array: a tenth of a <see cref="Dictionary{TKey, TValue}"/>'s memory, for tens of thousands of objects.</summary>
internal sealed class SmallMap(KeyValuePair<string, string>[] entries) : IReadOnlyDictionary<string, string>
{
    public int Count => entries.Length;

    public string this[string key] => TryGetValue(key, out string? value) ? value : throw new KeyNotFoundException($"no '{key}'");

    public IEnumerable<string> Keys => entries.Select(entry => entry.Key);

    public IEnumerable<string> Values => entries.Select(entry => entry.Value);

    public bool ContainsKey(string key) => TryGetValue(key, out _);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        foreach (KeyValuePair<string, string> entry in entries)
        {
            if (entry.Key == key)
            {
                value = entry.Value;
                return true;
            }
        }
        value = null;
        return false;
    }

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => ((IEnumerable<KeyValuePair<string, string>>)entries).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Null when none is left.</summary>
    /// <param name="json">Stands on the property whose value is the map.</param>
    /// <param name="wanted">Decides by the key; null: all.</param>
    public static SmallMap? Parse(ref Utf8JsonReader json, StringPool strings, Func<string, bool>? wanted = null)
    {
        if (!json.EnterObject())
            return null;

        List<KeyValuePair<string, string>>? entries = null;
        while (json.NextProperty())
        {
            string key = strings.Get(ref json);
            if (wanted is not null && !wanted(key))
                json.SkipValue();
            else if (json.Text(strings) is { } value)
                (entries ??= []).Add(new(key, value));
        }
        return entries is null ? null : new SmallMap([.. entries]);
    }
}

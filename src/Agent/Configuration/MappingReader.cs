using System.Diagnostics.CodeAnalysis;

namespace Agent.Configuration;

/// <summary>
/// Hands out the values of one mapping by key, in place of a wrong value its default, and reports what is
/// wrong with it. The keys asked for are the keys known; the rest is reported once the mapping is read. What was handed out is noted.
/// </summary>
internal sealed class MappingReader
{
    private readonly MappingNode _mapping;
    private readonly MistakeList _mistakes;
    private readonly List<Setting> _settings;
    private readonly List<string> _known = [];

    private MappingReader(MappingNode mapping, MistakeList mistakes, List<Setting> settings)
    {
        _mapping = mapping;
        _mistakes = mistakes;
        _settings = settings;
    }

    /// <param name="settings">Where all values are noted that were handed out, defaults too, in the order of asking.</param>
    public static T Read<T>(MappingNode mapping, MistakeList mistakes, List<Setting> settings, Func<MappingReader, T> read)
    {
        MappingReader reader = new(mapping, mistakes, settings);
        T value = read(reader);
        reader.ReportUnknownKeys();
        return value;
    }

    public bool Has(string key) => _mapping.Entries.ContainsKey(key);

    public bool HasMistakes => _mistakes.AnyUnder(_mapping.Path);

    public bool HasMistakesUnder(string key) => _mistakes.AnyUnder(PathOf(key));

    /// <summary>Reports a mistake that lies in how <paramref name="key"/> goes with other keys, at its line or, when it is absent, at the mapping's.</summary>
    public void Report(string key, string message)
    {
        int line = _mapping.Entries.TryGetValue(key, out MappingEntry entry) ? entry.KeyLine : _mapping.Line;
        _mistakes.Add(line, PathOf(key), message);
    }

    /// <summary>Reports a mistake that concerns the mapping as a whole.</summary>
    public void Report(string message) => _mistakes.Add(_mapping.Line, _mapping.Path, message);

    public T Value<T>(string key, T absent, ValueParser<T> parse)
    {
        YamlNode? node = Find(key);
        Note(key, node is ScalarNode scalar ? Setting.Scalar(scalar.Text) : Setting.Default(absent));
        return node is not null && TryParse(node, parse, out T? value) ? value! : absent;
    }

    /// <summary>Null when the value is absent or, with the mistake reported, wrong.</summary>
    public T? Optional<T>(string key, ValueParser<T> parse) where T : class => Value(key, null, text =>
    {
        Parsed<T> parsed = parse(text);
        return new Parsed<T?>(parsed.Value, parsed.Mistake);
    });

    /// <summary>Null, with the mistake reported, when the value is missing or wrong.</summary>
    public T? Required<T>(string key, ValueParser<T> parse) where T : class
    {
        if (!Has(key))
            Report(key, "is missing");
        return Optional(key, parse);
    }

    /// <summary>A list of single values, of which none may stand twice.</summary>
    public IReadOnlyList<T> Values<T>(string key, IReadOnlyList<T> absent, ValueParser<T> parse)
    {
        HashSet<T> seen = [];
        Note(key, _mapping.Entries.GetValueOrDefault(key).Value is ListNode list ? Setting.List(list.Items.OfType<ScalarNode>()) : absent.Count > 0 ? Setting.Default(absent) : null);
        return List(key, absent, item => TryParse(item, Once, out T? value) ? [value!] : []);

        Parsed<T> Once(string text) =>
            parse(text).Unless(value => seen.Add(value) ? null : $"{Quoting.Quote(text)} is listed twice");
    }

    /// <summary>A mapping below this one; an absent one is read as an empty one, which gives the defaults.</summary>
    public T Section<T>(string key, Func<MappingReader, T> read)
    {
        MappingNode absent = MappingNode.Empty(_mapping.Line, PathOf(key));
        return Read(Find(key) is { } node && TryCast(node, "a mapping", out MappingNode? section) ? section : absent, _mistakes, _settings, read);
    }

    /// <summary>Like <see cref="Section"/>, and null when it is absent.</summary>
    public T? OptionalSection<T>(string key, Func<MappingReader, T> read) where T : class
    {
        _known.Add(key);
        return Has(key) ? Section(key, read) : null;
    }

    /// <summary>A list of mappings; those read as null are left out.</summary>
    public IReadOnlyList<T> Sections<T>(string key, IReadOnlyList<T> absent, Func<MappingReader, T?> read) where T : class =>
        List(key, absent, item => TryCast(item, "a mapping", out MappingNode? section) && Read(section, _mistakes, _settings, read) is { } value ? [value] : []);

    /// <summary>Says what holds for a key, where that is not what was handed out.</summary>
    /// <param name="text">As the file would have it; null: nothing.</param>
    public void Note(string key, string? text)
    {
        if (text is not null)
            _settings.Add(new Setting(PathOf(key), text));
    }

    private IReadOnlyList<T> List<T>(string key, IReadOnlyList<T> absent, Func<YamlNode, T[]> readItem) =>
        Find(key) is { } node && TryCast(node, "a list", out ListNode? list) ? [.. list.Items.SelectMany(readItem)] : absent;

    private YamlNode? Find(string key)
    {
        _known.Add(key);
        return _mapping.Entries.TryGetValue(key, out MappingEntry entry) ? entry.Value : null;
    }

    private bool TryParse<T>(YamlNode node, ValueParser<T> parse, out T? value)
    {
        value = default;
        if (!TryCast(node, "a single value", out ScalarNode? scalar))
            return false;

        Parsed<T> parsed = parse(scalar.Text);
        value = parsed.Value;
        if (parsed.Mistake is { } mistake)
            _mistakes.Add(node.Line, node.Path, mistake);
        return parsed.Mistake is null;
    }

    private bool TryCast<TNode>(YamlNode node, string wanted, [NotNullWhen(true)] out TNode? cast) where TNode : YamlNode
    {
        cast = node as TNode;
        if (node is ScalarNode { IsNull: true })
        {
            cast = null;
            _mistakes.Add(node.Line, node.Path, $"is empty where {wanted} is wanted; fill it or remove it");
        }
        else if (cast is null && node is not RefusedNode)
        {
            _mistakes.Add(node.Line, node.Path, $"is {node.Kind} where {wanted} is wanted");
        }
        return cast is not null;
    }

    private void ReportUnknownKeys()
    {
        foreach ((string key, MappingEntry entry) in _mapping.Entries)
        {
            if (_known.Contains(key))
                continue;

            string hint = Spelling.Nearest(key, _known) is { } nearest
                ? $"did you mean '{nearest}'?"
                : $"known here: {string.Join(", ", _known)}";
            _mistakes.Add(entry.KeyLine, PathOf(key), $"is not a known key; {hint}");
        }
    }

    private string PathOf(string key) => YamlComposer.KeyPath(_mapping.Path, key);
}

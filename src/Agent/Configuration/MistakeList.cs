namespace Agent.Configuration;

/// <summary>The mistakes found so far in one file.</summary>
internal sealed class MistakeList(string file)
{
    private readonly List<ConfigurationMistake> _mistakes = [];

    public void Add(int line, string key, string message) => _mistakes.Add(new(file, line, key, message));

    /// <summary>Whether a value at or below <paramref name="key"/> is mistaken, so that what follows from it is not worth saying.</summary>
    public bool AnyUnder(string key) => _mistakes.Exists(mistake =>
        mistake.Key.StartsWith(key, StringComparison.Ordinal)
        && (mistake.Key.Length == key.Length || mistake.Key[key.Length] is '.' or '['));

    public IReadOnlyList<ConfigurationMistake> InFileOrder() => [.. _mistakes.OrderBy(mistake => mistake.Line)];
}

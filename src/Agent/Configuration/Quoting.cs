namespace Agent.Configuration;

/// <summary>Text of the file on its way into a message: one line, no terminal escapes, not too long.</summary>
internal static class Quoting
{
    private const int MaxLength = 120;

    public static string Quote(string text) => $"'{OneLine(text)}'";

    public static string OneLine(string text)
    {
        string start = text.Length > MaxLength ? $"{text.AsSpan(0, MaxLength)}..." : text;
        return string.Create(start.Length, start, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
                line[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? '?' : source[i];
        });
    }
}

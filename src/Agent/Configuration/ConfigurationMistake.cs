namespace Agent.Configuration;

/// <summary>One mistake in a configuration file; its text is what a person needs to mend it.</summary>
/// <param name="File">The path as the user gave it.</param>
/// <param name="Line">Counted from 1; 0 when the mistake concerns the file and no line of it.</param>
/// <param name="Key">For instance <c>redirect.frontends[0].fallback[1]</c>; empty when the mistake is under no key.</param>
/// <param name="Message">One line, without a full stop.</param>
public sealed record ConfigurationMistake(string File, int Line, string Key, string Message)
{
    /// <summary><c>file:line: key: message</c>, without the parts that are not known.</summary>
    public override string ToString()
    {
        string place = Line > 0 ? $"{File}:{Line}" : File;
        return Key.Length > 0 ? $"{place}: {Key}: {Message}" : $"{place}: {Message}";
    }
}

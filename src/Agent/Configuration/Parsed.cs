namespace Agent.Configuration;

/// <summary>Reads one value from the text of a scalar.</summary>
internal delegate Parsed<T> ValueParser<T>(string text);

/// <summary>A value, or what is wrong with the text that it was to be read from.</summary>
internal readonly record struct Parsed<T>(T? Value, string? Mistake)
{
    public static implicit operator Parsed<T>(T value) => new(value, null);

    public static implicit operator Parsed<T>(Refusal refusal) => new(default, refusal.Message);

    /// <summary>Adds a condition: <paramref name="mistakeIn"/> says what is wrong with a value, or null.</summary>
    public Parsed<T> Unless(Func<T, string?> mistakeIn) =>
        Mistake is null && mistakeIn(Value!) is { } mistake ? new Refusal(mistake) : this;
}

internal readonly record struct Refusal(string Message);

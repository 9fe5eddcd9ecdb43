namespace Agent.Configuration.Corefile;

/// <summary>Where something stands.</summary>
/// <param name="Line">Counted from 1.</param>
internal readonly record struct Place(string File, int Line);

/// <summary>A line of a Corefile: a plugin, or an option of one, with its block.</summary>
internal sealed record Directive(Place Place, string Name, IReadOnlyList<string> Arguments, IReadOnlyList<Directive> Body);

/// <summary>What CoreDNS serves under some zones.</summary>
/// <param name="Keys">Zones as they are written, with scheme and port.</param>
internal sealed record ServerBlock(Place Place, IReadOnlyList<string> Keys, IReadOnlyList<Directive> Directives);

/// <summary>What a person should know of a line.</summary>
/// <param name="IsLoss">Whether something that the Corefile says is not in the result.</param>
internal sealed record Remark(Place Place, string Text, bool IsLoss)
{
    public override string ToString() => $"{Place.File}:{Place.Line}: {Text}";
}

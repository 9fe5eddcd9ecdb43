using System.Globalization;

namespace Agent.Fuzz;

/// <summary>The command line. Empty values count as not given, so that a Makefile may pass all of them.</summary>
internal sealed record Options
{
    public required IReadOnlyList<Target> Targets { get; init; }

    public double Seconds { get; init; } = 120;

    public ulong Seed { get; init; }

    /// <summary>One input to repeat.</summary>
    public byte[]? Input { get; init; }

    /// <summary>Whether what is found new goes into the corpus.</summary>
    public bool Keep { get; init; }

    /// <exception cref="FormatException">With the text to show.</exception>
    public static Options Parse(string[] arguments)
    {
        Dictionary<string, string> given = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name == "--keep")
                given[name] = "yes";
            else if (name is "--seconds" or "--seed" or "--target" or "--input" && i + 1 < arguments.Length)
                given[name] = arguments[++i];
            else
                throw new FormatException("usage: Agent.Fuzz [--seconds N] [--target NAME] [--seed N] [--keep] [--target NAME --input HEX]");
        }

        string Value(string name) => given.GetValueOrDefault(name, "");
        Target[] targets = [.. Target.All.Where(target => Value("--target") is "" || Value("--target") == target.Name)];
        if (targets.Length == 0 || (Value("--input") is not "" && targets.Length > 1))
            throw new FormatException($"--target is one of {string.Join(", ", Target.All.Select(target => target.Name))}");
        return new Options
        {
            Targets = targets,
            Seconds = Value("--seconds") is "" ? 120 : double.Parse(Value("--seconds"), CultureInfo.InvariantCulture),
            Seed = Value("--seed") is "" ? (ulong)DateTime.UtcNow.Ticks % 1_000_000_000 : ulong.Parse(Value("--seed"), CultureInfo.InvariantCulture),
            Input = Value("--input") is "" ? null : Convert.FromHexString(Value("--input")),
            Keep = given.ContainsKey("--keep"),
        };
    }
}

using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Agent.Dns;
using Agent.Serving;

namespace Agent.Commands;

/// <summary>What several commands take, and how it is held against what it must be.</summary>
internal static class Arguments
{
    /// <summary>Types of records that a shell completes; others may be given too.</summary>
    public static string[] Types { get; } = [.. TypeGroup.Names.SkipLast(1)];

    /// <summary>An argument that is a DNS name.</summary>
    public static Argument<string> Name(string description)
    {
        Argument<string> name = new("NAME") { Description = description };
        name.Validators.Add(CheckName);
        return name;
    }

    /// <summary>An option that is a whole number.</summary>
    /// <param name="name">With its dashes.</param>
    public static Option<int> Number(string name, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
                return number;
            result.AddError(most == int.MaxValue ? $"{name}: '{text}' is not a whole number from {least} on" : $"{name}: '{text}' is not a whole number from {least} to {most}");
            return 0;
        },
    };

    private static void CheckName(ArgumentResult result)
    {
        try
        {
            foreach (Token token in result.Tokens)
            {
                DnsName.FromText(token.Value);
                // A slip in an option must not be taken for a name that is not there.
                if (token.Value.StartsWith('-'))
                    result.AddError($"'{token.Value}' is no option of this command, and no name");
            }
        }
        catch (FormatException error)
        {
            result.AddError(error.Message);
        }
    }
}

using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Agent.Commands;

/// <summary>Help in which a list of commands has the first line of each; a command's own help has them all.</summary>
internal sealed class ShortHelp(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public static void Use(RootCommand root)
    {
        int index = root.Options.IndexOf(root.Options.OfType<HelpOption>().Single());
        // Without the "/?" of Windows, which a shell would complete in place of files.
        root.Options[index] = new HelpOption("--help", "-h") { Description = "Show help", Action = new ShortHelp(new HelpAction()) };
    }

    public override int Invoke(ParseResult parseResult)
    {
        foreach (Command command in parseResult.CommandResult.Command.Subcommands)
            command.Description = command.Description?.Split('\n')[0];
        return help.Invoke(parseResult);
    }
}

using System.CommandLine;
using Agent.Configuration;
using Agent.Redirect;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra check</c>: what this node can do, feature by feature.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        Option<string?> config = new("--config", "-c")
        {
            Description = $"Check for what this configuration file asks [default: {CommandLine.DefaultConfiguration}, if it is there]",
            HelpName = "FILE",
        };
        Command command = new("check", """
            Say, feature by feature, what this node can do, and what follows where it cannot.
            Changes nothing. Exit status 1 when the node cannot redirect.
            """)
        {
            config,
        };
        command.SetAction(parsed => Check(parsed.GetValue(config)));
        return command;
    }

    private static int Check(string? path)
    {
        AgentConfiguration? configuration = null;
        path ??= File.Exists(CommandLine.DefaultConfiguration) ? CommandLine.DefaultConfiguration : null;
        if (path != null && !CommandLine.TryReadConfiguration(path, out configuration))
            return ExitStatus.Usage;
        IReadOnlyList<NodeFeature> features = NodeFeature.ProbeAll(configuration?.Redirect ?? new RedirectConfiguration());
        Table table = new Table().Border(TableBorder.None).AddColumns("FEATURE", "", "FOUND", "CONSEQUENCE");
        foreach (NodeFeature feature in features)
            table.AddRow(new[] { feature.Name, feature.IsThere ? "ok" : "MISSING", feature.Found, feature.IsThere ? "" : feature.Consequence }.Select(Markup.Escape).ToArray());
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 240);
        AnsiConsole.Write(table);
        bool canRedirect = features.All(feature => feature.IsThere || !feature.IsNeeded);
        Console.WriteLine();
        Console.WriteLine(canRedirect
            ? "This node can redirect."
            : "This node cannot redirect: the agent would serve on its own address and leave the pods' traffic alone.");
        return canRedirect ? ExitStatus.Done : ExitStatus.Failed;
    }
}

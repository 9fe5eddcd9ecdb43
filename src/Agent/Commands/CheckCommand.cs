using System.CommandLine;
using System.Text.Json.Serialization;
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
            Description = $"The configuration file [default: {CommandLine.DefaultConfiguration}, if it is there]",
            HelpName = "FILE",
        };
        Option<string> output = Output.CreateOption();
        Command command = new("check", """
            Say, feature by feature, what this node can do, and what follows where it cannot.
            It goes by what the configuration asks for, and changes nothing. Exit status 1: the node cannot redirect.
            """)
        {
            config,
            output,
        };
        command.SetAction(parsed => Check(parsed.GetValue(config), parsed.GetValue(output)!));
        return command;
    }

    private static int Check(string? path, string format)
    {
        AgentConfiguration? configuration = null;
        path ??= File.Exists(CommandLine.DefaultConfiguration) ? CommandLine.DefaultConfiguration : null;
        if (path != null && !CommandLine.TryReadConfiguration(path, out configuration))
            return ExitStatus.Usage;
        IReadOnlyList<NodeFeature> features = NodeFeature.ProbeAll(configuration?.Redirect ?? new RedirectConfiguration());
        CheckReport report = new(features.All(feature => feature.IsThere || !feature.IsNeeded), features);
        Output.Show(format, report, CheckJson.Default.CheckReport, Show);
        return report.CanRedirect ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static int Show(CheckReport report)
    {
        Table table = new Table().AddColumns("FEATURE", "", "FOUND", "CONSEQUENCE");
        foreach (NodeFeature feature in report.Features)
            table.AddRow(new[] { feature.Name, feature.IsThere ? "ok" : "MISSING", feature.Found, feature.IsThere ? "" : feature.Consequence }.Select(Markup.Escape).ToArray());
        CommandLine.Print(table);
        Console.WriteLine();
        Console.WriteLine(report.CanRedirect
            ? "This node can redirect."
            : "This node cannot redirect: the agent would serve on its own address and leave the pods' traffic alone.");
        return ExitStatus.Done;
    }
}

/// <summary>What a node can do.</summary>
internal sealed record CheckReport(bool CanRedirect, IReadOnlyList<NodeFeature> Features);

[JsonSerializable(typeof(CheckReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class CheckJson : JsonSerializerContext;

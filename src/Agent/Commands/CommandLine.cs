using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Agent.Configuration;
using Spectre.Console;

namespace Agent.Commands;

/// <summary>The command line: nouns read, verbs change.</summary>
internal static class CommandLine
{
    public const string DefaultConfiguration = "/etc/lra/lra.yaml";

    public static int Run(string[] args)
    {
        RootCommand root = Create();
        ParseResult parsed = root.Parse(args.Length > 0 ? args : ["--help"]);
        int status = parsed.Invoke();
        return parsed.Errors.Count > 0 ? ExitStatus.Usage : status;
    }

    /// <summary>The commands, each in a file of its own.</summary>
    public static RootCommand Create() =>
        new($"""
            Local Redirect Agent: answers the DNS queries of this node's pods from a cache on the node.
            In the kernel, BPF programs redirect what pods send to the cluster's DNS address: to this agent while
            it is well, else to the kube-dns pods.

            Exit status: 0 done; 1 failed, the message says why; 2 the command line or the configuration is wrong;
            3 the agent is not running.
            """)
        {
            RunCommand.Create(),
            CheckCommand.Create(),
            StatusCommand.Create(),
            ObserveCommand.Create(),
            TopCommand.Create(),
            CacheCommand.Create(),
            PolicyCommand.Create(),
            ExplainCommand.Create(),
            UpstreamCommand.Create(),
            ConfigCommand.Create(),
            RepairCommand.Create(),
            UninstallCommand.Create(),
            CompletionCommand.Create(),
            VersionCommand.Create(),
        };

    /// <summary>The option that each command which needs the configuration has.</summary>
    public static Option<string> ConfigurationOption() => new("--config", "-c")
    {
        Description = "The configuration file",
        HelpName = "FILE",
        DefaultValueFactory = _ => DefaultConfiguration,
    };

    /// <summary>Prints a table that programs may read too: no frame, and no line is wrapped.</summary>
    public static void Print(Table table)
    {
        table.Border(TableBorder.None);
        PrintWide(table);
    }

    public static void PrintWide(Spectre.Console.Rendering.IRenderable shown)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 200);
        AnsiConsole.Write(shown);
    }

    /// <summary>Reads the configuration; its mistakes go to standard error, a line each.</summary>
    public static bool TryReadConfiguration(string path, [NotNullWhen(true)] out AgentConfiguration? configuration)
    {
        bool isValid = ConfigurationFile.TryRead(path, out configuration, out IReadOnlyList<ConfigurationMistake> mistakes);
        foreach (ConfigurationMistake mistake in mistakes)
            Console.Error.WriteLine(mistake);
        return isValid;
    }

    /// <summary>Says on standard error what failed.</summary>
    public static int Fail(string message)
    {
        Console.Error.WriteLine($"lra: {message}");
        return ExitStatus.Failed;
    }
}

/// <summary>What the process ends with.</summary>
internal static class ExitStatus
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int NotRunning = 3;
}

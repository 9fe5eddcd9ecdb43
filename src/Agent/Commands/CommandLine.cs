using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using Agent.Configuration;
using Agent.Observability;
using Spectre.Console;

namespace Agent.Commands;

/// <summary>The command line: nouns read, verbs change.</summary>
internal static class CommandLine
{
    public const string DefaultConfiguration = "/etc/lra/lra.yaml";

    private const int TableWidth = 10_000; // wider than any table: only the terminal may wrap a line

    public static int Run(string[] args)
    {
        ParseResult parsed = Create().Parse(args.Length > 0 ? args : ["--help"]);
        return parsed.Action is ParseErrorAction mistakes ? FailUsage(parsed, mistakes) : parsed.Invoke();
    }

    /// <summary>The commands, each in a file of its own.</summary>
    public static RootCommand Create()
    {
        RootCommand root = new("""
            Local Redirect Agent: answers the DNS queries of this node's pods from a cache on the node.
            In the kernel, BPF programs redirect what pods send to the cluster's DNS address: to this agent while
            it is well, else to the kube-dns pods.

            'lra check' says what this node can do, 'lra run' starts the agent, 'lra status' shows what it does.

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
        ShortHelp.Use(root);
        return root;
    }

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
        AnsiConsole.Profile.Width = TableWidth;
        AnsiConsole.Write(shown);
    }

    /// <summary>Reads the configuration; its mistakes go to standard error, a line each.</summary>
    public static bool TryReadConfiguration(string path, [NotNullWhen(true)] out AgentConfiguration? configuration)
    {
        bool isValid = Read(path, out configuration);
        if (!isValid)
            configuration = null;
        return isValid;
    }

    /// <summary>
    /// Reads the configuration for a command that asks the running agent. While one listens where the file says, mistakes in it are printed and do not
    /// matter: people ask because the agent refuses the file.
    /// </summary>
    public static bool TryReadForAgent(string path, [NotNullWhen(true)] out AgentConfiguration? configuration)
    {
        if (Read(path, out configuration))
            return true;
        if (configuration == null || !AdminClient.IsListening(configuration.AdminSocket))
            return false;
        Console.Error.WriteLine("lra: the file has mistakes; the agent that runs is asked nevertheless");
        return true;
    }

    /// <summary>Reads the configuration and prints its mistakes on standard error.</summary>
    /// <returns>Whether it has none.</returns>
    private static bool Read(string path, [NotNullWhen(true)] out AgentConfiguration? draft)
    {
        draft = ConfigurationFile.ReadDraft(path, out IReadOnlyList<ConfigurationMistake> mistakes);
        foreach (ConfigurationMistake mistake in mistakes)
            Console.Error.WriteLine(mistake);
        if (path == DefaultConfiguration && !Path.Exists(path))
            Console.Error.WriteLine("lra: name the configuration with --config FILE");
        return draft != null && mistakes.Count == 0;
    }

    /// <summary>Says on standard error what is wrong with the command line, so that a pipe does not take it for output.</summary>
    private static int FailUsage(ParseResult parsed, ParseErrorAction mistakes)
    {
        Command command = parsed.CommandResult.Command;
        mistakes.ShowHelp = command.Subcommands.Count > 0; // a short list, of which one was meant
        parsed.Invoke(new InvocationConfiguration { Output = Console.Error });
        if (!mistakes.ShowHelp)
            Console.Error.WriteLine($"lra: '{PathOf(parsed.CommandResult)} --help' says what it takes");
        return ExitStatus.Usage;
    }

    private static string PathOf(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{PathOf(parent)} {command.Command.Name}" : command.Command.Name;

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

using System.CommandLine;
using Agent.Configuration;
using Agent.Configuration.Corefile;
using Agent.Observability;

namespace Agent.Commands;

/// <summary><c>lra config</c>: configuration files.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Check, show, compare and convert configuration files.")
    {
        CreateCheck(),
        CreateShow(),
        CreateDiff(),
        CreateConvert(),
    };

    private static Command CreateCheck()
    {
        Argument<string> file = new("FILE") { Description = "The configuration file", DefaultValueFactory = _ => CommandLine.DefaultConfiguration };
        Command command = new("check", """
            Read a configuration file and name every mistake, with its line and key.
            Exit status 0: it is right; 2: it has mistakes.
            """)
        {
            file,
        };
        command.SetAction(parsed =>
        {
            if (!CommandLine.TryReadConfiguration(parsed.GetValue(file)!, out _))
                return ExitStatus.Usage;
            Console.WriteLine($"{parsed.GetValue(file)} is right");
            return ExitStatus.Done;
        });
        return command;
    }

    private static Command CreateShow()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Option<bool> running = new("--running") { Description = "What the running agent goes by, in place of what the file says" };
        Option<string> output = new Option<string>("--output", "-o")
        {
            Description = "yaml as the file is written, json (a list of paths with their values) for programs",
            HelpName = "yaml|json",
            DefaultValueFactory = _ => "yaml",
        }.AcceptOnlyFromAmong("yaml", "json");
        Command command = new("show", "Show every setting, also those that the file leaves to their defaults.") { running, config, output };
        command.SetAction(parsed =>
        {
            bool isRunning = parsed.GetValue(running);
            return (isRunning
                ? CommandLine.TryReadForAgent(parsed.GetValue(config)!, out AgentConfiguration? file)
                : CommandLine.TryReadConfiguration(parsed.GetValue(config)!, out file))
                ? WithSettings(file, isRunning, settings => Show(settings, parsed.GetValue(output)!))
                : ExitStatus.Usage;
        });
        return command;
    }

    private static int Show(IReadOnlyList<Setting> settings, string format)
    {
        if (format == "yaml")
            Console.Write(Setting.ToYaml(settings));
        else
            Output.Write(Output.Json, settings, SettingsJson.Default.IReadOnlyListSetting);
        return ExitStatus.Done;
    }

    private static Command CreateDiff()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Option<string> output = Output.CreateOption();
        Command command = new("diff", """
            Show where the file differs from what the running agent goes by, and which of it takes a restart.
            Exit status 0: it does not; 1: it does; 3: the agent is not running.
            """)
        {
            config,
            output,
        };
        command.SetAction(parsed => !CommandLine.TryReadConfiguration(parsed.GetValue(config)!, out AgentConfiguration? file)
            ? ExitStatus.Usage
            : WithSettings(file, isRunning: true, running =>
            {
                IReadOnlyList<SettingChange> changes = SettingChange.Between(running, file.Settings);
                Output.Show(parsed.GetValue(output)!, changes, SettingsJson.Default.IReadOnlyListSettingChange, ShowChanges);
                return changes.Count == 0 ? ExitStatus.Done : ExitStatus.Failed;
            }));
        return command;
    }

    private static int ShowChanges(IReadOnlyList<SettingChange> changes)
    {
        foreach (SettingChange change in changes)
            Console.WriteLine(change.IsLive ? $"{change}" : $"{change}, which takes a restart");
        return ExitStatus.Done;
    }

    private static int WithSettings(AgentConfiguration file, bool isRunning, Func<IReadOnlyList<Setting>, int> show)
    {
        try
        {
            IReadOnlyList<Setting>? settings = isRunning
                ? AdminClient.Ask(file.AdminSocket, HttpMethod.Get, AdminServer.ConfigurationPath, SettingsJson.Default.IReadOnlyListSetting)
                : file.Settings;
            if (settings != null)
                return show(settings);
            return RunningAgent.FailNotRunning(file.AdminSocket);
        }
        catch (Exception error) when (error is UnauthorizedAccessException or InvalidOperationException)
        {
            return CommandLine.Fail(error.Message);
        }
    }

    private static Command CreateConvert()
    {
        Argument<string> corefile = new("COREFILE") { Description = "The Corefile of CoreDNS, or of NodeLocal DNSCache with its placeholders" };
        Option<string?> output = new("--output", "-o") { Description = "Write the configuration here instead of to standard output", HelpName = "FILE" };
        Command command = new("convert", """
            Turn a Corefile of CoreDNS or NodeLocal DNSCache into this agent's configuration.
            Each line that is not carried over, or not as it was, is named on standard error.
            Exit status 0: all is carried over, or needs no setting; 1: something was left out; 2: the file cannot be read.
            """)
        {
            corefile,
            output,
        };
        command.SetAction(parsed => Convert(parsed.GetValue(corefile)!, parsed.GetValue(output)));
        return command;
    }

    private static int Convert(string path, string? output)
    {
        string yaml;
        IReadOnlyList<Remark> remarks;
        try
        {
            yaml = Converter.Convert(path, out remarks);
            if (output == null)
                Console.Out.Write(yaml);
            else
                File.WriteAllText(output, yaml);
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            CommandLine.Fail(error.Message);
            return ExitStatus.Usage;
        }

        foreach (Remark remark in remarks)
            Console.Error.WriteLine(remark);
        // What is left to do by hand is better said now than when the agent is to start.
        ConfigurationFile.TryParse(yaml, output ?? "the result", out _, out IReadOnlyList<ConfigurationMistake> mistakes);
        foreach (ConfigurationMistake mistake in mistakes)
            Console.Error.WriteLine(mistake);
        if (yaml.Length > ConfigurationFile.MaxBytes)
            return CommandLine.Fail($"the result is larger than the {ConfigurationFile.MaxBytes >> 20} MiB that a configuration may have; leave lists of hosts to CoreDNS, with a route");
        return mistakes.Count > 0 || remarks.Any(remark => remark.IsLoss) ? ExitStatus.Failed : ExitStatus.Done;
    }
}

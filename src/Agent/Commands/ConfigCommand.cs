using System.CommandLine;
using Agent.Configuration;
using Agent.Configuration.Corefile;

namespace Agent.Commands;

/// <summary><c>lra config</c>: configuration files.</summary>
internal static class ConfigCommand
{
    public static Command Create() => new("config", "Work on configuration files")
    {
        CreateConvert(),
    };

    private static Command CreateConvert()
    {
        Argument<string> corefile = new("COREFILE") { Description = "The Corefile of CoreDNS, or of NodeLocal DNSCache with its placeholders" };
        Option<string?> output = new("--output", "-o") { Description = "Write the configuration here instead of to standard output", HelpName = "FILE" };
        Command command = new("convert", """
            Turn a Corefile of CoreDNS or NodeLocal DNSCache into this agent's configuration.
            Each line that is not carried over, or not as it was, is named on standard error.
            Exit status: 0 all is carried over, or needs no setting; 1 something was left out; 2 the file cannot be read.
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

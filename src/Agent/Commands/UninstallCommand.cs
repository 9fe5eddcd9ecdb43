using System.CommandLine;
using System.ComponentModel;
using System.Net;
using Agent.Configuration;
using Agent.Redirect;

namespace Agent.Commands;

/// <summary><c>lra uninstall</c>: leaves the node as it was before the agent.</summary>
internal static class UninstallCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Command command = new("uninstall", """
            Take the agent's programs, maps and addresses off this node.
            Stop the agent first: a running one goes on serving, without the redirect.
            """)
        {
            config,
        };
        command.SetAction(parsed => Uninstall(parsed.GetValue(config)!));
        return command;
    }

    private static int Uninstall(string path)
    {
        if (!CommandLine.TryReadConfiguration(path, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        try
        {
            foreach (string directory in Datapath.Directories(configuration.Redirect.PinPath).Where(Directory.Exists))
            {
                Pins.Remove(directory);
                Console.WriteLine($"removed {directory}");
            }

            foreach (IPAddress address in ListenAddresses.Remove(Path.GetDirectoryName(configuration.AdminSocket)!))
                Console.WriteLine($"removed {address} from lo");
            return ExitStatus.Done;
        }
        catch (Exception error) when (error is RedirectException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            return CommandLine.Fail(error.Message);
        }
    }
}

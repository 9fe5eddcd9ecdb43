using System.CommandLine;
using System.ComponentModel;
using System.Net;
using Agent.Configuration;
using Agent.Redirect;
using Agent.Serving;

namespace Agent.Commands;

/// <summary><c>lra uninstall</c>: leaves the node as it was before the agent.</summary>
internal static class UninstallCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Command command = new("uninstall", """
            Take the agent's programs, maps, addresses and snapshot off this node.
            Stop the agent first: a running one would lose its traffic and its addresses.
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
        if (!Environment.IsPrivilegedProcess)
            return CommandLine.Fail("taking programs and addresses off the node needs root");
        try
        {
            string stateDirectory = Path.GetDirectoryName(configuration.AdminSocket)!;
            string[] pins = [.. Datapath.Directories(configuration.Redirect.PinPath).Where(Directory.Exists)];
            foreach (string directory in pins)
            {
                Pins.Remove(directory);
                Console.WriteLine($"removed {directory}");
            }

            IReadOnlyList<IPAddress> addresses = ListenAddresses.Remove(stateDirectory);
            foreach (IPAddress address in addresses)
                Console.WriteLine($"removed {address} from lo");
            bool hasSnapshot = File.Exists(configuration.Snapshot.Path);
            if (hasSnapshot)
            {
                File.Delete(configuration.Snapshot.Path);
                Console.WriteLine($"removed {configuration.Snapshot.Path}");
            }

            if (Directory.Exists(stateDirectory))
            {
                File.Delete(configuration.AdminSocket);
                File.Delete(SocketHandover.PathFor(configuration.AdminSocket));
            }

            if (pins.Length + addresses.Count == 0 && !hasSnapshot)
                Console.WriteLine($"nothing to remove: {configuration.Redirect.PinPath} is not there, and no address is noted in {stateDirectory}");
            return ExitStatus.Done;
        }
        catch (Exception error) when (error is RedirectException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            return CommandLine.Fail(error.Message);
        }
    }
}

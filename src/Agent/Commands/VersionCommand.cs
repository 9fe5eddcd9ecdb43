using System.CommandLine;
using System.Reflection;

namespace Agent.Commands;

/// <summary><c>lra version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>The version of this build.</summary>
    public static string Text { get; } =
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public static Command Create()
    {
        Command command = new("version", "Print the version.");
        command.SetAction(_ => Console.WriteLine($"lra {Text}"));
        return command;
    }
}

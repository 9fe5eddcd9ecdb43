using System.Runtime.CompilerServices;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary>Help is part of the interface: it changes when somebody means it to, and Golden/ with it.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData("lra")]
    [InlineData("run")]
    [InlineData("check")]
    [InlineData("status")]
    [InlineData("observe")]
    [InlineData("top")]
    [InlineData("cache")]
    [InlineData("policy")]
    [InlineData("explain")]
    [InlineData("upstream")]
    [InlineData("config")]
    [InlineData("repair")]
    [InlineData("uninstall")]
    [InlineData("completion")]
    [InlineData("version")]
    public async Task The_help_of_a_command_is_the_golden_one(string command)
    {
        (int status, string output, string error) = await AgentProcess.Run(command == "lra" ? ["--help"] : [command, "--help"]);

        Assert.Equal((0, ""), (status, error));
        Assert.Equal(File.ReadAllText(Path.Combine(GoldenDirectory(), $"{command}.txt")), Trimmed(output));
    }

    [Fact]
    public async Task Every_command_that_the_help_lists_has_a_golden_file_and_no_other_has()
    {
        (_, string output, _) = await AgentProcess.Run("--help");

        IEnumerable<string> listed = output[output.IndexOf("Commands:", StringComparison.Ordinal)..].Split('\n')
            .Where(line => line.Length > 2 && line[..2] == "  " && line[2] != ' ')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]);
        Assert.Equal(
            listed.Append("lra").Order(),
            Directory.GetFiles(GoldenDirectory(), "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!).Order());
    }

    /// <summary>Without the spaces at line ends that no editor keeps.</summary>
    private static string Trimmed(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimEnd())).TrimEnd() + "\n";

    private static string GoldenDirectory([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "Golden");
}

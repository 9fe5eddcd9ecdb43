using System.CommandLine;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary>Help is part of the interface: it changes when somebody means it to, and Golden/ with it.</summary>
public sealed class HelpTests
{
    private static readonly Command _root = Commands.CommandLine.Create();

    /// <summary>Each command by its words, <c>cache list</c>.</summary>
    public static TheoryData<string> Paths() => [.. All(_root, []).Select(command => string.Join(' ', command.Path))];

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task The_help_of_a_command_is_the_golden_one(string path)
    {
        (int status, string output, string error) = await AgentProcess.Run([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal((0, ""), (status, error));
        Assert.Equal(Golden.Text(FileOf(path)), Trimmed(output));
    }

    [Fact]
    public void Every_command_has_a_golden_file_and_no_other_has() =>
        Assert.Equal(All(_root, []).Select(command => FileOf(string.Join(" ", command.Path))).Order(), Directory.GetFiles(Golden.DirectoryPath, "*.txt").Select(file => Path.GetFileName(file)).Order());

    [Fact]
    public void Commands_are_described_in_sentences_and_what_they_take_in_phrases() => Assert.All(All(_root, []), command =>
    {
        Assert.EndsWith(".", command.Command.Description, StringComparison.Ordinal);
        Assert.DoesNotContain(' ' + "\n", command.Command.Description, StringComparison.Ordinal);
        if (command.Path.Length > 0)
            Assert.Matches(@"^[A-Z][^\n]{10,110}\.(\n|$)", command.Command.Description); // the first line stands for it in lists
        foreach (Symbol symbol in (Symbol[])[.. command.Command.Arguments, .. OwnOptions(command.Command)])
            Assert.Matches("^[A-Za-z].*[^.]$", symbol.Description);
    });

    [Fact]
    public void What_is_to_be_filled_in_is_in_capitals_or_one_of_a_few_words() => Assert.All(All(_root, []), command =>
    {
        foreach (Argument argument in command.Command.Arguments)
            Assert.Matches("^[A-Z]+$", argument.HelpName ?? argument.Name);
        foreach (Option option in OwnOptions(command.Command).Where(option => option.ValueType != typeof(bool)))
            Assert.Matches("^([A-Z/]+|[a-z]+([|][a-z]+)+)$", option.HelpName);
    });

    [Fact]
    public void The_configuration_and_the_format_come_last_and_are_the_same_everywhere() => Assert.All(All(_root, []), command =>
    {
        Option[] options = [.. OwnOptions(command.Command)];
        string[] shared = [.. options.Select(option => option.Name).Where(name => name is "--config" or "--output")];
        Assert.Equal(shared.Order(StringComparer.Ordinal), options.TakeLast(shared.Length).Select(option => option.Name));
        Assert.All(options.Where(option => option.Name == "--config"), option => Assert.StartsWith("The configuration file", option.Description, StringComparison.Ordinal));
    });

    private static IEnumerable<Option> OwnOptions(Command command) => command.Options.Where(option => option.GetType().IsGenericType);

    private static IEnumerable<(string[] Path, Command Command)> All(Command command, string[] path) =>
        command.Subcommands.SelectMany(sub => All(sub, [.. path, sub.Name])).Prepend((path, command));

    private static string FileOf(string path) => path.Length == 0 ? "lra.txt" : $"{path.Replace(' ', '-')}.txt";

    /// <summary>Without the spaces at line ends that no editor keeps.</summary>
    private static string Trimmed(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimEnd())).TrimEnd() + "\n";
}

using System.Text.RegularExpressions;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Deploy.Tests;

/// <summary>Two builds of a commit make the same image.</summary>
public sealed partial class ReproducibilityTests
{
    /// <summary>Microsoft.Extensions.Logging.Generators writes the parts of a class in another order each time, and with it the fields behind their messages.</summary>
    [Fact]
    public void The_log_messages_of_a_class_are_in_one_part_of_it()
    {
        (string Class, string File)[] parts = [.. from file in Directory.GetFiles(Path.Combine(DeployedYaml.Root, "src"), "*.cs", SearchOption.AllDirectories)
                                                  let text = File.ReadAllText(file)
                                                  where text.Contains("[LoggerMessage(", StringComparison.Ordinal)
                                                  from match in PartialClass().Matches(text)
                                                  select (match.Value, file)];

        Assert.True(parts.Length > 10, "the log messages were not found");
        Assert.Equal([], parts.GroupBy(part => part.Class).Where(group => group.Count() > 1).SelectMany(group => group).Select(part => $"{part.Class} in {part.File}"));
    }

    [Fact]
    public void The_image_s_executable_is_made_without_symbols_in_which_that_order_shows() =>
        Assert.Contains("-p:DebugType=none", File.ReadAllText(Path.Combine(DeployedYaml.Root, "deploy/image/compile")), StringComparison.Ordinal);

    [GeneratedRegex(@"(?<=^(\w+ )*partial class )\w+", RegexOptions.Multiline)]
    private static partial Regex PartialClass();
}

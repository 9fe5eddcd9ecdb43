using System.Text.RegularExpressions;

namespace Agent.Lab.Tests;

/// <summary>The commands of bpf/README.md, as they stand there, on a node that is at work.</summary>
public sealed partial class BpftoolTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private static readonly IReadOnlyList<Example> _examples = Example.ReadAll(Path.Combine(Machine.Repository, "bpf/README.md"));

    [BpfFact]
    public void The_datapath_README_shows_the_fields_that_its_commands_print()
    {
        lab.EnsureAgentServes();
        KernelState.Skip(lab, "10.96.0.10", "kubepods/burstable/pod-webpod", isOn: true);
        using RunningProcess pod = lab.StartProbe("-k 10.96.0.10");
        Assert.True(ProbeReport.Parse(pod.ReadLine()).IsFlawless);
        try
        {
            Assert.All(_examples, example =>
            {
                CommandResult result = Processes.Run("bash", ["-c", OnThisNode(example.Command)]);

                Assert.True(result is { ExitCode: 0, Error: "" }, result.Output + result.Error);
                Assert.Equal(Shape(example.Output), Shape(result.Output));
            });
        }
        finally
        {
            pod.CloseInput();
            pod.WaitForEnd(TimeSpan.FromSeconds(5));
            KernelState.Skip(lab, "10.96.0.10", "kubepods/burstable/pod-webpod", isOn: false);
        }
    }

    [BpfFact]
    public void The_datapath_README_reads_every_pinned_map_program_and_link()
    {
        lab.EnsureAgentServes();
        string commands = string.Join('\n', _examples.Select(example => example.Command));
        string outputs = string.Join('\n', _examples.Select(example => example.Output));

        Assert.All(Directory.GetFiles(lab.Pins).Select(Path.GetFileName), pin =>
        {
            bool isProgram = pin!.StartsWith("lra_", StringComparison.Ordinal);
            // A reader's own ring buffer is no map that can be dumped.
            Assert.True(isProgram || pin == "events" || commands.Contains($"map dump pinned /sys/fs/bpf/lra/{pin}", StringComparison.Ordinal), pin);
            Assert.Contains(" name " + (isProgram ? pin : pin[..Math.Min(pin.Length, 15)]) + " ", outputs, StringComparison.Ordinal);
        });
    }

    private string OnThisNode(string command) => command
        .Replace("/sys/fs/bpf/lra/", lab.Pins + "/", StringComparison.Ordinal)
        .Replace("/sys/fs/cgroup/kubepods.slice", Path.Combine(lab.Cgroup, "kubepods"), StringComparison.Ordinal);

    /// <summary>The different lines, without what differs from node to node: a map prints the same ones for each entry.</summary>
    private static string Shape(string output) =>
        string.Join('\n', output.Split('\n')
            .Select(line => Blanks().Replace(Values().Replace(line, "#"), " ").Trim())
            .Where(line => line is not ("" or "},{"))
            .Distinct());

    // Times, tags, bytes in hexadecimal, lists of numbers, numbers; but for what the object itself says: sizes and flags of maps.
    [GeneratedRegex(@"\d{4}-\d\d-\d\dT[\d:+]+|\b[0-9a-f]{16}\b|\b[0-9a-f]{2}( [0-9a-f]{2})+\b|(?<!\w|key |value |max_entries |flags )\d+(,\d+)*")]
    private static partial Regex Values();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    /// <summary>A command and what the README says that it prints.</summary>
    private sealed record Example(string Command, string Output)
    {
        public static IReadOnlyList<Example> ReadAll(string path) =>
        [
            .. ConsoleBlocks().Matches(File.ReadAllText(path))
                .SelectMany(block => Commands().Split(block.Groups[1].Value).Where(text => text.Length > 0))
                .Select(text => text.Split('\n', 2))
                .Select(parts => new Example(parts[0], parts[1])),
        ];
    }

    [GeneratedRegex("^```console\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex ConsoleBlocks();

    [GeneratedRegex(@"^\$ ", RegexOptions.Multiline)]
    private static partial Regex Commands();
}

using System.Diagnostics;
using System.Text.Json;
using Agent.Commands;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary>What programs read: YAML with JSON's keys, and completion.</summary>
public sealed class OutputTests
{
    [Fact]
    public void YAML_says_what_JSON_says_and_takes_no_text_for_something_else()
    {
        const string Json = """
            {"a":1.5,"b":true,"c":null,"text":"true","colon":"x: y # z","line":"a\nb\u001b","none":[],"list":[{"x":"1","y":[2,3]},{"x":""}],"map":{}}
            """;

        Assert.Equal(
            """
            a: 1.5
            b: true
            c: null
            text: "true"
            colon: "x: y # z"
            line: "a\nb\e"
            none: []
            list:
              - x: "1"
                y:
                  - 2
                  - 3
              - x: ""
            map: {}

            """,
            Output.ToYaml(JsonDocument.Parse(Json).RootElement));
    }

    [Fact]
    public async Task Status_has_the_same_keys_in_each_format_also_while_no_agent_runs()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentSetup setup = new(upstream.EndPoint);
        Assert.Equal((3, "{\n  \"agent\": null,\n  \"kernel\": null\n}\n", ""), await AgentProcess.Run("status", "-o", "json", "--config", setup.ConfigurationPath));

        using AgentProcess agent = await AgentProcess.Serve(setup);

        (int status, string json, _) = await AgentProcess.Run("status", "-o", "json", "--config", setup.ConfigurationPath);
        (_, string yaml, _) = await AgentProcess.Run("status", "-o", "yaml", "--config", setup.ConfigurationPath);
        Assert.Equal(0, status);
        JsonElement agentPart = JsonDocument.Parse(json).RootElement.GetProperty("agent");
        Assert.Equal(agent.Id, agentPart.GetProperty("processId").GetInt32());
        Assert.All(agentPart.EnumerateObject(), property => Assert.Contains($"\n  {property.Name}:", yaml, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_keys_that_programs_go_by_are_the_golden_ones()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentSetup setup = new(upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup);
        await Run("observe", "--last", "1", "-o", "json"); // from now on flows are noted
        Task<string> top = Run("top", "--once", "-i", "2", "-o", "json");
        while (!top.IsCompleted)
            await Client.Ask(setup.EndPoint, DnsMessage.Query("www.example.test"));
        File.AppendAllText(setup.ConfigurationPath, "\nlameduck: 1s\nclients: { inFlight: 0 }\n");
        await Wait.Until(() => agent.Output.Contains("is refused", StringComparison.Ordinal), "the file is refused");
        File.WriteAllText(setup.ConfigurationPath, File.ReadAllText(setup.ConfigurationPath).Replace("clients: { inFlight: 0 }", "cache: { maxTtl: 60 }", StringComparison.Ordinal).Replace("cache: { memory: 1MiB }\n", "", StringComparison.Ordinal));

        Golden.AssertKeys("top", await top);
        Golden.AssertKeys("observe", (await Run("observe", "--last", "1", "--source", "dns", "-o", "json")).Split('\n')[0]);
        Golden.AssertKeys("status", await Run("status", "-o", "json"));
        Golden.AssertKeys("check", await Run("check", "-o", "json"));
        Golden.AssertKeys("cache-list", await Run("cache", "list", "-o", "json"));
        Golden.AssertKeys("cache-stats", await Run("cache", "stats", "-o", "json"));
        Golden.AssertKeys("upstream-list", await Run("upstream", "list", "-o", "json"));
        Golden.AssertKeys("explain", await Run("explain", "www.example.test", "-o", "json"));
        Golden.AssertKeys("config-show", await Run("config", "show", "-o", "json"));
        Golden.AssertKeys("config-diff", await Run("config", "diff", "-o", "json"));
        Golden.AssertKeys("cache-flush", await Run("cache", "flush", "--all", "-o", "json"));

        async Task<string> Run(params string[] arguments) => (await AgentProcess.Run([.. arguments, "--config", setup.ConfigurationPath])).Output;
    }

    [Fact]
    public async Task Check_and_config_speak_to_programs_too()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentSetup setup = new(upstream.EndPoint);

        JsonElement check = JsonDocument.Parse((await AgentProcess.Run("check", "-o", "json", "--config", setup.ConfigurationPath)).Output).RootElement;
        JsonElement show = JsonDocument.Parse((await AgentProcess.Run("config", "show", "-o", "json", "--config", setup.ConfigurationPath)).Output).RootElement;

        Assert.Contains(check.GetProperty("features").EnumerateArray(), feature => feature.GetProperty("name").GetString()!.Contains("kernel", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(show.EnumerateArray(), setting => setting.GetProperty("path").GetString() == "cache.memory" && setting.GetProperty("text").GetString() == "1MiB");
    }

    [Fact]
    public async Task Bash_completes_commands_options_and_values()
    {
        Assert.Equal("observe", await Complete("lra obse"));
        Assert.Contains("--verdict", await Complete("lra observe --ver"), StringComparison.Ordinal);
        Assert.Equal("coredns", await Complete("lra observe -o core"));
        Assert.Equal("json", await Complete("lra status --output js"));
        Assert.Equal("fallback", await Complete("lra observe --verdict fallb"));
        Assert.Equal("NXDOMAIN", await Complete("lra observe --rcode NX"));
        Assert.Equal("SRV", await Complete("lra explain x --type SR"));
        Assert.Equal("zsh", await Complete("lra completion z"));
    }

    [Theory]
    [InlineData("lra run --config /")]
    [InlineData("lra config check /")]
    [InlineData("lra config convert /")]
    public async Task Where_a_file_is_wanted_the_shell_completes_files(string line) =>
        Assert.Equal("", await Complete(line)); // complete -o default does when there is nothing

    [Theory]
    [InlineData("bash", "complete -o default -F _lra lra")]
    [InlineData("zsh", "#compdef lra")]
    [InlineData("fish", "complete -c lra")]
    public async Task Each_shell_has_its_script(string shell, string line)
    {
        (int status, string output, string error) = await AgentProcess.Run("completion", shell);

        Assert.Equal((0, ""), (status, error));
        Assert.Contains(line, output, StringComparison.Ordinal);
    }

    private static async Task<string> Complete(string line)
    {
        string directory = Path.GetDirectoryName(AgentProcess.Executable)!;
        string script = $$"""
            PATH='{{directory}}':$PATH
            source <(lra completion bash)
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}} COMP_CWORD={{line.Count(c => c == ' ')}}
            COMP_WORDS=({{line}})
            _lra
            echo "${COMPREPLY[*]}"
            """;
        using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        string output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        return output.Trim();
    }
}

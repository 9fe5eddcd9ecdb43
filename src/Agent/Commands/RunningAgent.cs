using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Agent.Configuration;
using Agent.Observability;

namespace Agent.Commands;

/// <summary>The agent that a command asks, and the options by which it does.</summary>
internal sealed class RunningAgent
{
    public Option<string> Config { get; } = CommandLine.ConfigurationOption();

    public Option<string> Output { get; } = CommandLine.OutputOption();

    /// <summary>Asks the running agent and shows what it says, as a table or as JSON.</summary>
    /// <param name="select">What of the answer is shown; null: all.</param>
    public int Ask<T>(ParseResult parsed, HttpMethod method, string path, JsonTypeInfo<T> type, Func<T, int> show, Func<T, T>? select = null)
        where T : class
    {
        if (!CommandLine.TryReadConfiguration(parsed.GetValue(Config)!, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        try
        {
            if (AdminClient.Ask(configuration.AdminSocket, method, path, type) is not { } answer)
            {
                Console.Error.WriteLine($"lra: the agent is not running (nobody answers on {configuration.AdminSocket})");
                return ExitStatus.NotRunning;
            }

            answer = select?.Invoke(answer) ?? answer;
            if (parsed.GetValue(Output) != "json")
                return show(answer);
            Console.WriteLine(JsonSerializer.Serialize(answer, type));
            return ExitStatus.Done;
        }
        catch (Exception error) when (error is UnauthorizedAccessException or InvalidOperationException)
        {
            return CommandLine.Fail(error.Message);
        }
    }
}

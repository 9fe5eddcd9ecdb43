using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization.Metadata;
using Agent.Configuration;
using Agent.Observability;

namespace Agent.Commands;

/// <summary>The agent that a command asks, and the options by which it does.</summary>
internal sealed class RunningAgent
{
    public Option<string> Config { get; } = CommandLine.ConfigurationOption();

    public Option<string> Output { get; } = Commands.Output.CreateOption();

    /// <summary>Asks the running agent and shows what it says, as a table or for programs.</summary>
    /// <param name="select">What of the answer is shown; null: all.</param>
    public int Ask<T>(ParseResult parsed, HttpMethod method, string path, JsonTypeInfo<T> type, Func<T, int> show, Func<T, T>? select = null)
        where T : class
    {
        if (!CommandLine.TryReadForAgent(parsed.GetValue(Config)!, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        try
        {
            if (AdminClient.Ask(configuration.AdminSocket, method, path, type) is not { } answer)
                return FailNotRunning(configuration.AdminSocket);
            answer = select?.Invoke(answer) ?? answer;
            return Commands.Output.Show(parsed.GetValue(Output)!, answer, type, show);
        }
        catch (Exception error) when (error is UnauthorizedAccessException or InvalidOperationException)
        {
            return CommandLine.Fail(error.Message);
        }
    }

    /// <summary>Shows what the running agent says, line by line, until it is interrupted.</summary>
    /// <param name="isEndless">Whether only the agent's end can end it.</param>
    /// <param name="visit">False: enough.</param>
    public static int Follow(AgentConfiguration configuration, string path, bool isEndless, Func<string, bool> visit)
    {
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            switch (AdminClient.Follow(configuration.AdminSocket, path, visit, stop.Token).GetAwaiter().GetResult())
            {
                case StreamEnd.NoAgent:
                    return FailNotRunning(configuration.AdminSocket);
                case StreamEnd.Ended when isEndless:
                    CommandLine.Fail("the agent has ended");
                    return ExitStatus.NotRunning;
                default:
                    return ExitStatus.Done;
            }
        }
        catch (Exception error) when (error is UnauthorizedAccessException or InvalidOperationException)
        {
            return CommandLine.Fail(error.Message);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true; // the command ends by returning, and leaves the terminal as it was
            stop.Cancel();
        }
    }

    /// <summary>Says that nobody answers, and what to do.</summary>
    public static int FailNotRunning(string socket)
    {
        CommandLine.Fail($"the agent is not running (nobody answers on {socket}); start it with 'lra run', or name its configuration with --config");
        return ExitStatus.NotRunning;
    }
}

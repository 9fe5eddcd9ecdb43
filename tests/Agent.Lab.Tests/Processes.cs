using System.Diagnostics;

namespace Agent.Lab.Tests;

/// <summary>What a command that has ended left: its status, standard output, and standard error.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>The one place that starts processes.</summary>
internal static class Processes
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(60);

    public static CommandResult Run(
        string file, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        using RunningProcess process = Start(file, arguments, environment);
        process.CloseInput();
        return process.WaitForEnd(_deadline);
    }

    public static RunningProcess Start(
        string file, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return new RunningProcess(Process.Start(start)!);
    }
}

/// <summary>A process that a test speaks with. Disposing kills it when it still runs.</summary>
internal sealed class RunningProcess(Process process) : IDisposable
{
    private static readonly TimeSpan _lineDeadline = TimeSpan.FromSeconds(10);

    // Read from the start: a process whose error pipe is full would block.
    private readonly Task<string> _error = process.StandardError.ReadToEndAsync();

    public int Id => process.Id;

    public bool HasEnded => process.HasExited;

    public void WriteLine()
    {
        process.StandardInput.WriteLine();
        process.StandardInput.Flush();
    }

    public string ReadLine()
    {
        Task<string?> line = process.StandardOutput.ReadLineAsync();
        if (!line.Wait(_lineDeadline))
            throw new TimeoutException($"{process.StartInfo.FileName} printed no line within {_lineDeadline}");
        return line.Result ?? throw new EndOfStreamException($"{process.StartInfo.FileName} ended: {_error.Result}");
    }

    public void CloseInput() => process.StandardInput.Close();

    public CommandResult WaitForEnd(TimeSpan deadline)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        // The streams end after the process, and not at all while a child of it holds them.
        if (!Task.WaitAll([output, _error], deadline) || !process.WaitForExit(deadline))
            throw new TimeoutException($"{string.Join(' ', process.StartInfo.ArgumentList)} did not end within {deadline}");
        return new CommandResult(process.ExitCode, output.Result, _error.Result);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }
}

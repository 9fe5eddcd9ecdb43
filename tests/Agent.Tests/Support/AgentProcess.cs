using System.Diagnostics;
using System.Text;

namespace Agent.Tests.Support;

/// <summary>The built executable, <c>out/lra</c>, in a process of its own.</summary>
internal sealed class AgentProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    private AgentProcess(string executable, string[] arguments, int heapMiB = 0, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(executable, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // as it is deployed, and no sockets of the runtime's own
        if (heapMiB > 0)
            start.Environment["DOTNET_GCHeapHardLimit"] = (heapMiB << 20).ToString("x");
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public static string Executable { get; } = Find();

    /// <summary>The directory of Agent.sln.</summary>
    public static string Repository { get; } = Path.GetFullPath(Path.Combine(Executable, "../.."));

    public int Id => _process.Id;

    public string Output => Text(_output);

    public string Error => Text(_error);

    public int DescriptorCount => Directory.GetFileSystemEntries($"/proc/{Id}/fd").Length;

    /// <summary>Descriptors without files: the runtime opens assemblies and symbols when it first needs them.</summary>
    public int SocketCount =>
        Directory.GetFileSystemEntries($"/proc/{Id}/fd").Count(path => new FileInfo(path).LinkTarget?.StartsWith('/') != true);

    /// <summary>Memory that no file backs, in KiB.</summary>
    public long AnonymousKiB => long.Parse(File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]);

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int Status, string Output, string Error)> Run(params string[] arguments)
    {
        using AgentProcess process = new(Executable, arguments);
        int status = await process.WaitForExit();
        return (status, process.Output, process.Error);
    }

    /// <summary>Starts <c>lra run</c> and waits until it serves clients and the CLI.</summary>
    /// <param name="descriptors">How many it may have open.</param>
    /// <param name="heapMiB">More than that on the managed heap ends it; 0: the runtime's own choice.</param>
    public static async Task<AgentProcess> Serve(
        AgentSetup setup, int descriptors = 20_000, int heapMiB = 0, IReadOnlyDictionary<string, string>? environment = null)
    {
        AgentProcess process = new("prlimit", [$"--nofile={descriptors}", Executable, "run", "--config", setup.ConfigurationPath], heapMiB, environment);
        await Wait.Until(() => process._process.HasExited || process.IsReady(setup), "lra run serves");
        Assert.False(process._process.HasExited, $"lra run ended: {process.Error}{process.Output}");
        DnsMessage probe = await Client.Ask(setup.EndPoint, DnsMessage.Query("probe.example.test") with { Flags = 0 });
        Assert.Equal(5, probe.ResponseCode);
        return process;
    }

    /// <summary>Asks the process to end, as systemd and the kubelet do.</summary>
    public async Task<int> Terminate()
    {
        await Signal("TERM");
        return await WaitForExit();
    }

    /// <param name="name">Without SIG.</param>
    public async Task Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", Id.ToString()]);
        await kill.WaitForExitAsync();
    }

    public async Task<int> WaitForExit()
    {
        using CancellationTokenSource timeout = new(Wait.Long);
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    /// <summary>The mode of the admin socket is the last thing that a start sets.</summary>
    private bool IsReady(AgentSetup setup)
    {
        try
        {
            return Output.Contains("Serving DNS on", StringComparison.Ordinal)
                && File.GetUnixFileMode(setup.AdminSocket) == (UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (IOException)
        {
            return false; // there is none yet, or that of an agent before is just being replaced
        }
    }

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory != null; directory = directory.Parent)
        {
            string executable = Path.Combine(directory.FullName, "out", "lra");
            if (!File.Exists(Path.Combine(directory.FullName, "Agent.sln")))
                continue;
            return File.Exists(executable) ? executable : throw new FileNotFoundException($"{executable} is missing: run 'make build' first");
        }

        throw new FileNotFoundException("no directory above the tests has Agent.sln");
    }

    private static void Append(StringBuilder to, string? line)
    {
        lock (to)
        {
            if (line != null)
                to.Append(line).Append('\n');
        }
    }

    private static string Text(StringBuilder from)
    {
        lock (from)
            return from.ToString();
    }
}

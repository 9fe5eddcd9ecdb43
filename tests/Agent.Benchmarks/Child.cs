using System.Diagnostics;

namespace Agent.Benchmarks;

/// <summary>A process that the bench started, pinned on one core. Disposing kills it.</summary>
internal sealed class Child : IDisposable
{
    private static readonly Lock _lock = new();
    private static readonly HashSet<Child> _running = [];

    // sched(7): with autogroups, nice(1) only counts within a session.
    private const string Shell = """{ echo -15 > /proc/self/autogroup; } 2>/dev/null; exec "$0" "$@" """;

    private readonly Process _process;
    private readonly List<string> _log = [];

    /// <summary>
    /// The command is reached through programs that replace themselves, so its process ID is ours:
    /// setpriv has the kernel kill it when the thread that started it ends, taskset pins it, and the
    /// shell (as root) puts the weight of its session above that of other work on the machine.
    /// </summary>
    public Child(int core, string directory, params IEnumerable<string> command)
    {
        var start = new ProcessStartInfo("setpriv")
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["--pdeathsig", "KILL", "setsid", "taskset", "-c", $"{core}", "sh", "-c", Shell, .. command])
            start.ArgumentList.Add(argument);

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Log(e.Data);
        _process.ErrorDataReceived += (_, e) => Log(e.Data);
        lock (_lock)
        {
            if (AreStopped)
                throw new OperationCanceledException();
            _process.Start();
            _running.Add(this);
        }
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>All have been killed and no more can be started: the bench is to end.</summary>
    public static bool AreStopped { get; private set; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>What it wrote to standard output and standard error, so far.</summary>
    public string[] Output
    {
        get
        {
            lock (_log)
                return [.. _log];
        }
    }

    /// <summary>Waits for the end and for all of the output. Returns false after the time limit.</summary>
    public bool Wait(TimeSpan limit)
    {
        if (!_process.WaitForExit(limit))
            return false;
        _process.WaitForExit();
        return true;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (!_running.Remove(this))
                return;
            _process.Kill();
        }
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Kills all children and lets no more be started: the main thread then finds out and unwinds.</summary>
    public static void KillAll()
    {
        lock (_lock)
        {
            AreStopped = true;
            foreach (Child child in _running)
                child._process.Kill();
        }
    }

    private void Log(string? line)
    {
        if (line is null)
            return;
        lock (_log)
            _log.Add(line);
    }
}

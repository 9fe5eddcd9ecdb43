using System.Runtime.InteropServices;

namespace Agent.Lab.Tests;

/// <summary>
/// One thread of the agent stands still until disposed, as in a deadlock, while the others go on: it is stopped by ptrace(2), of which every call
/// must come from the thread that began it.
/// </summary>
internal sealed class FrozenThread : IDisposable
{
    private const nint PTRACE_DETACH = 17;
    private const nint PTRACE_SEIZE = 0x4206;
    private const nint PTRACE_INTERRUPT = 0x4207;
    private const int __WALL = 0x40000000;

    private readonly ManualResetEventSlim _isFrozen = new();
    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _tracer;
    private string? _failure;

    private FrozenThread(int thread)
    {
        _tracer = new Thread(() => Trace(thread)) { IsBackground = true };
        _tracer.Start();
        _isFrozen.Wait();
        if (_failure != null)
            throw new InvalidOperationException(_failure);
    }

    /// <param name="name">How the thread's name begins, of which the kernel keeps 15 characters.</param>
    public static FrozenThread Of(LabFixture lab, string name)
    {
        string task = Directory.GetDirectories($"/proc/{lab.AgentProcess}/task")
            .First(task => File.ReadAllText(Path.Combine(task, "comm")).StartsWith(name, StringComparison.Ordinal));
        return new FrozenThread(int.Parse(Path.GetFileName(task), System.Globalization.CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _end.Set();
        _tracer.Join();
    }

    private void Trace(int thread)
    {
        bool isStopped = ptrace(PTRACE_SEIZE, thread, 0, 0) == 0
            && ptrace(PTRACE_INTERRUPT, thread, 0, 0) == 0
            && waitpid(thread, 0, __WALL) == thread;
        _failure = isStopped ? null : $"cannot stop thread {thread}: {Marshal.GetLastPInvokeErrorMessage()}";
        _isFrozen.Set();
        _end.Wait();
        _ = ptrace(PTRACE_DETACH, thread, 0, 0);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern nint ptrace(nint request, int thread, nint address, nint data);

    [DllImport("libc", SetLastError = true)]
    private static extern int waitpid(int process, nint status, int options);
}

using Agent.Dns;
using Microsoft.Extensions.Logging;

namespace Agent.Serving;

/// <summary>
/// A thread that serves clients, and the proof that it does: each turn of its loop is counted, and the lease is renewed only while every thread's
/// count grows.
/// </summary>
internal abstract partial class ServingThread
{
    /// <summary>How long a turn lasts at the most while nothing happens.</summary>
    public static readonly TimeSpan LongestTurn = TimeSpan.FromMilliseconds(200);

    private readonly Thread _thread;
    private readonly ILogger _logger;
    private bool _isStopping;
    private long _turns;
    private long _defects;

    protected ServingThread(string name, ILogger logger)
    {
        _logger = logger;
        _thread = new Thread(RunToEnd) { Name = name };
    }

    public string Name => _thread.Name!;

    public ServingCounters Counters { get; } = new();

    public AnswerRecorder Recorder { get; } = new();

    /// <summary>Turns of the loop so far.</summary>
    public long Turns => Volatile.Read(ref _turns);

    /// <summary>Exceptions that the loop met and survived.</summary>
    public long Defects => Volatile.Read(ref _defects);

    /// <summary>Whether no client waits for an upstream.</summary>
    public abstract bool IsIdle { get; }

    protected bool IsStopping => Volatile.Read(ref _isStopping);

    public void Start() => _thread.Start();

    /// <summary>Asks the loop to end.</summary>
    public void RequestStop() => Volatile.Write(ref _isStopping, true);

    /// <summary>Asks the loop to end and waits for it.</summary>
    public void Stop()
    {
        RequestStop();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted))
            Close();
        else
            _thread.Join();
    }

    /// <summary>Serves until <see cref="IsStopping"/>; entered again after an exception.</summary>
    protected abstract void Run();

    /// <summary>Answers what is on its way and closes what was opened.</summary>
    protected abstract void Close();

    protected void CountTurn() => Volatile.Write(ref _turns, _turns + 1);

    private void RunToEnd()
    {
        while (!IsStopping)
        {
            try
            {
                Run();
            }
            catch (Exception error)
            {
                // A defect that one query meets must not take DNS from the others: the loop goes on. Where it cannot, no turn is
                // counted, the lease lapses and the kernel falls back.
                _defects++;
                LoopBroken(_logger, Name, error);
                Thread.Sleep(LongestTurn / 2);
            }
        }

        Close();
    }

    [LoggerMessage(200, LogLevel.Critical, "Thread {Name} met a defect and goes on; please report it")]
    private static partial void LoopBroken(ILogger logger, string name, Exception error);
}

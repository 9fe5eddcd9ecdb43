namespace Agent.Cluster.Policies;

/// <summary>Does what is due, one thing after the other, on a task of its own, and sleeps until the next is.</summary>
internal sealed class DueTask<T> : IDisposable where T : class
{
    private readonly Take _take;
    private readonly Func<T, CancellationToken, Task> _do;
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _task;

    public DueTask(Take take, Func<T, CancellationToken, Task> @do)
    {
        _take = take;
        _do = @do;
        _task = Task.Run(() => Run(_stop.Token));
    }

    /// <param name="pause">How long there is nothing due, unless something changes.</param>
    /// <returns>Null: nothing is due now.</returns>
    public delegate T? Take(out TimeSpan pause);

    /// <summary>Has it look again. For one caller at a time.</summary>
    public void Wake()
    {
        if (_changed.CurrentCount == 0)
            _changed.Release();
    }

    /// <summary>Stops within a second; what takes longer is not waited for.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _task.Wait(TimeSpan.FromSeconds(1));
    }

    private async Task Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (_take(out TimeSpan pause) is { } due)
                    await _do(due, stop).ConfigureAwait(false);
                else
                    await _changed.WaitAsync(pause, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
        }
    }
}

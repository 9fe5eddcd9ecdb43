namespace Agent.Dns.Tests.Support;

internal static class Together
{
    /// <summary>Runs an action in threads that start it at the same moment; an exception in one is the test's.</summary>
    public static void Run(int threads, Action<int> action)
    {
        using Barrier start = new(threads);
        Task[] tasks = [.. Enumerable.Range(0, threads).Select(number => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                action(number);
            },
            TaskCreationOptions.LongRunning))];
        Task.WaitAll(tasks);
    }
}

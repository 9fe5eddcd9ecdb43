using System.Diagnostics;
using Xunit.Sdk;

namespace Agent.Tests.Support;

internal static class Wait
{
    /// <summary>Far above what anything takes on a machine that is busy with other tests.</summary>
    public static TimeSpan Long { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Waits for a condition; fails the test when it does not come to hold.</summary>
    public static async Task Until(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Long)
                throw new XunitException($"not within {Long.TotalSeconds} s: {what}");
            await Task.Delay(10);
        }
    }

    /// <summary>Fails the test when the task takes longer than a bound that is part of a promise; time in which this process did not get to run is not counted.</summary>
    public static async Task<T> Within<T>(double seconds, Task<T> task, string what)
    {
        const double turn = 0.02;
        double taken = 0;
        while (!task.IsCompleted)
        {
            long start = Stopwatch.GetTimestamp();
            await Task.WhenAny(task, Task.Delay(TimeSpan.FromSeconds(turn)));
            taken += Math.Min(2 * turn, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        Assert.True(taken <= seconds, $"{what}: took {taken:F2} s, promised {seconds} s");
        return await task;
    }
}

using System.Diagnostics;
using Xunit.Sdk;

namespace Agent.Kubernetes.Tests.Support;

internal static class Wait
{
    /// <summary>Far above what anything takes on a machine that is busy with other tests.</summary>
    public static TimeSpan Long { get; } = TimeSpan.FromSeconds(20);

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
}

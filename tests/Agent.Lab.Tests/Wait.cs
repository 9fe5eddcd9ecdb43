using System.Diagnostics;
using Xunit.Sdk;

namespace Agent.Lab.Tests;

internal static class Wait
{
    /// <summary>Returns how long it took until the condition held; fails the test after the deadline.</summary>
    public static TimeSpan Until(Func<bool> condition, TimeSpan deadline, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > deadline)
                throw new XunitException($"not within {deadline}: {what}");
            Thread.Sleep(10);
        }
        return Stopwatch.GetElapsedTime(start);
    }
}

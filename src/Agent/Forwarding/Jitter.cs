using System.Security.Cryptography;

namespace Agent.Forwarding;

/// <summary>Keeps what every node's agent does by itself from happening on all nodes at once.</summary>
internal static class Jitter
{
    /// <summary>From three quarters of a time to all of it.</summary>
    public static long Shorten(long milliseconds) => milliseconds - Within(milliseconds / 4);

    /// <summary>From 0 to a time, at most 2^31 - 2 ms.</summary>
    public static long Within(long milliseconds) => RandomNumberGenerator.GetInt32((int)milliseconds + 1);
}

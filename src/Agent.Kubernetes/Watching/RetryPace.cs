using System.Security.Cryptography;

namespace Agent.Kubernetes.Watching;

/// <summary>How long a reflector waits before it tries again. All waits are shortened by up to half at random, so that nodes do not come in step.</summary>
public sealed record RetryPace
{
    /// <summary>So many 403 in a row, some ten seconds, are meant: a server that starts up refuses everybody until it has read the roles.</summary>
    public const int DenialsBeforeForbidden = 5;

    /// <summary>After the first failure; doubles with each one.</summary>
    public TimeSpan First { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Most { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After 403 that is meant: somebody has to grant the right first.</summary>
    public TimeSpan Forbidden { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After 404: somebody has to install the CRD first.</summary>
    public TimeSpan NotInstalled { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>A watch that lasted so long was a success: when it ends, the next begins at once.</summary>
    public TimeSpan Settled { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After so long without a word, in which three bookmarks should have come, the server is asked where it stands.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(3);

    /// <param name="failures">In a row, at least 1.</param>
    public TimeSpan After(int failures)
    {
        double factor = Math.Pow(2, Math.Min(failures - 1, 30));
        return Jitter(TimeSpan.FromTicks((long)Math.Min(First.Ticks * factor, Most.Ticks)));
    }

    internal static TimeSpan Jitter(TimeSpan most) => most * (1 - RandomNumberGenerator.GetInt32(500) / 1000.0);
}

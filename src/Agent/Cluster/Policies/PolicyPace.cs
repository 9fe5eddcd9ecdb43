using System.Security.Cryptography;
using Agent.Kubernetes.Watching;

namespace Agent.Cluster.Policies;

/// <summary>When a node writes to policies. Of a thousand nodes together the API server sees about twenty writes a second.</summary>
internal sealed record PolicyPace
{
    /// <summary>Writes are spread over so long for each node that is listed, and at least over <see cref="Least"/>.</summary>
    public TimeSpan PerNode { get; init; } = TimeSpan.FromMilliseconds(50);

    public TimeSpan Least { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Between two writes of one node to one policy.</summary>
    public TimeSpan Gap { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between two of them where the second is for a count or a word, or repeats what was not seen to arrive.</summary>
    public TimeSpan TrifleGap { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Events that every node would tell are spread over so long; the first one is recorded.</summary>
    public TimeSpan EventSpread { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The least time between two events of this node, after the first ten.</summary>
    public TimeSpan EventGap { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After failures. Somebody has to grant a right first, or to update the CRD.</summary>
    public RetryPace Retry { get; init; } = new() { Forbidden = TimeSpan.FromMinutes(5) };

    public TimeSpan Spread(int listedNodes) => TimeSpan.FromTicks(Math.Max(Least.Ticks, PerNode.Ticks * listedNodes));

    /// <summary>
    /// A moment at which one of up to ten thousand nodes does what all of them could: the later the more likely, so that few are so early that they
    /// cannot have seen the first one's write (exponential feedback timers, Nonnenmacher and Biersack 1999).
    /// </summary>
    public TimeSpan ForOneOfAll()
    {
        double late = 1 + (Math.Log(RandomNumberGenerator.GetInt32(1, 1_000_000) / 1e6) / Math.Log(10_000));
        return 2 * Least * Math.Max(0, late);
    }
}

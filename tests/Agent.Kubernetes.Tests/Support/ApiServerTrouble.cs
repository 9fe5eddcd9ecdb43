using System.Collections.Concurrent;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>What an API server, or what lies before it, may do to its clients. All of it can be changed while it serves.</summary>
public sealed class ApiServerTrouble
{
    private readonly ConcurrentQueue<(string PathPart, Refusal Refusal)> _refusals = new();
    private int _continuesToExpire;

    /// <summary>Plural names that answer 403.</summary>
    public ConcurrentDictionary<string, bool> Forbidden { get; } = new();

    /// <summary>Requests are taken and never answered.</summary>
    public bool IsSilent { get; set; }

    /// <summary>An expired resourceVersion is told by an ERROR event in a good response, not by its status.</summary>
    public bool ExpiresAsEvent { get; set; }

    /// <summary>A watch from a version that is yet to come hears nothing until then, as watch caches have it; else it gets 504.</summary>
    public bool KeepsWatchesOfTheFuture { get; set; }

    /// <summary>Bodies come in pieces of so many bytes, with a pause; 0: as fast as they can.</summary>
    public int TrickleBytes { get; set; }

    public TimeSpan TricklePause { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Compress whatever its size; else, like the real one, from 128 KiB on.</summary>
    public bool CompressesAll { get; set; }

    public TimeSpan BookmarkEvery { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>A watch ends after so long whatever it asked for.</summary>
    public TimeSpan LongestWatch { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The next request whose path contains the text is refused; several calls add up.</summary>
    public void RefuseNext(string pathPart, int code, string reason, int? retryAfter = null) =>
        _refusals.Enqueue((pathPart, new Refusal(code, reason, $"refused for the test with {code}", retryAfter)));

    /// <summary>The next lists in the middle of their pages get 410.</summary>
    public void ExpireContinues(int count) => Interlocked.Exchange(ref _continuesToExpire, count);

    internal bool TakeExpiredContinue() => Interlocked.Decrement(ref _continuesToExpire) >= 0;

    internal Refusal? TakeRefusal(string path) =>
        _refusals.TryPeek(out (string PathPart, Refusal Refusal) next) && path.Contains(next.PathPart, StringComparison.Ordinal) && _refusals.TryDequeue(out next)
            ? next.Refusal : null;

    internal sealed record Refusal(int Code, string Reason, string Message, int? RetryAfter);
}

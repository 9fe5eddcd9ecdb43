using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>Watches, and what can happen to them on their way.</summary>
public sealed partial class ApiServer
{
    private readonly ConcurrentDictionary<object, WatchStream> _watches = new();

    /// <summary>How many watches are open now.</summary>
    public int WatchCount => _watches.Count;

    /// <summary>Ends all watches.</summary>
    /// <param name="lastWords">Sent before, as it is: half a line, garbage.</param>
    /// <param name="resets">The stream is reset and not ended in order.</param>
    public void CutWatches(string lastWords = "", bool resets = true) => Inject(lastWords, ends: true, resets);

    /// <summary>Sends something else than an event to all watches, which stay open.</summary>
    public void SayToWatches(string text) => Inject(text, ends: false, resets: false);

    private void Inject(string text, bool ends, bool resets)
    {
        lock (_lock)
        {
            foreach (WatchStream watch in _watches.Values)
                watch.Injected.Enqueue(new Injection(Encoding.UTF8.GetBytes(text), ends, resets, _version));
            TaskCompletionSource changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            changed.SetResult();
        }
    }

    private async Task Watch(HttpContext context, StoredKind kind, ObjectPath path, CancellationToken ends)
    {
        long version = long.Parse(context.Request.Query["resourceVersion"].ToString(), CultureInfo.InvariantCulture);
        (long floor, long now) = Bounds(kind);
        const string tooOld = "too old resource version";
        if (version < floor && !Trouble.ExpiresAsEvent)
        {
            await Refuse(context, 410, "Expired", tooOld);
            return;
        }
        if (version > now && !Trouble.KeepsWatchesOfTheFuture)
        {
            await Refuse(context, 504, "Timeout", $"Too large resource version: {version}, current: {now}", retryAfter: 1);
            return;
        }

        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        context.Response.ContentType = "application/json";
        await context.Response.StartAsync(ends);
        await context.Response.Body.FlushAsync(ends);
        if (version < floor)
        {
            await Write(context, EventLine("ERROR", Status(410, "Expired", tooOld)));
            return;
        }

        WatchStream watch = new(kind, new Selection(context.Request.Query, path.Namespace), version, DateTime.UtcNow + LongestWatch(context));
        _watches[watch] = watch;
        try
        {
            await Feed(context, watch, ends);
        }
        finally
        {
            _watches.TryRemove(watch, out _);
        }
    }

    private async Task Feed(HttpContext context, WatchStream watch, CancellationToken ends)
    {
        DateTime bookmark = DateTime.UtcNow + Trouble.BookmarkEvery;
        while (DateTime.UtcNow < watch.Until)
        {
            (List<byte[]> events, long now, Injection? injected, Task changed) = Next(watch);
            foreach (byte[] line in events)
                await Write(context, line);
            watch.Version = Math.Max(watch.Version, now);
            if (injected is not null)
            {
                await Write(context, injected.Bytes);
                if (injected.Resets)
                    context.Abort();
                if (injected.Ends)
                    return;
                continue;
            }
            if (DateTime.UtcNow >= bookmark)
            {
                bookmark = DateTime.UtcNow + Trouble.BookmarkEvery;
                if (now < watch.Version)
                    continue;
                JsonObject empty = new()
                {
                    ["kind"] = watch.Kind.Name,
                    ["apiVersion"] = watch.Kind.GroupVersion,
                    ["metadata"] = new JsonObject { ["resourceVersion"] = now.ToString(CultureInfo.InvariantCulture) },
                };
                await Write(context, EventLine("BOOKMARK", empty));
            }
            DateTime next = bookmark < watch.Until ? bookmark : watch.Until;
            TimeSpan pause = next - DateTime.UtcNow;
            await Task.WhenAny(changed, Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, ends));
            ends.ThrowIfCancellationRequested();
        }
    }

    private (long Floor, long Now) Bounds(StoredKind kind)
    {
        lock (_lock)
            return (kind.Floor, _version);
    }

    /// <summary>The events up to what is injected next, so that nothing of after a cut slips through before it.</summary>
    private (List<byte[]> Events, long Now, Injection? Injected, Task Changed) Next(WatchStream watch)
    {
        List<byte[]> events = [];
        lock (_lock)
        {
            Injection? injected = watch.Injected.TryDequeue(out Injection? next) ? next : null;
            long until = injected?.Version ?? _version;
            List<PastChange> past = watch.Kind.Past;
            for (int i = past.FindIndex(change => change.Version > watch.Version); i >= 0 && i < past.Count && past[i].Version <= until; i++)
            {
                if (watch.Selection.Seen(past[i]) is var (type, item))
                    events.Add(EventLine(type, item));
            }
            return (events, until, injected, _changed.Task);
        }
    }

    private TimeSpan LongestWatch(HttpContext context)
    {
        double seconds = double.Parse(context.Request.Query["timeoutSeconds"].ToString(), CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(Math.Min(seconds, Trouble.LongestWatch.TotalSeconds));
    }

    private static byte[] EventLine(string type, JsonObject item) =>
        Encoding.UTF8.GetBytes($"{{\"type\":\"{type}\",\"object\":{item.ToJsonString()}}}\n");

    private sealed class WatchStream(StoredKind kind, Selection selection, long version, DateTime until)
    {
        public StoredKind Kind => kind;

        public Selection Selection => selection;

        public long Version { get; set; } = version;

        public DateTime Until => until;

        public ConcurrentQueue<Injection> Injected { get; } = new();
    }

    private sealed record Injection(byte[] Bytes, bool Ends, bool Resets, long Version);
}

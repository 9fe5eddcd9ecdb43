using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Agent.Kubernetes.Parsing;

namespace Agent.Kubernetes.Watching;

/// <summary>
/// Keeps the objects of one kind as the API server has them: lists them, watches for changes, resumes where a watch
/// broke off, and lists anew where it cannot be resumed. What is known stays known while the server is away.
/// </summary>
public sealed partial class Reflector<T> : IAsyncDisposable where T : KubernetesObject
{
    private readonly ApiClient _client;
    private readonly Resource<T> _resource;
    private readonly ReflectorOptions _options;
    private readonly Action<IReadOnlyList<Change<T>>> _changed;
    private readonly ObjectStore<T> _store = new();
    private readonly StringPool _strings = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _task = Task.CompletedTask;

    // Where a watch resumes; null: list first.
    private string? _resourceVersion;
    private long _listedAt;
    private long _heardAt;
    private long _lastEvent;
    private volatile bool _isSynced;
    private volatile bool _isNotInstalled;
    private volatile string? _failure;

    /// <param name="changed">
    /// Called on the reflector's own task, one batch after the other, with the store already changed; the first time once the
    /// first list is complete, even when it is empty, and without a change when the kind turns out to be one that cannot be listed:
    /// not installed, or forbidden. While it runs nothing more is read.
    /// </param>
    public Reflector(ApiClient client, Resource<T> resource, ReflectorOptions options, Action<IReadOnlyList<Change<T>>> changed)
    {
        _client = client;
        _resource = resource;
        _options = options;
        _changed = changed;
    }

    /// <summary>Whether all objects have been listed once; stays true while the server is away.</summary>
    public bool IsSynced => _isSynced;

    /// <summary>Whether the server does not know the kind: its CRD is not installed. Looked for again every minute.</summary>
    public bool IsNotInstalled => _isNotInstalled;

    /// <summary>Whether the server refuses to list or watch the kind (403), and has for some time. Asked again every half a minute.</summary>
    public bool IsForbidden => _denials >= RetryPace.DenialsBeforeForbidden;

    /// <summary>Why nothing is received, or null.</summary>
    public string? Failure => _failure;

    /// <summary>When the server was heard last: a list, an event or a bookmark (about one a minute); null: never.</summary>
    public DateTimeOffset? LastEventAt => Volatile.Read(ref _lastEvent) is > 0 and long ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    public int Count => _store.Count;

    /// <summary>How the watch is going.</summary>
    public WatchState State => new(_resource.Plural, _options.FieldSelector.Length > 0 ? "node" : "cluster", IsSynced)
    {
        IsNotInstalled = IsNotInstalled,
        Count = Count,
        LastEventAt = LastEventAt,
        Failure = Failure,
    };

    public T? Find(ObjectKey key) => _store.Find(key);

    public IReadOnlyList<T> Snapshot() => _store.Snapshot();

    /// <summary>Begins, once; returns at once.</summary>
    public void Start() => _task = Task.Run(() => Run(_stop.Token));

    /// <summary>Stops within a second; a callback that takes longer is not waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(_task, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
    }

    private async Task Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            TimeSpan pause;
            try
            {
                _watchStarted = 0;
                if (_resourceVersion is not null && HasPassed(_options.Pace.Silence, _heardAt))
                    await LookBack(stop).ConfigureAwait(false);
                if (_resourceVersion is null)
                    await List(stop).ConfigureAwait(false);
                await Watch(stop).ConfigureAwait(false);
                pause = AfterWatch();
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                pause = Judge(exception);
            }
            await Task.Delay(pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>All pages of a list, which become known in one step: there is no moment with half of the objects.</summary>
    private async Task List(CancellationToken stop)
    {
        Dictionary<ObjectKey, T> found = new(_store.Count);
        Metadata page = new();
        int expired = 0;
        do
        {
            try
            {
                // Pages can expire faster than they are read: in the end one page with everything.
                page = await ReadPage(expired < 2 ? _options.PageSize : 0, page.Continue, found, stop).ConfigureAwait(false);
            }
            catch (ApiException exception) when (exception.Code == System.Net.HttpStatusCode.Gone && page.Continue.Length > 0)
            {
                expired++;
                found.Clear();
                page = new Metadata();
                continue;
            }
        }
        while (page.ResourceVersion.Length == 0 || page.Continue.Length > 0);

        _resourceVersion = page.ResourceVersion;
        _listedAt = Stopwatch.GetTimestamp();
        bool isFirst = !_isSynced;
        Publish(_store.Replace(found), isFirst);
    }

    private async Task<Metadata> ReadPage(int limit, string next, Dictionary<ObjectKey, T> found, CancellationToken stop)
    {
        string query = $"{_resource.CollectionPath(_options.Namespace)}?limit={limit}{_options.Query}"
            + (next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : "");
        using HttpResponseMessage response = await _client.Send(new ApiRequest(HttpMethod.Get, query), stop).ConfigureAwait(false);
        await using Stream body = await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false);
        ListReader<T> reader = new(_resource.Parse, _strings, item => found[item.Key] = _store.Known(item));
        await reader.Read(body, stop).ConfigureAwait(false);
        return reader.Metadata;
    }

    /// <summary>
    /// After a silence: whether the server has gone back behind what it told, as after a restore of etcd from a backup. Its watch cache has nothing to
    /// say then, and no error either, until the versions have come to where the watch began.
    /// </summary>
    private async Task LookBack(CancellationToken stop)
    {
        string current = (await ReadPage(limit: 1, "", [], stop).ConfigureAwait(false)).ResourceVersion;
        Hear();
        if (!IsOlder(current, _resourceVersion!))
            return;
        ReflectorLog.WentBack(_client.Logger, _resource.Plural, _resourceVersion!, current);
        _resourceVersion = null;
    }

    // Versions are numbers by contract from Kubernetes 1.35 on, and opaque before: of what is no number nothing is said.
    private static bool IsOlder(string version, string other) =>
        ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out ulong one)
        && ulong.TryParse(other, NumberStyles.None, CultureInfo.InvariantCulture, out ulong two) && one < two;

    /// <summary>One watch, until the server ends it or has been silent for too long.</summary>
    private async Task Watch(CancellationToken stop)
    {
        // At random, so that the watches of all nodes and kinds do not end together.
        int seconds = RandomNumberGenerator.GetInt32(300, 600);
        string query = $"{_resource.CollectionPath(_options.Namespace)}?watch=true&allowWatchBookmarks=true"
            + $"&resourceVersion={Uri.EscapeDataString(_resourceVersion!)}&timeoutSeconds={seconds}{_options.Query}";
        using HttpResponseMessage response = await _client.Send(new ApiRequest(HttpMethod.Get, query), stop).ConfigureAwait(false);
        await using Stream body = await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false);
        _watchStarted = Stopwatch.GetTimestamp();
        Works();

        WatchReader<T> reader = new(body, _resource.Parse, _strings);
        List<WatchEvent<T>> events = [];
        bool more = true;
        while (more)
        {
            events.Clear();
            try
            {
                more = await reader.Read(events, _options.Pace.Silence, stop).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                more = false;
            }
            finally
            {
                Apply(events);
            }
        }
    }

    private void Apply(List<WatchEvent<T>> events)
    {
        if (events.Count == 0)
            return;
        List<Change<T>> changes = _store.Apply(events);
        foreach (WatchEvent<T> happened in events)
        {
            if (happened.ResourceVersion.Length > 0)
                _resourceVersion = happened.ResourceVersion;
        }
        Publish(changes, isFirst: false);
    }

    private void Publish(List<Change<T>> changes, bool isFirst)
    {
        Hear();
        _isSynced = true;
        if (changes.Count > 0 || isFirst)
            Report(changes);
    }

    private void Hear()
    {
        _heardAt = Stopwatch.GetTimestamp();
        Volatile.Write(ref _lastEvent, DateTime.UtcNow.Ticks);
    }

    private void Report(List<Change<T>> changes)
    {
        try
        {
            _changed(changes);
        }
        catch (Exception exception)
        {
            ReflectorLog.CallbackBroken(_client.Logger, _resource.Plural, exception);
        }
    }
}

using System.Globalization;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;

namespace Agent.Kubernetes.Tests;

public sealed class WatchTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task What_comes_changes_and_goes_is_reported_with_the_old_and_the_new()
    {
        await using Watched<Service> watched = await StartWatching("old");

        _server.Put(Objects.Service("new", "10.96.0.1"));
        _server.Put(Objects.Service("new", "10.96.0.2"));
        _server.Delete("v1", "services", "new", "default");
        await Wait.Until(() => watched.Changes.Count() >= 4, "three changes after the first list");

        Change<Service>[] changes = [.. watched.Changes.Skip(1)];
        Assert.Equal([(null, "10.96.0.1"), ("10.96.0.1", "10.96.0.2"), ("10.96.0.2", null)],
            changes.Select(change => (change.Old?.ClusterIPs[0].ToString(), change.New?.ClusterIPs[0].ToString())));
        Assert.Equal(1, watched.Reflector.Count);
        SeenRequest watch = _server.Requests.Single(request => request.IsWatch);
        Assert.Equal("true", watch.Parameter("allowWatchBookmarks"));
        Assert.InRange(int.Parse(watch.Parameter("timeoutSeconds")!, CultureInfo.InvariantCulture), 300, 600);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_watch_cut_in_the_middle_of_a_line_resumes_without_a_gap_or_a_list(bool resets)
    {
        await using Watched<Service> watched = await StartWatching("old");

        for (int round = 0; round < 5; round++)
        {
            await Wait.Until(() => _server.WatchCount == 1, "a watch");
            _server.CutWatches("""{"type":"ADDED","object":{"apiVersion":"v1","kind":"Serv""", resets);
            _server.Put(Objects.Service($"after-{round}"));
            await watched.Has($"after-{round}");
        }

        Assert.Equal(6, watched.Changes.Count());
        Assert.Equal(1, _server.Requests.Count(request => !request.IsWatch));
    }

    [Fact]
    public async Task A_bookmark_moves_the_version_that_a_watch_resumes_from()
    {
        _server.Trouble.BookmarkEvery = TimeSpan.FromMilliseconds(50);
        await using Watched<Service> watched = await StartWatching("old");
        string listed = _server.Requests.Last(request => request.IsWatch).Parameter("resourceVersion")!;
        // Of another kind: of it, this watch hears in bookmarks alone.
        string later = _server.Put(Objects.Pod("pod", "w1"));
        DateTimeOffset? before = watched.Reflector.LastEventAt;
        await Wait.Until(() => watched.Reflector.LastEventAt > before, "a bookmark");
        await Task.Delay(120);
        _server.Compact();

        _server.CutWatches();
        await Wait.Until(() => _server.Requests.Count(request => request.IsWatch) >= 2, "a second watch");

        string resumed = _server.Requests.Where(request => request.IsWatch).ElementAt(1).Parameter("resourceVersion")!;
        Assert.NotEqual(listed, resumed);
        Assert.True(long.Parse(resumed, CultureInfo.InvariantCulture) >= long.Parse(later, CultureInfo.InvariantCulture), $"{resumed} < {later}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_expired_version_leads_to_a_list_whose_differences_are_reported(bool asEvent)
    {
        _server.Trouble.ExpiresAsEvent = asEvent;
        await using Watched<Service> watched = await StartWatching("stays", "changes", "goes");

        await _server.Stop();
        _server.Delete("v1", "services", "goes", "default");
        _server.Put(Objects.Service("changes", "10.96.0.77"));
        _server.Put(Objects.Service("comes"));
        _server.Compact();
        await _server.Listen();
        await watched.Has("comes");

        Assert.Equal(2, watched.Batches.Count);
        Assert.Equal(["changes", "comes", "goes"], watched.Batches.Last().Select(change => change.Key.Name).Order());
        Assert.Equal(3, watched.SmallestStore);
        Assert.True(watched.Reflector.IsSynced);
        await Wait.Until(() => watched.Reflector.Failure is null, "no failure any more");
    }

    [Fact]
    public async Task An_object_deleted_and_made_anew_behind_our_back_is_another_one()
    {
        await using Watched<Service> watched = await StartWatching("name");
        string uid = watched.Reflector.Find(new("default", "name"))!.Uid;

        await _server.Stop();
        _server.Delete("v1", "services", "name", "default");
        _server.Put(Objects.Service("name"));
        _server.Compact();
        await _server.Listen();

        await Wait.Until(() => watched.Reflector.Find(new("default", "name"))?.Uid != uid, "the new object");
        Assert.Equal(uid, watched.Changes.Last().Old!.Uid);
    }

    [Fact]
    public async Task Garbage_in_a_watch_costs_the_stream_and_nothing_else()
    {
        await using Watched<Service> watched = await StartWatching("old");

        _server.SayToWatches("this is no event\n");
        _server.Put(Objects.Service("after"));

        await watched.Has("after");
        Assert.Equal(2, watched.Reflector.Count);
        await Wait.Until(() => watched.Reflector.Failure is null, "no failure any more");
    }

    [Fact]
    public async Task Events_of_unknown_types_and_objects_without_names_are_passed_over()
    {
        await using Watched<Service> watched = await StartWatching("old");

        _server.SayToWatches("""{"type":"SHRUGGED","object":{"metadata":{"name":"x"}}}""" + "\n\n" + """{"object":{"metadata":{}},"type":"ADDED"}""" + "\r\n");
        _server.Put(Objects.Service("after"));

        await watched.Has("after");
        Assert.Equal(1, _server.Requests.Count(request => request.IsWatch));
    }

    [Fact]
    public async Task Events_that_trickle_in_are_read_as_well()
    {
        await using Watched<Service> watched = await StartWatching("old");
        _server.Trouble.TrickleBytes = 5;

        _server.Put(Objects.Service("slow"));

        await watched.Has("slow");
    }

    [Fact]
    public async Task A_watch_that_ends_in_its_time_is_followed_by_the_next_without_a_failure()
    {
        _server.Trouble.LongestWatch = TimeSpan.FromMilliseconds(200);
        KeptLog log = new();
        await using Watched<Service> watched = Watched<Service>.Start(Watched<Service>.Access(_server), Resources.Services, logger: log);

        await Wait.Until(() => _server.Requests.Count(request => request.IsWatch) >= 4, "four watches");

        Assert.Equal(1, _server.Requests.Count(request => !request.IsWatch));
        Assert.Empty(log.Lines);
    }

    [Fact]
    public async Task A_server_that_ends_each_watch_at_once_is_asked_less_and_less()
    {
        _server.Trouble.LongestWatch = TimeSpan.Zero;
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await watched.Synced();

        await Task.Delay(1500);

        // 10, 20, 40 ... 300 ms, each shortened by up to half: about a dozen, not hundreds.
        Assert.InRange(_server.Requests.Count, 4, 20);
    }

    [Fact]
    public async Task A_callback_that_throws_is_logged_and_the_next_change_still_comes()
    {
        KeptLog log = new();
        using ApiClient client = new(Watched<Service>.Access(_server), log);
        int calls = 0;
        await using Reflector<Service> reflector = new(client, Resources.Services, new ReflectorOptions { Pace = Watched<Service>.Quick }, _ =>
        {
            calls++;
            throw new InvalidOperationException("a defect of the test");
        });
        reflector.Start();
        await Wait.Until(() => calls == 1, "the first list");

        _server.Put(Objects.Service("after"));

        await Wait.Until(() => calls == 2, "the change after it");
        Assert.All(log.Lines, line => Assert.StartsWith("Critical A change of services", line));
        Assert.Null(reflector.Failure);
    }

    private async Task<Watched<Service>> StartWatching(params string[] names)
    {
        foreach (string name in names)
            _server.Put(Objects.Service(name));
        Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await watched.Synced();
        await Wait.Until(() => _server.WatchCount == 1, "a watch");
        return watched;
    }
}

using System.Diagnostics;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;

namespace Agent.Kubernetes.Tests;

public sealed class FailureTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task A_server_that_restarts_is_found_again_and_what_is_known_stays_known()
    {
        _server.Put(Objects.Service("old"));
        KeptLog log = new();
        await using Watched<Service> watched = Watched<Service>.Start(Watched<Service>.Access(_server), Resources.Services, logger: log);
        await watched.Synced();

        await _server.Stop();
        await Wait.Until(() => watched.Reflector.Failure?.Contains("Connection refused", StringComparison.Ordinal) == true, "a failure that says why");
        Assert.Equal(1, watched.Reflector.Count);
        _server.Put(Objects.Service("new"));
        await Task.Delay(500);
        await _server.Listen();

        await watched.Has("new");
        Assert.Equal(1, _server.Requests.Count(request => !request.IsWatch));
        Assert.Equal(["Warning", "Information"], log.Lines.Select(line => line.Split(' ')[0]));
    }

    [Fact]
    public async Task F7_with_the_server_down_at_boot_nothing_is_reported_until_it_comes()
    {
        await _server.Stop();
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await Wait.Until(() => watched.Reflector.Failure is not null, "a failure");
        Assert.False(watched.Reflector.IsSynced);
        Assert.Empty(watched.Batches);

        await _server.Listen();

        await watched.Synced();
        await Wait.Until(() => watched.Reflector is { Failure: null, IsForbidden: false }, "no failure any more");
    }

    [Fact]
    public async Task A_watch_whose_connection_died_in_silence_is_noticed_by_pings()
    {
        using SilentRelay relay = new(_server.Address);
        Access.ClusterAccess access = new(relay.Url, Access.ServerTrust.FromPem(_server.Certificates.AuthorityPem, "the test's CA"),
            new Access.FileCredentials { Token = ApiServer.Token });
        await using Watched<Service> watched = Watched<Service>.Start(access, Resources.Services, settings: new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
        await watched.Synced();
        await Wait.Until(() => _server.WatchCount == 1, "a watch");

        relay.Silence();
        _server.Put(Objects.Service("after"));

        await watched.Has("after");
        Assert.Equal(1, _server.Requests.Count(request => !request.IsWatch));
    }

    [Fact]
    public void A_dead_watch_is_noticed_within_45_seconds()
    {
        ConnectionSettings settings = new();

        Assert.True(settings.PingAfter + settings.PingTimeout <= TimeSpan.FromSeconds(45));
    }

    [Fact]
    public async Task A_server_that_says_how_long_to_wait_is_left_alone_so_long()
    {
        _server.Trouble.RefuseNext("services", 429, "TooManyRequests", retryAfter: 1);
        long start = Stopwatch.GetTimestamp();
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);

        await watched.Synced();

        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromSeconds(1), "asked again too early");
        Assert.Equal(2, _server.Requests.Count(request => !request.IsWatch));
    }

    [Fact]
    public async Task A_server_that_fails_is_asked_again_and_nothing_is_lost()
    {
        foreach (int code in (int[])[500, 503, 502])
            _server.Trouble.RefuseNext("services", code, "InternalError");
        _server.Put(Objects.Service("old"));
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);

        await watched.Has("old");
    }

    [Fact]
    public async Task Without_the_right_to_list_the_servers_words_are_the_state_and_it_is_asked_slowly()
    {
        _server.Trouble.Forbidden["services"] = true;
        _server.Put(Objects.Service("old"));
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await Wait.Until(() => watched.Reflector.Failure is not null, "a failure");
        Assert.Contains("User \"test\" cannot list resource \"services\"", watched.Reflector.Failure);
        await Wait.Until(() => watched.Reflector.IsForbidden, "that it is meant");
        Assert.InRange(_server.Requests.Count, RetryPace.DenialsBeforeForbidden, RetryPace.DenialsBeforeForbidden + 1);
        int asked = _server.Requests.Count;
        await Task.Delay(500);
        Assert.InRange(_server.Requests.Count - asked, 1, 4);
        Assert.True(watched.Reflector is { IsForbidden: true, IsSynced: false });
        Assert.Empty(Assert.Single(watched.Batches)); // told once

        _server.Trouble.Forbidden.Clear();

        await watched.Has("old");
        await Wait.Until(() => watched.Reflector.Failure is null, "no failure any more");
    }

    [Fact]
    public async Task A_server_that_starts_up_and_has_not_read_the_roles_is_asked_again_soon_and_nobody_takes_it_for_a_refusal()
    {
        RetryPace pace = Watched<Service>.Quick with { Forbidden = TimeSpan.FromHours(1) };
        for (int refusal = 0; refusal < RetryPace.DenialsBeforeForbidden - 1; refusal++)
            _server.Trouble.RefuseNext("/services", 403, "Forbidden");
        _server.Put(Objects.Service("old"));

        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services, pace);

        await watched.Has("old");
        Assert.Equal(RetryPace.DenialsBeforeForbidden, _server.Requests.Count(request => !request.IsWatch));
        Assert.Equal("old", Assert.Single(watched.Batches.First()).Key.Name); // no empty report before it
        Assert.False(watched.Reflector.IsForbidden);
    }

    [Fact]
    public async Task A_custom_kind_is_looked_for_until_its_CRD_is_installed()
    {
        KeptLog log = new();
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(Watched<Service>.Access(_server), Resources.LocalRedirectPolicies, logger: log);
        await Wait.Until(() => watched.Reflector.IsNotInstalled, "its absence");
        Assert.Equal("localredirectpolicies.redirect.lra.dev/v1alpha1 is not installed", watched.Reflector.Failure);
        Assert.False(watched.Reflector.IsSynced);
        await Task.Delay(700);
        Assert.StartsWith("Information There is no localredirectpolicies", Assert.Single(log.Lines));
        Assert.Empty(Assert.Single(watched.Batches)); // told once

        _server.Install("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.Put(Objects.Policy("dns"));

        await watched.Has("dns", "");
        await Wait.Until(() => !watched.Reflector.IsNotInstalled && watched.Reflector.Failure is null, "its presence");
    }

    [Fact]
    public async Task The_objects_of_a_CRD_that_is_removed_are_reported_as_deleted()
    {
        _server.Install("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.Put(Objects.Policy("dns"));
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(_server, Resources.LocalRedirectPolicies);
        await watched.Has("dns", "");

        _server.Uninstall("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.CutWatches();

        await watched.Lacks("dns", "");
        Assert.Equal("dns", watched.Changes.Last().Old!.Key.Name);
    }

    [Fact]
    public async Task One_404_deletes_nothing()
    {
        _server.Install("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.Put(Objects.Policy("dns"));
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(_server, Resources.LocalRedirectPolicies);
        await watched.Has("dns", "");
        await Wait.Until(() => _server.WatchCount == 1, "a watch");

        _server.Trouble.RefuseNext("localredirectpolicies", 404, "NotFound");
        _server.Trouble.RefuseNext("localredirectpolicies", 404, "NotFound");
        _server.CutWatches();
        await Wait.Until(() => _server.Requests.Count(request => request.IsWatch) >= 3, "the next good watch");

        Assert.Single(watched.Changes);
    }

    [Fact]
    public async Task A_server_restored_from_a_backup_is_listed_anew()
    {
        _server.Put(Objects.Service("old"));
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await watched.Synced();
        await _server.Stop();

        // "Too large resource version" of a server whose versions are behind ours.
        _server.Trouble.RefuseNext("services", 504, "Timeout");
        _server.Put(Objects.Service("new"));
        await _server.Listen();

        await watched.Has("new");
        Assert.Equal(2, _server.Requests.Count(request => !request.IsWatch));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watch_from_the_future_of_a_restored_server_hears_nothing_and_is_given_up_for_a_list(bool endsWatches)
    {
        RetryPace pace = Watched<Service>.Quick with { Silence = TimeSpan.FromMilliseconds(400) };
        _server.Trouble.KeepsWatchesOfTheFuture = true;
        _server.Trouble.BookmarkEvery = TimeSpan.FromMilliseconds(50);
        string backup = _server.Put(Objects.Service("old"));
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services, pace);
        await watched.Synced();
        foreach (string lost in (string[])["lost-1", "lost-2", "lost-3"])
            _server.Put(Objects.Service(lost));
        await watched.Has("lost-3");

        _server.Restore(backup);
        if (endsWatches) // each sooner than the silence is noticed
        {
            _server.Trouble.LongestWatch = TimeSpan.FromMilliseconds(60);
            _server.CutWatches();
        }
        _server.Put(Objects.Service("new"));

        await watched.Has("new");
        await watched.Lacks("lost-3");
        Assert.Equal(["old", "new"], watched.Reflector.Snapshot().Select(service => service.Key.Name).OrderDescending());
    }

    [Fact]
    public async Task A_watch_in_which_nothing_happens_is_no_reason_to_list_all_anew()
    {
        KeptLog log = new();
        RetryPace pace = Watched<Service>.Quick with { Silence = TimeSpan.FromMilliseconds(200) };
        _server.Put(Objects.Service("one"));
        _server.Put(Objects.Service("two"));
        using ApiClient client = new(Watched<Service>.Access(_server), log);
        List<int> reports = [];
        await using Reflector<Service> reflector = new(client, Resources.Services, new ReflectorOptions { Pace = pace }, changes => reports.Add(changes.Count));
        reflector.Start();

        await Wait.Until(() => _server.Requests.Count(request => !request.IsWatch) >= 4, "three silences");

        Assert.Equal([2], reports);
        Assert.All(_server.Requests.Where(request => !request.IsWatch).Skip(1), request => Assert.Equal("1", request.Parameter("limit")));
        Assert.Single(_server.Requests.Where(request => request.IsWatch).Select(request => request.Parameter("resourceVersion")).Distinct());
        Assert.Empty(log.Lines);
    }

    [Fact]
    public async Task It_stops_within_a_second_whatever_it_is_doing()
    {
        await using Watched<Service> watches = Watched<Service>.Start(_server, Resources.Services);
        await watches.Synced();
        await Wait.Until(() => _server.WatchCount == 1, "a watch");
        _server.Trouble.IsSilent = true;
        await using Watched<Pod> waits = Watched<Pod>.Start(_server, Resources.Pods);
        await Wait.Until(() => _server.Requests.Any(request => request.Path.EndsWith("pods", StringComparison.Ordinal)), "a list that is not answered");

        long start = Stopwatch.GetTimestamp();
        await watches.Reflector.DisposeAsync();
        await waits.Reflector.DisposeAsync();

        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{Stopwatch.GetElapsedTime(start)}");
        await Wait.Until(() => _server.WatchCount == 0, "no watch");
    }

    [Theory]
    [InlineData(1, 0.5, 1)]
    [InlineData(4, 4, 8)]
    [InlineData(6, 15, 30)]
    [InlineData(1000, 15, 30)]
    public void Waits_grow_from_1_to_30_seconds_and_differ(int failures, double least, double most)
    {
        TimeSpan[] waits = [.. Enumerable.Range(0, 200).Select(_ => new RetryPace().After(failures))];

        Assert.All(waits, wait => Assert.InRange(wait.TotalSeconds, least, most));
        Assert.True(waits.Distinct().Count() > 20);
    }
}

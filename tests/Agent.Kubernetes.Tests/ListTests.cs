using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;

namespace Agent.Kubernetes.Tests;

public sealed class ListTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task A_list_is_read_in_pages_and_reported_as_one_batch()
    {
        PutServices(12);
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services, new ReflectorOptions { PageSize = 5 });

        await watched.Synced();

        Assert.Equal(12, Assert.Single(watched.Batches).Length);
        SeenRequest[] pages = [.. _server.Requests.Where(request => !request.IsWatch)];
        Assert.Equal(["5", "5", "5"], pages.Select(page => page.Parameter("limit")));
        Assert.Equal([true, false, false], pages.Select(page => page.Parameter("continue") is null));
    }

    [Fact]
    public async Task Pages_that_expire_in_the_middle_are_read_again_from_the_first()
    {
        PutServices(12);
        _server.Trouble.ExpireContinues(1);
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services, new ReflectorOptions { PageSize = 5 });

        await watched.Synced();

        Assert.Equal(12, watched.Reflector.Count);
        Assert.Equal(12, Assert.Single(watched.Batches).Length);
        Assert.Null(watched.Reflector.Failure);
        Assert.Equal(2, _server.Requests.Count(request => !request.IsWatch && request.Parameter("continue") is null));
    }

    [Fact]
    public async Task Pages_that_keep_expiring_are_read_as_one()
    {
        PutServices(12);
        _server.Trouble.ExpireContinues(1000);
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services, new ReflectorOptions { PageSize = 5 });

        await watched.Synced();

        Assert.Equal(12, watched.Reflector.Count);
    }

    [Fact]
    public async Task A_cluster_with_nothing_reports_one_empty_batch()
    {
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);

        await watched.Synced();

        Assert.Empty(Assert.Single(watched.Batches));
        Assert.NotNull(watched.Reflector.LastEventAt);
    }

    [Fact]
    public async Task A_list_that_trickles_in_is_read_as_well()
    {
        PutServices(3);
        _server.Trouble.TrickleBytes = 7;
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);

        await watched.Synced();

        Assert.Equal(3, watched.Reflector.Count);
    }

    [Fact]
    public async Task A_compressed_list_is_asked_for_and_read_over_HTTP_2()
    {
        PutServices(3);
        _server.Trouble.CompressesAll = true;
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);

        await watched.Synced();

        Assert.Equal(3, watched.Reflector.Count);
        SeenRequest list = _server.Requests.First();
        Assert.Equal("HTTP/2", list.Protocol);
        Assert.Contains("gzip", list.Headers["Accept-Encoding"]);
        Assert.StartsWith("local-redirect-agent/", list.Headers["User-Agent"]);
    }

    [Fact]
    public async Task A_server_without_HTTP_2_is_spoken_to_in_HTTP_1()
    {
        await _server.Stop();
        _server.Protocols = Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http1;
        await _server.Listen();
        PutServices(1);
        await using Watched<Service> watched = Watched<Service>.Start(_server, Resources.Services);
        await watched.Has("service-0");

        _server.Put(Objects.Service("later"));

        await watched.Has("later");
        Assert.All(_server.Requests, request => Assert.Equal("HTTP/1.1", request.Protocol));
    }

    [Fact]
    public async Task Selectors_are_sent_and_what_leaves_the_selection_is_deleted()
    {
        _server.Put(Objects.Pod("here", "w1"));
        _server.Put(Objects.Pod("there", "w2"));
        await using Watched<Pod> watched = Watched<Pod>.Start(_server, Resources.Pods, new ReflectorOptions { FieldSelector = "spec.nodeName=w1" });
        await watched.Synced();
        Assert.Equal("here", Assert.Single(watched.Reflector.Snapshot()).Key.Name);

        _server.Put(Objects.Pod("here", "w2"));

        await watched.Lacks("here");
    }

    private void PutServices(int count)
    {
        for (int i = 0; i < count; i++)
            _server.Put(Objects.Service($"service-{i}"));
    }
}

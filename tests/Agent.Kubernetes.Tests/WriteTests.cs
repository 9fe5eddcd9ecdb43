using System.Net;
using Agent.Kubernetes.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Kubernetes.Tests;

public sealed class WriteTests : IAsyncLifetime
{
    private ApiServer _server = null!;
    private ApiClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Install("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.Put(Objects.Policy("dns"));
        _client = new ApiClient(Watched<Service>.Access(_server), NullLogger.Instance);
    }

    public Task DisposeAsync()
    {
        _client.Dispose();
        return _server.DisposeAsync().AsTask();
    }

    [Fact]
    public async Task A_status_is_patched_by_merging_and_watched_like_any_change()
    {
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(_server, Resources.LocalRedirectPolicies);
        await watched.Has("dns", "");

        await _client.PatchStatus(Resources.LocalRedirectPolicies, new("", "dns"),
            """{"status":{"conditions":[{"type":"Programmed","status":"True"}]},"spec":{"frontend":null}}"""u8.ToArray(), default);

        await Wait.Until(() => watched.Reflector.Find(new("", "dns"))!.Conditions[0].Type == "Programmed", "the new condition");
        Assert.Equal("169.254.1.1", watched.Reflector.Find(new("", "dns"))!.Address);
        SeenPatch patch = Assert.Single(_server.Patches);
        Assert.Equal(("/apis/redirect.lra.dev/v1alpha1/localredirectpolicies/dns/status", "application/merge-patch+json"), (patch.Path, patch.ContentType));
    }

    [Fact]
    public async Task A_patch_of_what_is_gone_says_404()
    {
        ApiException refusal = await Assert.ThrowsAsync<ApiException>(() =>
            _client.PatchStatus(Resources.LocalRedirectPolicies, new("", "gone"), "{}"u8.ToArray(), default));

        Assert.Equal((HttpStatusCode.NotFound, "NotFound"), (refusal.Code, refusal.Reason));
        Assert.Equal("404 NotFound: localredirectpolicies \"gone\" not found", refusal.Message);
    }

    [Fact]
    public async Task An_event_on_a_cluster_scoped_object_is_created_in_the_namespace_default()
    {
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(_server, Resources.LocalRedirectPolicies);
        await watched.Has("dns", "");
        LocalRedirectPolicy policy = watched.Reflector.Find(new("", "dns"))!;

        await _client.CreateEvent(new ObjectEvent
        {
            About = ObjectReference.To(Resources.LocalRedirectPolicies, policy),
            Name = "dns.1",
            IsWarning = true,
            Action = "Program",
            Reason = "FrontendTaken",
            Note = new string('n', 2000),
            ReportedBy = "w1",
        }, default);

        var created = Assert.Single(_server.Events);
        Assert.Equal("Warning FrontendTaken Program w1", $"{created["type"]} {created["reason"]} {created["action"]} {created["reportingInstance"]}");
        Assert.Equal(1024, created["note"]!.ToString().Length);
        Assert.Equal("redirect.lra.dev/v1alpha1 LocalRedirectPolicy dns", $"{created["regarding"]!["apiVersion"]} {created["regarding"]!["kind"]} {created["regarding"]!["name"]}");
        Assert.Equal(policy.Uid, created["regarding"]!["uid"]!.ToString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", created["eventTime"]!.ToString());
    }

    [Fact]
    public async Task A_note_is_cut_at_1024_bytes_and_not_within_a_character()
    {
        ObjectReference about = new("v1", "Service", new("team", "db"), "u", "1");
        ObjectEvent told = new() { About = about, Name = "db.1", Action = "A", Reason = "R", Note = "n" + string.Concat(Enumerable.Repeat("\U0001F600", 300)), ReportedBy = "w1" };

        await _client.CreateEvent(told, default);
        await _client.CreateEvent(told with { Name = "db.2", Note = string.Concat(Enumerable.Repeat("é", 512)) }, default);

        Assert.Equal(["n" + string.Concat(Enumerable.Repeat("\U0001F600", 255)), string.Concat(Enumerable.Repeat("é", 512))], _server.Events.Select(made => made["note"]!.ToString()));
    }

    [Fact]
    public async Task An_event_on_a_namespaced_object_is_created_beside_it()
    {
        ObjectReference about = new("v1", "Service", new("team", "db"), "u", "1");

        await _client.CreateEvent(new ObjectEvent { About = about, Name = "db.1", Action = "A", Reason = "R", Note = "n", ReportedBy = "w1" }, default);

        Assert.Equal("team Normal", $"{Assert.Single(_server.Events)["metadata"]!["namespace"]} {_server.Events.Single()["type"]}");
    }
}

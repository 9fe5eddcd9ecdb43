using Agent.Cluster.Policies;
using Agent.Kubernetes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;
using Agent.Tests.Configuration;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Cluster.Policies;

public sealed class PolicyEventTests : IAsyncLifetime
{
    private readonly LogRecorder _log = new();
    private ApiServer _server = null!;
    private ApiClient _client = null!;
    private PolicyEvents _events = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        using TemporaryFile kubeconfig = new(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(_server)));
        _client = new ApiClient(ClusterAccess.FromKubeConfig(kubeconfig.Path), NullLogger.Instance);
        RetryPace retry = new() { First = TimeSpan.FromMilliseconds(20), Most = TimeSpan.FromMilliseconds(500) };
        PolicyPace pace = new() { EventSpread = TimeSpan.Zero, EventGap = TimeSpan.FromMilliseconds(1), Retry = retry };
        _events = new PolicyEvents(_client, "w1", pace, _log);
        _events.Publish([]);
    }

    public async Task DisposeAsync()
    {
        _events.Dispose();
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData('.')]
    [InlineData('-')]
    public async Task An_event_on_a_policy_with_a_long_name_has_a_name_that_the_server_takes(char at200)
    {
        string name = new string('a', 199) + at200 + "b";

        _events.Publish([Refused(name)]);

        await Wait.Until(() => !_server.Events.IsEmpty, "the event");
        Assert.StartsWith(name[..199] + ".", Assert.Single(_server.Events)["metadata"]!["name"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_starts_up_costs_no_event()
    {
        foreach (int code in (int[])[500, 429, 403, 403, 403, 403, 403])
            _server.Trouble.RefuseNext("/events", code, "");

        _events.Publish([Refused("lrp")]);

        await Wait.Until(() => !_server.Events.IsEmpty, "the event");
        Assert.Equal(8, _server.Requests.Count);
        Assert.DoesNotContain(_log.Lines, line => line.Contains("ServiceAccount"));
    }

    [Fact]
    public async Task An_event_that_meets_a_server_that_is_away_for_a_moment_is_told_when_it_is_back()
    {
        await _server.Stop();
        _events.Publish([Refused("lrp")]);
        await Task.Delay(100);

        await _server.Listen();

        await Wait.Until(() => !_server.Events.IsEmpty, "the event");
    }

    [Fact]
    public async Task Without_the_right_to_create_events_one_line_says_so_and_what_is_told_later_is_tried_once()
    {
        const int ForTheFirst = 8;
        for (int refusal = 0; refusal < ForTheFirst + 1; refusal++)
            _server.Trouble.RefuseNext("/events", 403, "Forbidden");

        _events.Publish([Refused("first")]);
        await Wait.Until(() => _log.Lines.Any(line => line.Contains("the verb create on events")), "the line");
        _events.Publish([Refused("first"), Refused("second")]);
        await Wait.Until(() => _server.Requests.Count == ForTheFirst + 1, "one try of the second");
        await Task.Delay(200);

        Assert.Equal(ForTheFirst + 1, _server.Requests.Count);
        Assert.Single(_log.Lines, line => line.Contains("ServiceAccount"));
        Assert.Empty(_server.Events);
        _events.Publish([]);
        _events.Publish([Refused("first")]); // the right is there, and what was lost is news when it happens again
        await Wait.Until(() => !_server.Events.IsEmpty, "the event");
    }

    [Theory]
    [InlineData(422)]
    [InlineData(404)] // its namespace is gone
    public async Task An_event_that_the_server_will_never_take_is_not_tried_again(int code)
    {
        _server.Trouble.RefuseNext("/events", code, "");

        _events.Publish([Refused("first")]);
        await Wait.Until(() => _server.Requests.Count == 1, "the first");
        _events.Publish([Refused("first"), Refused("second")]);

        await Wait.Until(() => !_server.Events.IsEmpty, "the second");
        await Task.Delay(200);
        Assert.StartsWith("second.", Assert.Single(_server.Events)["metadata"]!["name"]!.ToString(), StringComparison.Ordinal);
    }

    private static PolicyVerdict Refused(string name) =>
        new(PolicyKind.CiliumLocalRedirect, new ObjectKey("team", name), new Finding(false, "NoService", "there is none"), new Finding(false, "NotAccepted", ""));
}

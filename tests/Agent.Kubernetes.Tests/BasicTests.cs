using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Kubernetes.Tests;

/// <summary>What the client relies on, against the double and, so that the double tells the truth, against a real API server.</summary>
public sealed class BasicTests
{
    [Fact]
    public Task The_double_is_listed_in_pages_and_watched() => OnDouble(ListAndWatch);

    [RealServerFact]
    public Task A_real_server_is_listed_in_pages_and_watched() => OnReal(ListAndWatch);

    [Fact]
    public Task A_restart_of_the_double_loses_no_change() => OnDouble(Restart);

    [RealServerFact]
    public Task A_restart_of_a_real_server_loses_no_change() => OnReal(Restart);

    [Fact]
    public Task A_policy_on_the_double_is_found_once_installed_and_gets_status_and_event() => OnDouble(Policies);

    [RealServerFact]
    public Task A_policy_on_a_real_server_is_found_once_installed_and_gets_status_and_event() => OnReal(Policies);

    [Fact]
    public Task The_double_refuses_a_wrong_token_with_401_and_an_unknown_kind_with_404() => OnDouble(Refusals);

    [RealServerFact]
    public Task A_real_server_refuses_a_wrong_token_with_401_and_an_unknown_kind_with_404() => OnReal(Refusals);

    private static async Task ListAndWatch(TestCluster cluster)
    {
        foreach (string name in (string[])["a", "b", "c"])
            await cluster.Put(NewService(name, "1"));
        await using Watched<Service> watched = Watched<Service>.Start(cluster.Access, Resources.Services, new ReflectorOptions { Namespace = "default", PageSize = 2 });
        await watched.Synced();
        Assert.Superset(new HashSet<string> { "a", "b", "c" }, watched.Reflector.Snapshot().Select(service => service.Key.Name).ToHashSet());

        await cluster.Put(NewService("b", "2"));
        await cluster.DeleteService("c");
        await cluster.Put(NewService("d", "1"));

        await watched.Has("d");
        await watched.Lacks("c");
        Assert.Equal("2", watched.Reflector.Find(new("default", "b"))!.Labels["rev"]);
        Change<Service> change = watched.Changes.First(change => change.New?.Labels.GetValueOrDefault("rev") == "2");
        Assert.Equal(("1", change.New!.Uid), (change.Old!.Labels["rev"], change.Old.Uid));
        Assert.Equal(new ServicePort("dns", 53, "UDP", "5353"), Assert.Single(change.New.Ports));
    }

    private static async Task Restart(TestCluster cluster)
    {
        await cluster.Put(NewService("a", "1"));
        await using Watched<Service> watched = Watched<Service>.Start(cluster.Access, Resources.Services);
        await watched.Has("a");

        await cluster.Restart(async () =>
        {
            await cluster.DeleteService("a");
            await cluster.Put(NewService("b", "1"));
        });

        await watched.Has("b");
        await watched.Lacks("a");
    }

    private static async Task Policies(TestCluster cluster)
    {
        await using Watched<LocalRedirectPolicy> watched = Watched<LocalRedirectPolicy>.Start(cluster.Access, Resources.LocalRedirectPolicies);
        await Wait.Until(() => watched.Reflector.IsNotInstalled, $"its absence; {watched.Reflector.Failure}");
        await cluster.InstallPolicies();
        await watched.Synced();
        await cluster.Put(DeployedYaml.Read("samples/local-pods.yaml").ToJsonString());
        await watched.Has("metadata-proxy", "");
        LocalRedirectPolicy policy = watched.Reflector.Find(new("", "metadata-proxy"))!;

        using ApiClient client = new(cluster.Access, NullLogger.Instance);
        await client.PatchStatus(Resources.LocalRedirectPolicies, policy.Key,
            """{"status":{"conditions":[{"type":"Accepted","status":"True","reason":"Ok","message":"","lastTransitionTime":"2025-11-20T10:00:00Z"}]}}"""u8.ToArray(), default);
        await client.CreateEvent(new ObjectEvent
        {
            About = ObjectReference.To(Resources.LocalRedirectPolicies, policy),
            Name = "metadata-proxy.1",
            Action = "Program",
            Reason = "Accepted",
            Note = "for the test",
            ReportedBy = "w1",
        }, default);

        await Wait.Until(() => watched.Reflector.Find(policy.Key)!.Conditions.Count == 1, "the new condition");
        Assert.Equal("169.254.169.254", watched.Reflector.Find(policy.Key)!.Address);
        Assert.Contains(await cluster.Events(), created => created["regarding"]?["uid"]?.ToString() == policy.Uid && created["note"]?.ToString() == "for the test");
    }

    private static async Task Refusals(TestCluster cluster)
    {
        ClusterAccess wrong = new(cluster.Access.Server, cluster.Access.Trust, new FileCredentials { Token = "wrong" });
        using ApiClient stranger = new(wrong, NullLogger.Instance), client = new(cluster.Access, NullLogger.Instance);

        ApiException unauthorized = await Assert.ThrowsAsync<ApiException>(() => stranger.Send(new ApiRequest(HttpMethod.Get, "/api/v1/services?limit=1"), default));
        ApiException missing = await Assert.ThrowsAsync<ApiException>(() =>
            client.Send(new ApiRequest(HttpMethod.Get, "/apis/redirect.lra.dev/v1alpha1/localredirectpolicies"), default));

        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, unauthorized.Code);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, missing.Code);
    }

    private static string NewService(string name, string rev) => Objects.Service(name).Replace("\"clusterIP\":\"10.96.0.10\",\"clusterIPs\":[\"10.96.0.10\"],", "", StringComparison.Ordinal)
        .Replace("\"metadata\":{", $"\"metadata\":{{\"labels\":{{\"rev\":\"{rev}\"}},", StringComparison.Ordinal)
        .Replace("\"port\":53", "\"name\":\"dns\",\"targetPort\":5353,\"port\":53", StringComparison.Ordinal);

    private static async Task OnDouble(Func<TestCluster, Task> test)
    {
        await using DoubleCluster cluster = new(await ApiServer.Start());
        await test(cluster);
    }

    private static async Task OnReal(Func<TestCluster, Task> test)
    {
        await using RealCluster cluster = await RealCluster.Start();
        await test(cluster);
    }
}

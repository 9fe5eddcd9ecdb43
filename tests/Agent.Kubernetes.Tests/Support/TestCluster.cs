using System.Text.Json.Nodes;
using Agent.Kubernetes.Access;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>An API server that the basic tests run against: the double, or a real one.</summary>
internal abstract class TestCluster : IAsyncDisposable
{
    protected const string PolicyGroupVersion = "redirect.lra.dev/v1alpha1";

    public abstract ClusterAccess Access { get; }

    /// <summary>Creates or changes an object.</summary>
    public abstract Task Put(string json);

    public abstract Task DeleteService(string name);

    public abstract Task InstallPolicies();

    /// <summary>Goes away, does <paramref name="meanwhile"/>, and comes back.</summary>
    public abstract Task Restart(Func<Task> meanwhile);

    public abstract Task<IReadOnlyList<JsonObject>> Events();

    public abstract ValueTask DisposeAsync();
}

internal sealed class DoubleCluster(ApiServer server) : TestCluster
{
    public override ClusterAccess Access { get; } = Watched<Service>.Access(server);

    public override Task Put(string json)
    {
        server.Put(json);
        return Task.CompletedTask;
    }

    public override Task DeleteService(string name)
    {
        server.Delete("v1", "services", name, "default");
        return Task.CompletedTask;
    }

    public override Task InstallPolicies()
    {
        server.Install(PolicyGroupVersion, "localredirectpolicies");
        return Task.CompletedTask;
    }

    public override async Task Restart(Func<Task> meanwhile)
    {
        await server.Stop();
        await meanwhile();
        await server.Listen();
    }

    public override Task<IReadOnlyList<JsonObject>> Events() => Task.FromResult<IReadOnlyList<JsonObject>>([.. server.Events]);

    public override ValueTask DisposeAsync() => server.DisposeAsync();
}

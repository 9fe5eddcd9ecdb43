using System.Collections.Concurrent;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Watching;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>A reflector against a server, at a pace for tests, with all that it reported.</summary>
internal sealed class Watched<T> : IAsyncDisposable where T : KubernetesObject
{
    /// <summary>Like the real one, a hundred times as fast.</summary>
    public static readonly RetryPace Quick = new()
    {
        First = TimeSpan.FromMilliseconds(10),
        Most = TimeSpan.FromMilliseconds(300),
        Forbidden = TimeSpan.FromMilliseconds(300),
        NotInstalled = TimeSpan.FromMilliseconds(300),
        Settled = TimeSpan.FromMilliseconds(50),
    };

    private readonly ApiClient _client;

    private Watched(ApiClient client, Resource<T> resource, ReflectorOptions options)
    {
        _client = client;
        Reflector = new Reflector<T>(client, resource, options, batch =>
        {
            SmallestStore = Math.Min(SmallestStore, Reflector!.Count);
            Batches.Enqueue([.. batch]);
        });
    }

    public Reflector<T> Reflector { get; }

    public ConcurrentQueue<Change<T>[]> Batches { get; } = new();

    public IEnumerable<Change<T>> Changes => Batches.SelectMany(batch => batch);

    /// <summary>The fewest objects that a callback ever saw.</summary>
    public int SmallestStore { get; private set; } = int.MaxValue;

    public static Watched<T> Start(ApiServer server, Resource<T> resource, ReflectorOptions? options = null) =>
        Start(Access(server), resource, options);

    public static Watched<T> Start(ApiServer server, Resource<T> resource, RetryPace pace) =>
        Start(new ApiClient(Access(server), NullLogger.Instance), resource, new ReflectorOptions { Pace = pace });

    public static Watched<T> Start(ClusterAccess access, Resource<T> resource, ReflectorOptions? options = null, ILogger? logger = null, ConnectionSettings? settings = null)
    {
        ApiClient client = new(access, logger ?? NullLogger.Instance, settings ?? new ConnectionSettings());
        return Start(client, resource, (options ?? new()) with { Pace = Quick });
    }

    private static Watched<T> Start(ApiClient client, Resource<T> resource, ReflectorOptions options)
    {
        Watched<T> watched = new(client, resource, options);
        watched.Reflector.Start();
        return watched;
    }

    public static ClusterAccess Access(ApiServer server) => new(server.Url,
        ServerTrust.FromPem(server.Certificates.AuthorityPem, "the test's CA"), new FileCredentials { Token = ApiServer.Token });

    public Task Synced() => Wait.Until(() => Reflector.IsSynced && !Batches.IsEmpty, $"a first list; {Reflector.Failure}");

    public Task Has(string name, string inNamespace = "default") =>
        Wait.Until(() => Reflector.Find(new(inNamespace, name)) is not null, $"{name}; {Reflector.Failure}");

    public Task Lacks(string name, string inNamespace = "default") =>
        Wait.Until(() => Reflector.Find(new(inNamespace, name)) is null, $"no {name}; {Reflector.Failure}");

    public async ValueTask DisposeAsync()
    {
        await Reflector.DisposeAsync();
        _client.Dispose();
    }
}

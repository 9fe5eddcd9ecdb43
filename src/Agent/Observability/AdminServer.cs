using System.Net.Sockets;
using Agent.Dns;
using Agent.Native;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Agent.Observability;

/// <summary>HTTP over a Unix socket, for the CLI; only the user that the agent runs as may open it.</summary>
internal sealed class AdminServer : IDisposable
{
    public const string StatusPath = "/v1/status";
    public const string ConfigurationPath = "/v1/config";
    public const string CachePath = "/v1/cache"; // GET lists, DELETE flushes what is in ?zone=
    public const string CacheStatisticsPath = "/v1/cache/stats";
    public const string PoliciesPath = "/v1/policies";
    public const string ExplainPath = "/v1/explain"; // ?name=, type=, pod=NAMESPACE/NAME
    public const string UpstreamsPath = "/v1/upstreams";
    public const string ObservePath = "/v1/observe"; // lines as they come, filtered by the query
    public const string TopPath = "/v1/top"; // a line for each ?seconds=

    private readonly WebApplication _application;
    private readonly CancellationTokenSource _stop;
    private readonly SocketPath _path;

    private AdminServer(WebApplication application, SocketPath path, CancellationTokenSource stop) => (_application, _path, _stop) = (application, path, stop);

    /// <exception cref="IOException">The socket cannot be made there.</exception>
    public static AdminServer Start(NodeAgent agent)
    {
        SocketPath path = new(agent.Configuration.AdminSocket);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(path.Own, RequireOwnUser);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 32;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            kestrel.Limits.MinResponseDataRate = null; // who watches slowly loses flows, and not the connection
        });
        WebApplication application = builder.Build();
        application.MapGet(StatusPath, async (HttpContext context) =>
            await context.Response.WriteAsJsonAsync(AgentStatus.Of(agent, await Health.Workers(agent.Threads)), StatusJson.Default.AgentStatus));
        application.MapGet(ConfigurationPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(agent.Configuration.Settings, SettingsJson.Default.IReadOnlyListSetting));
        application.MapGet(PoliciesPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(PolicyListing.Of(agent), PolicyJson.Default.PolicyListing));
        application.MapGet(UpstreamsPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(UpstreamListing.Of(agent.Routes), UpstreamJson.Default.UpstreamListing));
        MapCache(application, agent);
        application.MapGet(ExplainPath, (HttpContext context) => Explain(context, agent));
        CancellationTokenSource stop = new();
        application.MapGet(ObservePath, (HttpContext context) => FlowStreams.Observe(context, agent, stop.Token));
        application.MapGet(TopPath, (HttpContext context) => FlowStreams.Top(context, agent, stop.Token));
        application.StartAsync().GetAwaiter().GetResult();
        path.Publish();
        return new AdminServer(application, path, stop);
    }

    /// <summary>Turns away every other user but root, whatever the modes of the socket and the directories above it became.</summary>
    private static void RequireOwnUser(ListenOptions listen) => listen.Use(next => connection =>
    {
        Socket? socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
        bool isAllowed = socket != null && PeerCredentials.UserOf(socket) is var user && (user == 0 || user == PeerCredentials.OwnUser);
        return isAllowed ? next(connection) : Task.CompletedTask;
    });

    private static void MapCache(WebApplication application, NodeAgent agent)
    {
        application.MapGet(CacheStatisticsPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(CacheStatistics.Of(agent), CacheJson.Default.CacheStatistics));
        application.MapGet(CachePath, (HttpContext context) => WithZone(context, zone =>
        {
            int limit = int.TryParse(context.Request.Query["limit"], out int asked) && asked > 0 ? asked : int.MaxValue;
            return context.Response.WriteAsJsonAsync(CacheListing.Of(agent.Cache, zone, limit), CacheJson.Default.CacheListing);
        }));
        application.MapDelete(CachePath, (HttpContext context) => WithZone(context, zone =>
            context.Response.WriteAsJsonAsync(new FlushReport(agent.Cache.Flush(zone)), CacheJson.Default.FlushReport)));
    }

    private static Task Explain(HttpContext context, NodeAgent agent)
    {
        string? name = context.Request.Query["name"];
        string? pod = context.Request.Query["pod"];
        if (string.IsNullOrEmpty(name) || !Presentation.TryParseType((string?)context.Request.Query["type"] ?? "A", out ushort type))
            return Refuse(context, StatusCodes.Status400BadRequest, "the parameter 'name' is missing, or 'type' is none");
        Kubernetes.Pod? found = pod == null ? null : agent.Cluster?.Pods.All.FirstOrDefault(one => one.Key.ToString() == pod);
        if (pod != null && found == null)
            return Refuse(context, StatusCodes.Status404NotFound, agent.Cluster == null ? "kubernetes.enabled is false: this agent knows no pods" : $"this node has no pod {pod}");
        try
        {
            return context.Response.WriteAsJsonAsync(Explanation.Of(agent, name, type, found), ExplanationJson.Default.Explanation);
        }
        catch (FormatException error)
        {
            return Refuse(context, StatusCodes.Status400BadRequest, error.Message);
        }
    }

    private static Task Refuse(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(message);
    }

    /// <summary>Hands on the zone that a request names; without one nothing is done, so that no slip of a script empties the cache.</summary>
    private static Task WithZone(HttpContext context, Func<byte[], Task> handle)
    {
        byte[] zone;
        try
        {
            string text = (string?)context.Request.Query["zone"] ?? throw new FormatException("the parameter 'zone' is missing; '.' is everything");
            zone = DnsName.FromText(text);
        }
        catch (FormatException error)
        {
            return Refuse(context, StatusCodes.Status400BadRequest, error.Message);
        }

        return handle(zone);
    }

    public void Dispose()
    {
        _stop.Cancel(); // streams have no end of their own
        _application.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stop.Dispose();
        _path.Dispose();
    }
}

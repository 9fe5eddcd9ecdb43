using Agent.Dns;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
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

    private readonly WebApplication _application;

    private AdminServer(WebApplication application) => _application = application;

    /// <exception cref="IOException">The socket cannot be made there.</exception>
    public static AdminServer Start(NodeAgent agent)
    {
        string socket = agent.Configuration.AdminSocket;
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Delete(socket); // an agent that was killed leaves its own
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(socket);
            kestrel.Limits.MaxConcurrentConnections = 32;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
        });
        WebApplication application = builder.Build();
        application.MapGet(StatusPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(AgentStatus.Of(agent), StatusJson.Default.AgentStatus));
        application.MapGet(ConfigurationPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(agent.Configuration.Settings, SettingsJson.Default.IReadOnlyListSetting));
        application.MapGet(PoliciesPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(PolicyListing.Of(agent), PolicyJson.Default.PolicyListing));
        MapCache(application, agent);
        application.MapGet(ExplainPath, (HttpContext context) => Explain(context, agent));
        application.StartAsync().GetAwaiter().GetResult();
        File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new AdminServer(application);
    }

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

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();
}

using System.Net.Sockets;
using Agent.Configuration;
using Agent.Observability.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Agent.Observability;

/// <summary>
/// HTTP for Prometheus (<c>/metrics</c>) and for probes (<c>/healthz</c>, <c>/readyz</c>). It is open to the network, so it tells no name that
/// was asked for and no client's address, changes nothing, and is bounded.
/// </summary>
internal sealed partial class MetricsServer : IDisposable
{
    private readonly NodeAgent _agent;
    private readonly IReadOnlyList<MetricFamily> _families;
    private readonly WebApplication _application;

    private MetricsServer(NodeAgent agent)
    {
        _agent = agent;
        MetricsConfiguration configuration = agent.Configuration.Metrics;
        _families = MetricCatalogue.For(configuration);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = Bind);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(configuration.Address, configuration.Port);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxRequestHeadersTotalSize = 8 * 1024;
            // Below the interval of most scrapes: who holds connections for nothing must not keep out the kubelet.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        });
        _application = builder.Build();
        _application.Run(Answer);
    }

    /// <summary>Starts it where the configuration wants it. A port that is taken is logged, and DNS goes on.</summary>
    /// <returns>Null when nothing is served.</returns>
    public static MetricsServer? Start(NodeAgent agent, ILogger logger)
    {
        MetricsConfiguration configuration = agent.Configuration.Metrics;
        if (configuration.Port == 0)
            return null;
        MetricsServer server = new(agent);
        System.Net.IPEndPoint address = new(configuration.Address, configuration.Port);
        try
        {
            server._application.StartAsync().GetAwaiter().GetResult();
            Serving(logger, address);
            return server;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            server.Dispose();
            CannotServe(logger, address, (error.InnerException ?? error).Message);
            return null;
        }
    }

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>The port is shared with an agent that is being replaced by this one, and is this one's alone when the other has ended.</summary>
    private static Socket Bind(System.Net.EndPoint address)
    {
        const int SolSocket = 1;
        const int ReusePort = 15;
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address is System.Net.IPEndPoint { Address: var any } && any.Equals(System.Net.IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.SetRawSocketOption(SolSocket, ReusePort, BitConverter.GetBytes(1));
            socket.Bind(address);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private Task Answer(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return Write(context, StatusCodes.Status405MethodNotAllowed, "GET or HEAD only\n");
        }

        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
        {
            context.Response.Headers.Connection = "close"; // nobody reads it
            return Write(context, StatusCodes.Status413PayloadTooLarge, "no body\n");
        }

        return context.Request.Path.Value switch
        {
            "/metrics" => WriteMetrics(context),
            "/healthz" => WriteHealth(context),
            "/readyz" => WriteReadiness(context),
            _ => Write(context, StatusCodes.Status404NotFound, "/metrics, /healthz, /readyz\n"),
        };
    }

    private Task WriteMetrics(HttpContext context)
    {
        bool isOpenMetrics = WantsOpenMetrics(context.Request);
        string text = SampleWriter.Write(_families, new Scrape(_agent), isOpenMetrics);
        return Write(context, StatusCodes.Status200OK, text, isOpenMetrics ? SampleWriter.OpenMetricsType : SampleWriter.PrometheusType);
    }

    private async Task WriteHealth(HttpContext context) => await WriteParts(context, [await Health.Workers(_agent.Threads)]);

    private async Task WriteReadiness(HttpContext context) =>
        await WriteParts(context, [await Health.Workers(_agent.Threads), .. Health.Readiness(_agent)]);

    private static Task WriteParts(HttpContext context, IReadOnlyList<HealthPart> parts)
    {
        int status = parts.All(part => part.IsWell) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return Write(context, status, string.Concat(parts.Select(part => $"{part}\n")));
    }

    private static Task Write(HttpContext context, int status, string text, string type = "text/plain; charset=utf-8")
    {
        byte[] body = System.Text.Encoding.UTF8.GetBytes(text);
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(body).AsTask();
    }

    /// <summary>Whether OpenMetrics comes before all else that the client takes, as Prometheus has it.</summary>
    private static bool WantsOpenMetrics(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? accepted))
            return false;
        MediaTypeHeaderValue? best = accepted.Where(type => type.Quality != 0).MaxBy(type => type.Quality ?? 1);
        return best?.MediaType.Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase) == true;
    }

    [LoggerMessage(500, LogLevel.Information, "Metrics and health at http://{Address}")]
    private static partial void Serving(ILogger logger, System.Net.IPEndPoint address);

    [LoggerMessage(501, LogLevel.Error, "No metrics, and no health for probes: {Address} cannot be served ({Reason}); free it, or set metrics.port. DNS goes on")]
    private static partial void CannotServe(ILogger logger, System.Net.IPEndPoint address, string reason);
}

using System.Net;
using Agent.Configuration;
using Agent.Observability.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Agent.Observability;

/// <summary>
/// <c>/metrics</c> for Prometheus. It is open to the network, so it tells no name that was asked for and no client's address, changes
/// nothing, and is bounded.
/// </summary>
internal static class MetricsServer
{
    /// <summary>Starts it where the configuration wants it.</summary>
    /// <returns>Null when nothing is served.</returns>
    public static PageServer? Start(NodeAgent agent, ILogger logger)
    {
        MetricsConfiguration configuration = agent.Configuration.Metrics;
        IReadOnlyList<MetricFamily> families = MetricCatalogue.For(configuration);
        MetricsText prometheus = new(agent, families, isOpenMetrics: false);
        MetricsText openMetrics = new(agent, families, isOpenMetrics: true);
        Dictionary<string, Func<HttpContext, Task>> pages = new() { ["/metrics"] = WriteMetrics };
        return PageServer.Start("metrics", new IPEndPoint(configuration.Address, configuration.Port), pages, logger);

        async Task WriteMetrics(HttpContext context)
        {
            MetricsText text = WantsOpenMetrics(context.Request) ? openMetrics : prometheus;
            await PageServer.Write(context, StatusCodes.Status200OK, await text.Read(), text.Type);
        }
    }

    /// <summary>Whether OpenMetrics comes before all else that the client takes, as Prometheus has it.</summary>
    private static bool WantsOpenMetrics(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? accepted))
            return false;
        MediaTypeHeaderValue? best = accepted.Where(type => type.Quality != 0).MaxBy(type => type.Quality ?? 1);
        return best?.MediaType.Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase) == true;
    }
}

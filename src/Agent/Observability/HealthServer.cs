using System.Net;
using Agent.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Agent.Observability;

/// <summary>
/// <c>/healthz</c> and <c>/readyz</c> for probes, on a listener of their own: who fills up the port of metrics, which pods can reach, must not
/// have the kubelet kill the agent.
/// </summary>
internal static class HealthServer
{
    /// <summary>Starts it where the configuration wants it.</summary>
    /// <returns>Null when nothing is served.</returns>
    public static PageServer? Start(NodeAgent agent, ILogger logger)
    {
        HealthConfiguration configuration = agent.Configuration.Health;
        Dictionary<string, Func<HttpContext, Task>> pages = new()
        {
            ["/healthz"] = async context => await WriteParts(context, [await Health.Workers(agent.Threads)]),
            ["/readyz"] = async context => await WriteParts(context, [await Health.Workers(agent.Threads), .. Health.Readiness(agent)]),
        };
        return PageServer.Start("health", new IPEndPoint(configuration.Address, configuration.Port), pages, logger);
    }

    private static Task WriteParts(HttpContext context, IReadOnlyList<HealthPart> parts)
    {
        int status = parts.All(part => part.IsWell) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return PageServer.Write(context, status, string.Concat(parts.Select(part => $"{part}\n")));
    }
}

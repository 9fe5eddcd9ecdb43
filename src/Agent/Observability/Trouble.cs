using Agent.Dns;
using Agent.Forwarding;

namespace Agent.Observability;

/// <summary>What is wrong with a running agent, for who looks because names are not resolved: what, and what to do.</summary>
internal static class Trouble
{
    /// <returns>A sentence each, without a full stop; the worst first.</returns>
    public static IReadOnlyList<string> Of(NodeAgent agent, HealthPart workers) =>
    [
        .. Health.Readiness(agent).Prepend(workers).Where(part => !part.IsWell).Select(part => $"not ready, {part.Name}: {part.State}"),
        .. agent.Routes.Routes.Select(OfRoute).OfType<string>(),
        .. agent.Routes.Routes.Where(CanAnswer).SelectMany(route => route.Servers).Distinct().Where(server => server.IsAvoided)
            .Select(server => $"{server.EndPoint} does not answer, and is asked last; 'lra upstream list' counts what was sent"),
        .. agent.Routes.Routes.SelectMany(route => route.Checks).Where(check => check.IsLoop).DistinctBy(check => check.Server)
            .Select(check => $"{check.Server.EndPoint} brings questions back to this agent, and is not asked: it must not forward to this node's resolver or to the cluster's DNS address"),
        .. OfConfiguration(agent),
    ];

    private static bool CanAnswer(Route route) => route.Servers.Any(server => !server.IsAvoided);

    private static string? OfRoute(Route route)
    {
        if (CanAnswer(route))
            return null;
        string zone = DnsName.ToText(route.Zone);
        if (route.Servers.Count == 0)
            return $"the route {zone} has no server that may be asked: what is not cached fails; see {route.Origin}";
        string servers = string.Join(", ", route.Servers.Select(server => server.EndPoint));
        return $"no server of the route {zone} answers ({servers}): what is not cached fails, what expired is given on; do they run, and does this node reach them?";
    }

    private static IEnumerable<string> OfConfiguration(NodeAgent agent)
    {
        if (agent.Reloads.RefusedAt != null)
            yield return "the configuration file is refused, what was before is in force; correct what stands under Config, or restart the agent for what takes a restart";
    }
}

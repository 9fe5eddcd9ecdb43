using System.CommandLine;
using System.Text.Json.Serialization;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Native;
using Agent.Observability;
using Agent.Redirect;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra status</c>: what the kernel does and what the agent says, each asked for itself.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Option<string> output = Output.CreateOption();
        Command command = new("status", """
            Show what the kernel redirects, and what the running agent did.
            The kernel's part is read from the pinned maps, so it is shown also while no agent runs.
            Exit status 1: the node does not redirect as configured; 3: the agent is not running.
            """)
        {
            config,
            output,
        };
        command.SetAction(parsed => Show(parsed.GetValue(config)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Show(string path, string format)
    {
        if (!CommandLine.TryReadForAgent(path, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        AgentStatus? agent;
        KernelStatus? kernel;
        string? silence;
        try
        {
            agent = AskAgent(configuration, out silence);
            kernel = configuration.Redirect.Enabled ? KernelStatus.Read(configuration.Redirect.PinPath) : null;
        }
        catch (Exception error) when (error is BpfException or DllNotFoundException or UnauthorizedAccessException)
        {
            return CommandLine.Fail(error.Message);
        }

        Output.Show(format, new NodeStatus(agent, kernel), NodeStatusJson.Default.NodeStatus, status =>
        {
            if (status.Agent == null)
                Console.WriteLine($"Agent     {silence ?? $"not running (nobody answers on {configuration.AdminSocket})"}");
            else
                ShowAgent(status.Agent);
            ShowKernel(status.Kernel, configuration);
            ShowTroubles(status.Agent);
            return ExitStatus.Done;
        });
        if (agent == null)
            return silence == null ? ExitStatus.NotRunning : ExitStatus.Failed;
        bool isAsConfigured = !configuration.Redirect.Enabled || kernel is { IsAgentAlive: true, IsAgentWell: true, MissingLinks.Count: 0 };
        return isAsConfigured ? ExitStatus.Done : ExitStatus.Failed;
    }

    /// <param name="silence">Why an agent that runs says nothing; what the kernel does is of the more use then.</param>
    /// <returns>Null when none runs, or says nothing.</returns>
    private static AgentStatus? AskAgent(AgentConfiguration configuration, out string? silence)
    {
        silence = null;
        try
        {
            return AdminClient.Ask(configuration.AdminSocket, HttpMethod.Get, AdminServer.StatusPath, StatusJson.Default.AgentStatus);
        }
        catch (InvalidOperationException error)
        {
            silence = error.Message;
            return null;
        }
    }

    private static void ShowAgent(AgentStatus agent)
    {
        Console.WriteLine($"Agent     {agent.Version} on {agent.Node}, process {agent.ProcessId}, up {TimeSpan.FromSeconds((long)agent.UptimeSeconds)}");
        Console.WriteLine($"Serving   {string.Join(", ", agent.Listen)}; {agent.Workers} UDP worker(s) for each address");
        string full = agent.Cache.IsFull ? "; full: where too few are hits, raise cache.memory" : "";
        Console.WriteLine($"Cache     {agent.Cache.Entries} answers, {agent.Cache.Bytes / 1024} of {agent.Cache.Budget / 1024} KiB, {agent.Cache.Evictions} evicted{full}");
        if (agent.Configuration.RefusedAt is { } refusedAt)
            Console.WriteLine($"Config    the file of {refusedAt:u} is refused, that of {agent.Configuration.AppliedAt:u} is in force");
        foreach (string reason in agent.Configuration.Reasons)
            Console.WriteLine($"          {reason}");
        QueryStatus queries = agent.Queries;
        Console.WriteLine($"Queries   {queries.Hits} hits, {queries.Local} local, {queries.Misses} misses, {queries.Stale} stale, {queries.Failed} failed, {queries.Refused} refused, {queries.Dropped} dropped");
        Console.WriteLine($"Clients   {queries.Denied} denied, {queries.Limited} limited{(queries.Limited > 0 ? "; 'lra top' shows who asks most" : "")}");
        foreach (RouteStatus route in agent.Routes)
            Console.WriteLine($"Route     {route.Zone} over {route.Protocol} to {(route.Servers.Count > 0 ? string.Join(", ", route.Servers) : "no server")}");
        if (agent.Cluster is { } cluster)
        {
            Console.WriteLine($"Cluster   {(cluster.IsSynced ? "synced" : "not heard yet")}{(cluster.Failure == null ? "" : $", {cluster.Failure}")}; names {NamesOf(cluster)}; {cluster.Pods} pods here");
            Console.WriteLine($"          {cluster.DnsService} has {ListOf(cluster.Addresses)}, answered by {ListOf(cluster.Servers)}");
        }

        if (agent.Pods is { } pods)
            ShowPods(pods);
        if (agent.LoopsFound > 0)
            Console.WriteLine($"Loops     found {agent.LoopsFound} times since the start; the log says where");
        if (agent.RedirectFailure != null)
            Console.WriteLine($"Redirect  not possible: {agent.RedirectFailure}");
    }

    private static void ShowTroubles(AgentStatus? agent)
    {
        foreach (string trouble in agent?.Troubles ?? [])
            Console.WriteLine($"Trouble   {trouble}");
    }

    private static string NamesOf(ClusterStatus cluster) => cluster switch
    {
        { NamesRestoredFrom: { } written } => $"answered here as they were at {written:u}",
        { HasNames: true } => $"answered here, of {cluster.Services} Services",
        _ => "asked of the cluster's own DNS",
    };

    private static void ShowPods(PodsStatus pods)
    {
        string exceptions = pods.Exceptions == null ? "those that were opted out or in before stay so" : $"{pods.Exceptions} opted {(pods.Mode == "enabled" ? "out" : "in")}";
        Console.WriteLine($"Pods      redirect {pods.Mode} by default, {exceptions}; {pods.Unreached.Count} not reached");
        foreach (UnreachedPod pod in pods.Unreached)
            Console.WriteLine($"          {pod.Pod}: {pod.Reason}");
        if (pods.Unseen > 0)
            Console.WriteLine($"          {pods.Unseen} not looked into for sockets connected before the redirect; that takes hostPID");
    }

    private static string ListOf(IReadOnlyList<string> addresses) => addresses.Count > 0 ? string.Join(", ", addresses) : "no address";

    private static void ShowKernel(KernelStatus? kernel, AgentConfiguration configuration)
    {
        if (kernel == null)
        {
            Console.WriteLine(configuration.Redirect.Enabled
                ? $"Kernel    nothing is pinned under {configuration.Redirect.PinPath}: not redirecting"
                : "Kernel    redirect.enabled is false");
            return;
        }

        string target = (kernel.IsAgentAlive, kernel.IsAgentWell) switch
        {
            (true, true) => "redirecting to the agent",
            _ when kernel.IsFallbackOver => "not redirecting: no agent for longer than redirect.fallbackTtl",
            (true, false) => "redirecting to the fallback: the agent lives but makes no progress",
            _ => "redirecting to the fallback: no agent holds the redirect",
        };
        Console.WriteLine($"Kernel    {target}");
        if (kernel.MissingLinks.Count > 0)
            Console.WriteLine($"          not attached: {string.Join(", ", kernel.MissingLinks)}; restart the agent");
        Table table = new Table().AddColumns("FRONTEND", "AGENT", "LOCAL", "FALLBACK", "TO AGENT", "TO LOCAL", "FELL BACK", "UNTOUCHED", "EXCLUDED");
        foreach (TableColumn column in table.Columns.Skip(4))
            column.RightAligned();
        foreach (FrontendStatus frontend in kernel.Frontends)
        {
            table.AddRow(new[]
            {
                frontend.Frontend, frontend.Agent, string.Join(' ', frontend.Local), string.Join(' ', frontend.Fallback), $"{frontend.ToAgent}", $"{frontend.ToLocal}", $"{frontend.FellBack}",
                $"{frontend.Untouched}", $"{frontend.Excluded}",
            }.Select(Markup.Escape).ToArray());
        }

        CommandLine.Print(table);
    }
}

/// <summary>What runs and what the kernel holds; each null when there is none.</summary>
internal sealed record NodeStatus(AgentStatus? Agent, KernelStatus? Kernel);

[JsonSerializable(typeof(NodeStatus))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class NodeStatusJson : JsonSerializerContext;

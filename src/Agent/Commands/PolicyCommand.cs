using System.CommandLine;
using Agent.Observability;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra policy</c>: what this node makes of each policy.</summary>
internal static class PolicyCommand
{
    private static readonly RunningAgent _agent = new();

    public static Command Create() => new("policy", "Show what this node makes of LocalRedirectPolicies and CiliumLocalRedirectPolicies.")
    {
        CreateList(),
        CreateShow(),
    };

    private static Command CreateList()
    {
        Command command = new("list", "List the policies.") { _agent.Config, _agent.Output };
        command.SetAction(parsed => _agent.Ask(parsed, HttpMethod.Get, AdminServer.PoliciesPath, PolicyJson.Default.PolicyListing, ShowList));
        return command;
    }

    private static Command CreateShow()
    {
        Argument<string> name = new("NAME") { Description = "The policy's name; NAMESPACE/NAME of a CiliumLocalRedirectPolicy" };
        Command command = new("show", """
            Show one policy with its frontends, and what the kernel counted for each.
            Exit status 1: there is none of that name.
            """)
        {
            name,
            _agent.Config,
            _agent.Output,
        };
        command.SetAction(parsed =>
        {
            string wanted = parsed.GetValue(name)!;
            return _agent.Ask(parsed, HttpMethod.Get, AdminServer.PoliciesPath, PolicyJson.Default.PolicyListing, ShowEach, Only);

            PolicyListing Only(PolicyListing all) => all with { Policies = [.. all.Policies.Where(policy => policy.Name == wanted)] };
        });
        return command;
    }

    private static int ShowList(PolicyListing listing)
    {
        WarnWhenNotWatching(listing);
        Table table = new Table().AddColumns("KIND", "NAME", "FRONTENDS", "BACKENDS", "ACCEPTED", "PROGRAMMED");
        foreach (PolicyReport policy in listing.Policies)
        {
            string backends = policy.IsAgentCache ? "agent cache" : $"{policy.Pods.Count} pod(s)";
            table.AddRow(new[]
            {
                policy.Kind, policy.Name, string.Join(' ', policy.Frontends.Select(frontend => frontend.Frontend)), backends, policy.Accepted.ToString(), policy.Programmed.ToString(),
            }.Select(Markup.Escape).ToArray());
        }

        CommandLine.Print(table);
        return ExitStatus.Done;
    }

    private static int ShowEach(PolicyListing listing)
    {
        WarnWhenNotWatching(listing);
        foreach (PolicyReport policy in listing.Policies)
            Show(policy);
        return listing.Policies.Count > 0 ? ExitStatus.Done : CommandLine.Fail("this node knows no such policy; 'lra policy list' names them");
    }

    private static void Show(PolicyReport policy)
    {
        Console.WriteLine($"Policy      {policy.Kind} {policy.Name}, generation {policy.Generation}");
        Console.WriteLine($"Accepted    {policy.Accepted}: {policy.Accepted.Message}");
        Console.WriteLine($"Programmed  {policy.Programmed}: {policy.Programmed.Message}");
        Console.WriteLine($"Backends    {(policy.IsAgentCache ? "the agent's cache" : policy.Pods.Count > 0 ? string.Join(", ", policy.Pods) : "no ready pod of this node")}");
        if (policy.Frontends.Count == 0)
            return;
        Table table = new Table().AddColumns("FRONTEND", "LOCAL", "FALLBACK", "TO AGENT", "TO LOCAL", "FELL BACK", "UNTOUCHED", "EXCLUDED");
        foreach (TableColumn column in table.Columns.Skip(3))
            column.RightAligned();
        foreach (PolicyFrontend frontend in policy.Frontends)
        {
            FrontendCounters? counted = frontend.Counters;
            table.AddRow(new[]
            {
                frontend.Frontend, string.Join(' ', frontend.Local), string.Join(' ', frontend.Fallback), $"{counted?.ToAgent}", $"{counted?.ToLocal}", $"{counted?.FellBack}",
                $"{counted?.Untouched}", $"{counted?.Excluded}",
            }.Select(Markup.Escape).ToArray());
        }

        CommandLine.Print(table);
    }

    private static void WarnWhenNotWatching(PolicyListing listing)
    {
        if (!listing.IsWatching)
            Console.Error.WriteLine("lra: kubernetes.enabled is false: this agent watches no policies");
    }
}

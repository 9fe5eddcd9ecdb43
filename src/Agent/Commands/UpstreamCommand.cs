using System.CommandLine;
using Agent.Observability;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra upstream</c>: whom the running agent asks.</summary>
internal static class UpstreamCommand
{
    private static readonly RunningAgent _agent = new();

    public static Command Create() => new("upstream", "Show the servers that the running agent asks, and how they do.")
    {
        CreateList(),
    };

    private static Command CreateList()
    {
        Command command = new("list", """
            List the routes and their servers, and what clients' questions came to since each was first asked.
            P50 and P95 are estimates in milliseconds, at least 1; a timeout is a question without an answer for 400 ms.
            """)
        {
            _agent.Config, _agent.Output,
        };
        command.SetAction(parsed => _agent.Ask(parsed, HttpMethod.Get, AdminServer.UpstreamsPath, UpstreamJson.Default.UpstreamListing, ShowList));
        return command;
    }

    private static int ShowList(UpstreamListing listing)
    {
        Table table = new Table().AddColumns(
            "ZONE", "PROTOCOL", "POLICY", "FROM", "SERVER", "STATE", "IN FLIGHT", "SENT", "ANSWERS", "TIMEOUTS", "FAILURES", "RETRIES", "P50", "P95");
        foreach (TableColumn column in table.Columns.Skip(6))
            column.RightAligned();
        foreach (UpstreamRoute route in listing.Routes)
        {
            string[] head = [route.Zone, route.Protocol, route.Policy, route.Origin];
            if (route.Servers.Count == 0)
                AddRow(table, [.. head, "none"]);
            foreach (UpstreamServer server in route.Servers)
                AddRow(table, [.. head, .. CellsOf(server)]);
        }

        CommandLine.Print(table);
        foreach (UpstreamServer server in listing.Routes.SelectMany(route => route.Servers).Where(server => server.TlsFailure != null).DistinctBy(server => server.Address))
            Console.WriteLine($"{server.Address} has no TLS connection: {server.TlsFailure}");
        return ExitStatus.Done;
    }

    private static string[] CellsOf(UpstreamServer server) =>
    [
        server.Address, server.State, $"{server.InFlight}", $"{server.Sent}", $"{server.Answers}", $"{server.Timeouts}", $"{server.Failures}", $"{server.Retries}",
        $"{server.MedianMilliseconds:0.0}", $"{server.SlowMilliseconds:0.0}",
    ];

    private static void AddRow(Table table, string[] cells) => table.AddRow(cells.Select(Markup.Escape).ToArray());
}

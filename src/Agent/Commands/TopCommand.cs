using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Agent.Configuration;
using Agent.Observability;
using Agent.Observability.Flows;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Agent.Commands;

/// <summary><c>lra top</c>: the running agent's rates, refreshed in place.</summary>
internal static class TopCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Option<string> output = Output.CreateOption();
        Option<bool> once = new("--once") { Description = "Show one interval and end" };
        Option<int> interval = Arguments.Number("--interval", "How long each look takes, 1 to 60", 1, 60);
        interval.HelpName = "SECONDS";
        interval.Aliases.Add("-i");
        interval.DefaultValueFactory = _ => 2;
        Command command = new("top", """
            Show the running agent's rates, most frequent names and pods, codes and times, refreshed until interrupted.
            With -o json or yaml, or into a pipe, one interval is shown.
            """)
        {
            once,
            interval,
            config,
            output,
        };
        command.SetAction(parsed =>
        {
            if (!CommandLine.TryReadForAgent(parsed.GetValue(config)!, out AgentConfiguration? configuration))
                return ExitStatus.Usage;
            string format = parsed.GetValue(output)!;
            string path = $"{AdminServer.TopPath}?seconds={parsed.GetValue(interval)}";
            return parsed.GetValue(once) || format != Output.Table || Console.IsOutputRedirected ? ShowOnce(configuration, path, format) : ShowLive(configuration, path);
        });
        return command;
    }

    /// <summary>What a person sees of one interval.</summary>
    public static IRenderable Render(TopReport report)
    {
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"{report.QueriesPerSecond:0.#} queries/s, {100 * report.HitRatio:0.0} % answered on the node; latency {Time(report.LatencyMicroseconds.Median)} median, {Time(report.LatencyMicroseconds.P90)} p90, {Time(report.LatencyMicroseconds.P99)} p99");
        List<IRenderable> rows = [new Text(head), new Text("")];
        rows.Add(new Columns(List("VERDICT", report.Verdicts), List("RCODE", report.Rcodes), List("KERNEL", report.Kernel)).Collapse());
        rows.Add(new Text(""));
        rows.Add(List("NAME", report.Names));
        rows.Add(new Text(""));
        rows.Add(List("POD", report.Pods));
        if (report.Lost > 0)
            rows.Add(new Text($"{report.Lost} flow(s) more than could be looked at: names, pods, codes and times lack them"));
        return new Rows(rows);
    }

    private static int ShowOnce(AgentConfiguration configuration, string path, string format) =>
        RunningAgent.Follow(configuration, path, isEndless: false, line =>
        {
            TopReport report = JsonSerializer.Deserialize(line, TopJson.Default.TopReport)!;
            Output.Show(format, report, TopJson.Default.TopReport, shown =>
            {
                CommandLine.PrintWide(Render(shown));
                return ExitStatus.Done;
            });
            return false;
        });

    private static int ShowLive(AgentConfiguration configuration, string path) =>
        AnsiConsole.Live(new Text("...")).Start(display => RunningAgent.Follow(configuration, path, isEndless: true, line =>
        {
            display.UpdateTarget(Render(JsonSerializer.Deserialize(line, TopJson.Default.TopReport)!));
            display.Refresh();
            return true;
        }));

    private static Table List(string title, IReadOnlyList<TopRate> rates)
    {
        Table table = new Table().Border(TableBorder.None).AddColumns(title, "PER SECOND");
        table.Columns[1].RightAligned();
        foreach (TopRate rate in rates)
            table.AddRow(Markup.Escape(rate.Name), rate.PerSecond.ToString("0.0", CultureInfo.InvariantCulture));
        return table;
    }

    private static string Time(double microseconds) => microseconds < 1000
        ? string.Create(CultureInfo.InvariantCulture, $"{microseconds:0} us")
        : string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1000:0.0} ms");
}

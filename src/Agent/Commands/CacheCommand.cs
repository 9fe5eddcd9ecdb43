using System.CommandLine;
using Agent.Dns;
using Agent.Observability;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra cache</c>: what the running agent keeps, and dropping it.</summary>
internal static class CacheCommand
{
    private static readonly RunningAgent _agent = new();

    public static Command Create() => new("cache", "Look into the running agent's cache, or drop answers from it.")
    {
        CreateList(),
        CreateGet(),
        CreateFlush(),
        CreateStats(),
    };

    private static Command CreateList()
    {
        Argument<string> zone = ZoneArgument("Only this name and the names below it", ".");
        Option<int> limit = Arguments.Number("--limit", "The most answers to show, sorted by name; 0: all", 0, int.MaxValue);
        limit.DefaultValueFactory = _ => 1000;
        Command command = new("list", "List the kept answers.") { zone, limit, _agent.Config, _agent.Output };
        command.SetAction(parsed => _agent.Ask(
            parsed, HttpMethod.Get, $"{PathOf(parsed.GetValue(zone)!)}&limit={parsed.GetValue(limit)}", CacheJson.Default.CacheListing, ShowList));
        return command;
    }

    private static Command CreateGet()
    {
        Argument<string> name = Arguments.Name("The name alone, not what is below it");
        Command command = new("get", """
            Show what is kept for one name, with its records.
            Exit status 1: nothing is kept.
            """)
        {
            name,
            _agent.Config,
            _agent.Output,
        };
        command.SetAction(parsed =>
        {
            string text = $"{parsed.GetValue(name)!.TrimEnd('.').ToLowerInvariant()}.";
            return _agent.Ask(parsed, HttpMethod.Get, PathOf(text), CacheJson.Default.CacheListing, ShowRecords, Only);

            CacheListing Only(CacheListing all)
            {
                CachedAnswer[] answers = [.. all.Answers.Where(answer => answer.Name == text)];
                return new CacheListing(answers.Length, answers);
            }
        });
        return command;
    }

    private static Command CreateFlush()
    {
        Argument<string> zone = ZoneArgument("This name and the names below it", "");
        Option<bool> all = new("--all") { Description = "Everything" };
        Command command = new("flush", "Drop kept answers; the next query for them asks the upstreams.") { zone, all, _agent.Config, _agent.Output };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(all) != string.IsNullOrEmpty(parsed.GetValue(zone)))
                parsed.AddError("Say what to drop: either NAME or --all.");
        });
        command.SetAction(parsed => _agent.Ask(
            parsed, HttpMethod.Delete, PathOf(parsed.GetValue(all) ? "." : parsed.GetValue(zone)!), CacheJson.Default.FlushReport, ShowFlushed));
        return command;
    }

    private static Command CreateStats()
    {
        Command command = new("stats", "Show how full the cache is and how well it does.") { _agent.Config, _agent.Output };
        command.SetAction(parsed => _agent.Ask(parsed, HttpMethod.Get, AdminServer.CacheStatisticsPath, CacheJson.Default.CacheStatistics, ShowStats));
        return command;
    }

    private static Argument<string> ZoneArgument(string description, string absent)
    {
        Argument<string> zone = Arguments.Name(description);
        zone.DefaultValueFactory = _ => absent;
        zone.Arity = ArgumentArity.ZeroOrOne;
        return zone;
    }

    private static string PathOf(string zone) => $"{AdminServer.CachePath}?zone={Uri.EscapeDataString(zone)}";

    private static int ShowList(CacheListing listing)
    {
        Table table = new Table().AddColumns("NAME", "TYPE", "FLAGS", "RCODE", "STATE", "TTL", "AGE", "BYTES", "POPULAR");
        foreach (TableColumn column in table.Columns.Skip(5).Take(3))
            column.RightAligned();
        foreach (CachedAnswer answer in listing.Answers)
        {
            table.AddRow(new[]
            {
                answer.Name, answer.Type, answer.Flags, answer.ResponseCode, answer.State, $"{answer.TtlSeconds:0}", $"{answer.AgeSeconds:0}",
                $"{answer.Bytes}", answer.IsPopular ? "yes" : "no",
            }.Select(Markup.Escape).ToArray());
        }

        CommandLine.Print(table);
        if (listing.Total > listing.Answers.Count)
            Console.Error.WriteLine($"lra: {listing.Answers.Count} of {listing.Total} answers shown; --limit 0 shows all");
        return ExitStatus.Done;
    }

    private static int ShowRecords(CacheListing listing)
    {
        foreach (CachedAnswer answer in listing.Answers)
        {
            string flags = answer.Flags.Length > 0 ? $" {answer.Flags}" : "";
            Console.WriteLine($";; {answer.Name} {answer.Type}{flags}: {answer.ResponseCode}, {answer.State}, {answer.TtlSeconds:0} s left, {answer.Bytes} bytes");
            foreach (string record in answer.Records)
                Console.WriteLine(record);
        }

        return listing.Total > 0 ? ExitStatus.Done : CommandLine.Fail("nothing is kept for that name");
    }

    private static int ShowFlushed(FlushReport report)
    {
        Console.WriteLine($"{report.Flushed} answer(s) dropped");
        return ExitStatus.Done;
    }

    private static int ShowStats(CacheStatistics stats)
    {
        Console.WriteLine($"Answers   {stats.Entries}: {stats.Fresh} fresh, {stats.Stale} stale, {stats.Failures} kept failures; {stats.NonExistent} of names that do not exist");
        Console.WriteLine($"Memory    {stats.Bytes / 1024} of {stats.Budget / 1024} KiB, {stats.Evictions} evicted");
        Console.WriteLine($"Queries   {stats.Hits} hits, {stats.Misses} misses, {100 * stats.HitRatio:0.0} % hits, {stats.ServedStale} served stale");
        return ExitStatus.Done;
    }
}

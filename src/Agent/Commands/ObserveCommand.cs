using System.CommandLine;
using System.Text;
using System.Text.Json;
using Agent.Configuration;
using Agent.Native;
using Agent.Observability;
using Agent.Observability.Flows;

namespace Agent.Commands;

/// <summary><c>lra observe</c>: the running agent's flows, as they come.</summary>
internal static class ObserveCommand
{
    private static readonly Option<string> _config = CommandLine.ConfigurationOption();
    private static readonly Option<string[]> _namespaces = Criterion("--namespace", "NAME", "Of pods in this namespace", "-n");
    private static readonly Option<string[]> _pods = Criterion("--pod", "POD", "Of this pod: NAMESPACE/NAME, NAME or an address; * and ? stand for others");
    private static readonly Option<string[]> _names = Criterion("--name", "NAME", "For this name; * and ? stand for others, .example.org for it and all below it");
    private static readonly Option<string[]> _types = Criterion("--type", "TYPE", "For records of this type: A, AAAA, SRV, TYPE65");
    private static readonly Option<string[]> _rcodes = Criterion("--rcode", "CODE", "Answered with this code: NOERROR, NXDOMAIN, SERVFAIL");
    private static readonly Option<string[]> _verdicts = Criterion(
        "--verdict", "VERDICT", $"{string.Join(", ", FlowReader.Verdicts)}; of the kernel: {string.Join(", ", KernelFlows.Outcomes)}");

    private static readonly Option<string> _source = new Option<string>("--source")
    {
        Description = "dns: the agent's answers; kernel: the kernel's decisions, all of them [default: answers, and the decisions that sent nothing to the agent]",
        HelpName = "dns|kernel",
    }.AcceptOnlyFromAmong(Flow.Dns, Flow.Kernel);

    private static readonly Option<bool> _not = new("--not") { Description = "What the options above do not choose, in place of what they choose" };
    private static readonly Option<string?> _since = new("--since") { Description = "Of what is kept, that of the last 30s, 5m, ...; then end", HelpName = "TIME" };
    private static readonly Option<int> _last = Arguments.Number("--last", "Of what is kept, the last N; then end", 1, FlowHistory.Capacity);
    private static readonly Option<int> _first = Arguments.Number("--first", "End after N", 1, int.MaxValue);
    private static readonly Option<bool> _follow = new("--follow", "-f") { Description = "Go on after --since or --last" };

    private static readonly Option<string> _output = new Option<string>("--output", "-o")
    {
        Description = "compact for people, json (a line for each) for programs, coredns as CoreDNS logs",
        HelpName = "compact|json|coredns",
        DefaultValueFactory = _ => "compact",
    }.AcceptOnlyFromAmong("compact", "json", "coredns");

    public static Command Create()
    {
        Command command = new("observe", $"""
            Show queries with pod, name, verdict, code and time, as they come, until interrupted.
            An option given several times chooses what fits one of its values; several options, what fits all.
            Nothing is noted until somebody observes, and then for {FlowHub.SecondsAfterwards} s longer: that is what is kept, the last {FlowHistory.Capacity}.
            Exit status 3: the agent is not running, or ended meanwhile.
            """)
        {
            _namespaces, _pods, _names, _types, _rcodes, _verdicts, _source, _not, _since, _last, _first, _follow, _config, _output,
        };
        _types.CompletionSources.Add(Arguments.Types);
        _rcodes.CompletionSources.Add("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP");
        _verdicts.CompletionSources.Add([.. FlowReader.Verdicts, .. KernelFlows.Outcomes]);
        command.SetAction(Observe);
        return command;
    }

    private static Option<string[]> Criterion(string name, string value, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = value, DefaultValueFactory = _ => [], Arity = ArgumentArity.OneOrMore };

    private static int Observe(ParseResult parsed)
    {
        string path;
        try
        {
            path = PathOf(parsed);
        }
        catch (FormatException error)
        {
            CommandLine.Fail(error.Message);
            return ExitStatus.Usage;
        }

        if (!CommandLine.TryReadForAgent(parsed.GetValue(_config)!, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        int left = parsed.GetValue(_first) is > 0 and var first ? first : int.MaxValue;
        bool isFollowing = path.Contains("follow=true", StringComparison.Ordinal);
        bool hasShown = false;
        int status = RunningAgent.Follow(configuration, path, isEndless: isFollowing, line =>
        {
            hasShown = true;
            if (Format(line, parsed.GetValue(_output)!) is not { } text)
                return true;
            return StandardOutput.TryWrite(Encoding.UTF8.GetBytes($"{text}\n")) && --left > 0;
        });
        if (status == ExitStatus.Done && !isFollowing && !hasShown)
            Console.Error.WriteLine("lra: nothing that fits is kept; flows are noted from now on, for a while");
        return status;
    }

    private static string PathOf(ParseResult parsed)
    {
        FlowFilter filter = FlowFilter.Parse(key => key switch
        {
            "namespace" => parsed.GetValue(_namespaces)!,
            "pod" => parsed.GetValue(_pods)!,
            "name" => parsed.GetValue(_names)!,
            "type" => parsed.GetValue(_types)!,
            "rcode" => parsed.GetValue(_rcodes)!,
            "verdict" => parsed.GetValue(_verdicts)!,
            "source" => parsed.GetValue(_source) is { } source ? [source] : [],
            _ => parsed.GetValue(_not) ? ["true"] : [],
        });
        string path = $"{AdminServer.ObservePath}?{filter.ToQuery()}";
        int last = parsed.GetValue(_last);
        if (last > 0)
            path += $"&last={last}";
        if (parsed.GetValue(_since) is { } since)
        {
            Parsed<TimeSpan> time = Values.Duration(TimeSpan.FromDays(1))(since);
            if (time.Mistake != null)
                throw new FormatException($"--since: {time.Mistake}");
            path += $"&since={(int)Math.Ceiling(time.Value.TotalSeconds)}";
        }

        bool isLive = parsed.GetValue(_follow) || (last == 0 && parsed.GetValue(_since) == null);
        return isLive ? $"{path}&follow=true" : path;
    }

    private static string? Format(string line, string format)
    {
        if (format == "json")
            return line;
        Flow flow = JsonSerializer.Deserialize(line, FlowJson.Default.Flow)!;
        return format == "compact" ? FlowText.Compact(flow) : FlowText.CoreDns(flow);
    }
}

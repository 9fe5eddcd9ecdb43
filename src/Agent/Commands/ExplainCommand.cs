using System.CommandLine;
using System.CommandLine.Parsing;
using Agent.Dns;
using Agent.Observability;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra explain</c>: what becomes of a name.</summary>
internal static class ExplainCommand
{
    private static readonly RunningAgent _agent = new();

    public static Command Create()
    {
        Argument<string> name = Arguments.Name("As an application would give it; with a dot at its end no search domain is tried");
        Option<string> pod = new("--pod") { Description = "A pod of this node, whose search domains are tried in turn", HelpName = "NAMESPACE/NAME" };
        Option<string> type = new("--type") { Description = "The type of records", HelpName = "TYPE", DefaultValueFactory = _ => "A" };
        type.CompletionSources.Add(Arguments.Types);
        Command command = new(
            "explain",
            """
            Explain what the running agent does with a name.
            It shows which names a pod's resolver makes of it, what would answer each and why, and what the pod gets.
            No server is asked, and the cache stays as it is.
            """)
        { name, pod, type, _agent.Config, _agent.Output };
        pod.Validators.Add(result => Check(result, text => text.Split('/') is [{ Length: > 0 }, { Length: > 0 }], "is not NAMESPACE/NAME"));
        type.Validators.Add(result => Check(result, text => Presentation.TryParseType(text, out _), "is no type of records"));
        command.SetAction(parsed => _agent.Ask(
            parsed, HttpMethod.Get, PathOf(parsed.GetValue(name)!, parsed.GetValue(type)!, parsed.GetValue(pod)), ExplanationJson.Default.Explanation, Show));
        return command;
    }

    private static void Check(SymbolResult result, Func<string, bool> isRight, string mistake)
    {
        if (result.Tokens is [{ Value: { } text }] && !isRight(text))
            result.AddError($"'{text}' {mistake}");
    }

    private static string PathOf(string name, string type, string? pod) =>
        $"{AdminServer.ExplainPath}?name={Uri.EscapeDataString(name)}&type={Uri.EscapeDataString(type)}{(pod == null ? "" : $"&pod={Uri.EscapeDataString(pod)}")}";

    private static int Show(Explanation explanation)
    {
        if (explanation.Pod is { } pod)
            Show(pod);
        Table table = new Table().AddColumns("ASKED", "TYPE", "ANSWERED BY", "RCODE", "TTL", "WHY");
        table.Columns[4].RightAligned();
        foreach (ExplainedStep step in explanation.Steps)
        {
            table.AddRow(new[]
            {
                step.Name, explanation.Type, step.Source, step.ResponseCode ?? "", step.TtlSeconds is { } ttl ? $"{ttl:0}" : "", step.Why,
            }.Select(Markup.Escape).ToArray());
        }

        CommandLine.Print(table);
        foreach (string record in explanation.Steps.SelectMany(step => step.Records))
            Console.WriteLine($";; {record}");
        Console.WriteLine($"Autopath  {explanation.Autopath}");
        Console.WriteLine($"Result    {explanation.Result}");
        return ExitStatus.Done;
    }

    private static void Show(ExplainedPod pod)
    {
        string network = pod.IsHostNetwork ? ", in the node's network" : "";
        Console.WriteLine($"Pod       {pod.Name}, {string.Join(", ", pod.Addresses)}, dnsPolicy {pod.DnsPolicy}{network}");
        Console.WriteLine($"Search    {(pod.Searches == null ? "not known" : $"{(pod.Searches.Count > 0 ? string.Join(' ', pod.Searches) : "none")}, ndots {pod.Ndots}")}");
        Console.WriteLine($"Redirect  {(pod.WhyNotRedirected == null ? "yes" : $"no: {pod.WhyNotRedirected}")}");
    }
}

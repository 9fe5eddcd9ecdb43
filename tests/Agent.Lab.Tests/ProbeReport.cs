using System.Globalization;
using System.Text.RegularExpressions;

namespace Agent.Lab.Tests;

/// <summary>What the probe's application saw: one line of its output.</summary>
internal sealed partial record ProbeReport
{
    /// <summary>What getpeername said; "-" for a socket that is not connected.</summary>
    public required string Peer { get; init; }

    /// <summary>What recvfrom said; "-" for TCP, and when nothing came.</summary>
    public required string From { get; init; }

    public required string Rcode { get; init; }
    public required int Answers { get; init; }
    public required int Sent { get; init; }
    public required int Received { get; init; }
    public required int Lost { get; init; }
    public required int WrongSource { get; init; }
    public required int BadRcode { get; init; }

    /// <summary>Errors that the application got of its socket calls.</summary>
    public required int Unreachable { get; init; }

    /// <summary>Milliseconds after the start at which each lost query was sent, of a steady run only.</summary>
    public IReadOnlyList<int> LostAt { get; init; } = [];

    /// <summary>The line as the probe printed it.</summary>
    public required string Text { get; init; }

    /// <summary>All of them, in time, and by whom the application asked.</summary>
    public bool IsFlawless => Received == Sent && Lost == 0 && WrongSource == 0 && BadRcode == 0;

    /// <summary>Has a probe that keeps its socket (-k) ask once more.</summary>
    public static ProbeReport AskAgain(RunningProcess probe)
    {
        probe.WriteLine();
        return Parse(probe.ReadLine());
    }

    public static ProbeReport Parse(string output)
    {
        Dictionary<string, string> fields = Field().Matches(output).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        int Number(string name) => int.Parse(fields[name], CultureInfo.InvariantCulture);
        return new ProbeReport
        {
            Peer = fields["peer"],
            From = fields["from"],
            Rcode = fields["rcode"],
            Answers = Number("answers"),
            Sent = Number("sent"),
            Received = Number("received"),
            Lost = Number("lost"),
            WrongSource = Number("wrong_source"),
            BadRcode = Number("bad_rcode"),
            Unreachable = Number("unreachable"),
            LostAt = [.. LostLine().Matches(output).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))],
            Text = output.Trim(),
        };
    }

    [GeneratedRegex(@"\b(?!at_ms)(\w+)=(\S+)")]
    private static partial Regex Field();

    [GeneratedRegex(@"^lost at_ms=(\d+)$", RegexOptions.Multiline)]
    private static partial Regex LostLine();
}

using System.Globalization;
using Xunit.Sdk;

namespace Agent.Lab.Tests;

/// <summary>What was lost by each shape of socket while one thing happened, IPv4 before IPv6.</summary>
/// <param name="Event">Begins with the number of the check.</param>
internal sealed record MatrixRow(string Event, IReadOnlyList<ProbeReport> Reports)
{
    public override string ToString() =>
        $"| {Event} | {string.Join(" | ", Reports.Chunk(2).Select(pair => $"{pair[0].Lost} / {pair[1].Lost}"))} |";
}

/// <summary>A lab in which pods ask without pause through every shape of socket, and the table of what each event cost them.</summary>
public sealed class FailureMatrix : LabFixture
{
    /// <summary>A socket that is connected for ever points at the agent while it is away; the others are turned by the next query.</summary>
    public const int HeldShape = 2;

    private static readonly (string Name, string Options)[] _shapes =
    [
        ("UDP, a socket for each query", "-f -c connected"),
        ("UDP, one unconnected socket", "-c unconnected"),
        ("UDP, one connected socket", "-c connected"),
        ("TCP, a connection for each query", "-f -t tcp"),
    ];

    private readonly List<MatrixRow> _rows = [];

    public FailureMatrix()
    {
        // One address asks through thousands of connections: a moment without a processor must not look like an attack.
        if (Machine.LacksForBpf is null)
            File.AppendAllText(Configuration, "clients: { tcpConnections: 2000 }\n");
    }

    /// <summary>How long each probe asks, and how many queries it sends a second; `make matrix` asks longer and more.</summary>
    internal static int Seconds { get; } = FromEnvironment("LRA_MATRIX_SECONDS", 4);

    /// <summary>How long what stands still does so: longer than a probe waits for an answer, when there is time.</summary>
    internal static TimeSpan Pause { get; } = TimeSpan.FromSeconds(Math.Min(5, Seconds / 2.0));

    internal static int Rate { get; } = FromEnvironment("LRA_MATRIX_RATE", 200);

    /// <summary>Has all shapes ask at once, lets something happen a second after the start, and notes what was lost.</summary>
    internal MatrixRow Run(string name, Action happen)
    {
        List<RunningProcess> probes = [];
        try
        {
            foreach ((_, string options) in _shapes)
            {
                probes.Add(StartProbe($"-4 {options} {Steady} 10.96.0.10"));
                probes.Add(StartProbe($"-6 {options} {Steady} fd00:10:96::a"));
            }

            probes.ForEach(probe => Assert.Equal("sending", probe.ReadLine()));
            Thread.Sleep(500);
            happen();
            MatrixRow row = new(name, [.. probes.Select(probe => ProbeReport.Parse(probe.WaitForEnd(TimeSpan.FromSeconds(Seconds + 30)).Output))]);
            _rows.Add(row);
            return row;
        }
        finally
        {
            probes.ForEach(probe => probe.Dispose());
        }
    }

    /// <summary>Ends the lab, and leaves the table in out/matrix.md.</summary>
    public override void Dispose()
    {
        base.Dispose();
        if (_rows.Count == 0)
            return;
        string[] head =
        [
            $"Lost of {Rate * Seconds} queries, {Rate} a second through each shape of socket at once, over IPv4 / IPv6:",
            "",
            $"| event | {string.Join(" | ", _shapes.Select(shape => shape.Name))} |",
            $"| --- |{string.Concat(_shapes.Select(_ => " --- |"))}",
        ];
        File.WriteAllLines(Path.Combine(Machine.Repository, "out", "matrix.md"), [.. head, .. _rows.Select(row => row.ToString()).Order(StringComparer.Ordinal)]);
    }

    private static string Steady => $"-r {Rate} -s {Seconds} -w 2000 -q www.outside.test";

    private static int FromEnvironment(string name, int otherwise)
    {
        string? text = Environment.GetEnvironmentVariable(name);
        if (string.IsNullOrEmpty(text))
            return otherwise;
        return int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : throw new XunitException($"{name}={text} is no number above 0");
    }
}

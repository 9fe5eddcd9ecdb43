using System.CommandLine;
using System.ComponentModel;
using System.Runtime.ExceptionServices;
using System.Text.Json.Serialization;
using Agent.Configuration;
using Agent.Native;
using Agent.Redirect;
using Spectre.Console;

namespace Agent.Commands;

/// <summary><c>lra repair</c>: frees pods from sockets that point nowhere, also while no agent runs.</summary>
internal static class RepairCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Option<string> output = Output.CreateOption();
        Command command = new("repair", """
            Destroy the pods' connected UDP sockets that were redirected to a backend which is gone.
            Their owners get an error and connect anew. While no agent is alive and well, those that point at it
            count too. Other sockets are left alone.
            Exit status 1: it failed, or programs are not attached, which a starting agent attaches.
            """)
        {
            config,
            output,
        };
        command.SetAction(parsed => Repair(parsed.GetValue(config)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Repair(string path, string format)
    {
        if (!CommandLine.TryReadConfiguration(path, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        RedirectConfiguration redirect = configuration.Redirect;
        try
        {
            KernelStatus? kernel = KernelStatus.Read(redirect.PinPath);
            if (kernel == null)
                return CommandLine.Fail($"nothing is pinned under {redirect.PinPath}: nothing is redirected; start the agent");
            bool isServing = kernel is { IsAgentAlive: true, IsAgentWell: true };
            string cgroup = redirect.Cgroup ?? Cgroups.FindKubepods();
            StaleSocketsReport stale = OnThreadOfItsOwn(() => StaleSockets.Destroy(redirect.PinPath, cgroup, withAgent: isServing));
            RepairReport report = new(isServing, Group(stale.Destroyed), kernel.MissingLinks, stale.Failures);
            Output.Show(format, report, RepairJson.Default.RepairReport, Show);
            return report.NotAttached.Count + report.Failures.Count == 0 ? ExitStatus.Done : ExitStatus.Failed;
        }
        catch (Exception error) when (error is RedirectException or BpfException or DllNotFoundException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            return CommandLine.Fail(error.Message);
        }
    }

    private static RepairedSockets[] Group(IReadOnlyList<DestroyedSocket> destroyed) =>
        [.. destroyed.GroupBy(socket => socket)
            .Select(same => new RepairedSockets(same.Key.Address, same.Key.Cgroup, same.Key.Backend, same.Key.Frontend, same.Count()))
            .OrderBy(sockets => sockets.Address, StringComparer.Ordinal)];

    private static int Show(RepairReport report)
    {
        if (report.Destroyed.Count > 0)
        {
            Table table = new Table().AddColumns("ADDRESS", "CGROUP", "POINTED AT", "FRONTEND", "SOCKETS");
            table.Columns[4].RightAligned();
            foreach (RepairedSockets sockets in report.Destroyed)
                table.AddRow(new[] { sockets.Address, sockets.Cgroup, sockets.Backend, sockets.Frontend, $"{sockets.Sockets}" }.Select(Markup.Escape).ToArray());
            CommandLine.Print(table);
        }

        Console.WriteLine(report.Destroyed.Count > 0
            ? $"{report.Destroyed.Sum(sockets => sockets.Sockets)} connected UDP socket(s) destroyed"
            : "no connected UDP socket points at a backend that is gone");
        foreach (string failure in report.Failures)
            Console.Error.WriteLine($"lra: some may be left: {failure}");
        if (report.NotAttached.Count > 0)
            Console.Error.WriteLine($"lra: not attached: {string.Join(", ", report.NotAttached)}; restart the agent");
        return ExitStatus.Done;
    }

    /// <summary>Runs what enters other namespaces on a thread that ends after it.</summary>
    private static T OnThreadOfItsOwn<T>(Func<T> work)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }
}

/// <summary>What <c>lra repair</c> found and did.</summary>
/// <param name="AgentServes">Whether an agent is alive and well; sockets that point at it were left alone then.</param>
/// <param name="NotAttached">Programs whose link is missing or detached.</param>
/// <param name="Failures">Why stale sockets may be left.</param>
internal sealed record RepairReport(
    bool AgentServes, IReadOnlyList<RepairedSockets> Destroyed, IReadOnlyList<string> NotAttached, IReadOnlyList<string> Failures);

/// <summary>How many sockets of one pod pointed at one backend.</summary>
/// <param name="Address">The pod's.</param>
/// <param name="Cgroup">The pod's, below the one that the programs are attached to.</param>
internal sealed record RepairedSockets(string Address, string Cgroup, string Backend, string Frontend, int Sockets);

[JsonSerializable(typeof(RepairReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class RepairJson : JsonSerializerContext;

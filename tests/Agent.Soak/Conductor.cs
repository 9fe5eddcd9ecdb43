using System.Diagnostics;
using System.Text.Json;
using Agent.Lab.Tests;

namespace Agent.Soak;

/// <summary>Runs the soak: load, bad lines, and an agent that is killed, stopped and paused; then says what came of it.</summary>
internal static class Conductor
{
    private const int Rate = 500; // queries a second
    private const double Violent = 0.4; // of the time the agent is ended again and again; then one life, for its memory
    private const double MostFailures = 0.005; // SERVFAIL, of all queries: both lines lose datagrams, and one is always being restarted
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(2.5);

    public static int Run(TimeSpan length)
    {
        try
        {
            using SoakLab lab = new();
            return Run(lab, length);
        }
        catch (Exception error) when (error is InvalidOperationException or TimeoutException or EndOfStreamException)
        {
            Console.Error.WriteLine($"soak: {error.Message}");
            return 2;
        }
    }

    private static int Run(SoakLab lab, TimeSpan length)
    {
        Console.WriteLine($"soak: {length.TotalMinutes:0.##} min, {Rate} queries/s from a pod to the ClusterIP, through two bad lines to two upstreams");
        using RunningProcess relays = lab.StartRelays();
        relays.ReadLine();
        lab.StartAgent();
        Thread.Sleep(2_000);
        using RunningProcess prober = lab.StartProber(Rate, length);
        Disturbances done = new();
        MemoryTrend memory = new();
        Stopwatch watch = Stopwatch.StartNew();
        for (int turn = 0; watch.Elapsed < length; turn++)
        {
            Rest(lab, memory, TimeSpan.FromSeconds(3));
            if (watch.Elapsed + TimeSpan.FromSeconds(5) < length)
                Disturb(lab, done, turn, watch.Elapsed < length * Violent);
        }

        ProbeCounts seen = JsonSerializer.Deserialize<ProbeCounts>(prober.WaitForEnd(TimeSpan.FromSeconds(30)).Output)!;
        string status = lab.AgentStatus();
        relays.CloseInput();
        RelayCounts relayed = JsonSerializer.Deserialize<RelayCounts>(relays.WaitForEnd(TimeSpan.FromSeconds(10)).Output)!;
        bool isDefect = lab.AgentLog.Contains("met a defect", StringComparison.Ordinal);
        lab.EndAgent("TERM");
        Console.WriteLine(status);
        return Report(seen, relayed, done, memory, isDefect);
    }

    private static void Rest(SoakLab lab, MemoryTrend memory, TimeSpan time)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < time;)
        {
            Thread.Sleep(1_000);
            if (lab.AgentMemory() is { } kib)
                memory.Add(lab.AgentId, kib);
        }
    }

    private static void Disturb(SoakLab lab, Disturbances done, int turn, bool isViolent)
    {
        switch (isViolent ? turn % 3 : 2)
        {
            case 0:
                lab.EndAgent("KILL");
                done.Kills++;
                Thread.Sleep(1_000);
                lab.StartAgent();
                break;
            case 1:
                lab.EndAgent("TERM");
                done.Stops++;
                lab.StartAgent();
                break;
            default:
                lab.Signal("STOP");
                done.Pauses++;
                Thread.Sleep(_pause);
                lab.Signal("CONT");
                break;
        }
    }

    private static int Report(ProbeCounts seen, RelayCounts relayed, Disturbances done, MemoryTrend memory, bool isDefect)
    {
        string memoryText = !memory.CanBeJudged
            ? $"{memory.LastKiB:N0} KiB; too short to judge"
            : $"settled at {memory.Settled:N0} KiB, then {memory.Growth:+#,0;-#,0;0} KiB, over {memory.Samples} samples";
        Console.WriteLine($"""
            queries            {seen.Asked,9:N0}   over TCP {seen.OverTcp:N0}; median {seen.MedianMilliseconds} ms, p99 {seen.P99Milliseconds} ms
              first try        {seen.First,9:N0}
              later try        {seen.Later,9:N0}   sent while the agent was being killed, stopped or paused, or lost on a bad line
              lost             {seen.Lost,9:N0}   and {seen.Late:N0} late replies to tries that had been given up
            wrong answers      {seen.Wrong,9:N0}
            SERVFAIL           {seen.ServFail,9:N0}   other failures {seen.OtherFailure:N0}
            agent              {done.Kills} killed, {done.Stops} stopped, {done.Pauses} paused for {_pause.TotalSeconds} s
            lines              {relayed.Datagrams:N0} datagrams: {relayed.Dropped:N0} lost, {relayed.Duplicated:N0} repeated, {relayed.LongDelayed:N0} overtaken;
                               {relayed.Chunks:N0} pieces of TCP, {relayed.Resets:N0} resets; {relayed.Restarts:N0} restarts
            memory (RssAnon)   {memoryText}
            """);
        List<string> broken = [];
        void Expect(bool holds, string what)
        {
            if (!holds)
                broken.Add(what);
        }

        Expect(seen.Wrong == 0, "wrong answers");
        Expect(seen.Lost == 0, "queries lost");
        Expect(seen.OtherFailure == 0, "answers other than NOERROR, NXDOMAIN and SERVFAIL");
        Expect(seen.ServFail <= seen.Asked * MostFailures, $"more than {MostFailures:P1} SERVFAIL");
        Expect(!memory.CanBeJudged || memory.IsFlat, "memory grows");
        Expect(!isDefect, "the agent's log tells of a defect");
        Expect(seen.Asked > 0 && done.Kills > 0 && relayed is { Dropped: > 0, Restarts: > 0 }, "nothing was put to the test");
        seen.Examples.ForEach(example => Console.WriteLine($"  for instance {example}"));
        Console.WriteLine(broken.Count == 0 ? "All held." : $"Did not hold: {string.Join("; ", broken)}.");
        return broken.Count == 0 ? 0 : 1;
    }

    private sealed class Disturbances
    {
        public int Kills { get; set; }
        public int Stops { get; set; }
        public int Pauses { get; set; }
    }
}

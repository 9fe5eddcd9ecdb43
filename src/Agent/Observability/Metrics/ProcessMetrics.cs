using System.Globalization;
using Agent.Native;

namespace Agent.Observability.Metrics;

/// <summary>The process, under the names that Prometheus's clients use, and its managed heap.</summary>
internal static class ProcessMetrics
{
    public static IReadOnlyList<MetricFamily> Families { get; } =
    [
        new(MetricKind.Gauge, "lra_build_info", "Always 1", (_, samples) => samples.Add(1, Commands.VersionCommand.Text)) { Labels = ["version"] },
        new(MetricKind.Gauge, "lra_ready", "Whether a part of the agent is as it should be; /readyz says what is wrong", (scrape, samples) =>
        {
            foreach (HealthPart part in Health.Readiness(scrape.Agent))
                samples.Add(part.IsWell ? 1 : 0, part.Name);
        })
        {
            Labels = ["part"],
        },
        new(MetricKind.Counter, "lra_config_reloads_total", "Changes of the configuration file", (scrape, samples) =>
        {
            samples.Add(scrape.Agent.Reloads.Applied, "applied");
            samples.Add(scrape.Agent.Reloads.Refused, "refused");
        })
        {
            Labels = ["result"],
        },
        new(MetricKind.Gauge, "lra_config_in_force", "Whether what the file says is in force", (scrape, samples) => samples.Add(scrape.Agent.Reloads.RefusedAt == null ? 1 : 0)),
        new(MetricKind.Counter, "process_cpu_seconds_total", "Processor time, of user and system", (_, samples) => samples.Add(Environment.CpuUsage.TotalTime.TotalSeconds)),
        new(MetricKind.Gauge, "process_start_time_seconds", "When the process started, since 1970", (scrape, samples) => samples.Add(scrape.Process.StartedAt)),
        new(MetricKind.Gauge, "process_resident_memory_bytes", "Memory in use, files included", (scrape, samples) => samples.Add(scrape.Process.Resident)),
        new(MetricKind.Gauge, "lra_process_anonymous_memory_bytes", "Memory in use that no file backs", (scrape, samples) => samples.Add(scrape.Process.Anonymous)),
        new(MetricKind.Gauge, "process_virtual_memory_bytes", "Address space", (scrape, samples) => samples.Add(scrape.Process.Virtual)),
        new(MetricKind.Gauge, "lra_process_threads", "Threads", (scrape, samples) => samples.Add(scrape.Process.Threads)),
        new(MetricKind.Gauge, "process_open_fds", "Open descriptors", (_, samples) => samples.Add(Directory.GetFileSystemEntries("/proc/self/fd").Length)),
        new(MetricKind.Gauge, "process_max_fds", "Descriptors that may be open", (_, samples) => samples.Add(DescriptorLimit.Soft)),
        new(MetricKind.Counter, "dotnet_gc_collections_total", "Garbage collections, of this generation or an older one", (_, samples) =>
        {
            for (int generation = 0; generation <= GC.MaxGeneration; generation++)
                samples.Add(GC.CollectionCount(generation), generation.ToString(CultureInfo.InvariantCulture));
        })
        {
            Labels = ["generation"],
        },
        new(MetricKind.Counter, "dotnet_gc_pause_seconds_total", "Time for which all threads stood still", (_, samples) => samples.Add(GC.GetTotalPauseDuration().TotalSeconds)),
        new(MetricKind.Gauge, "dotnet_gc_heap_bytes", "Managed objects, garbage included", (_, samples) => samples.Add(GC.GetTotalMemory(forceFullCollection: false))),
        new(MetricKind.Counter, "dotnet_gc_allocated_bytes_total", "Bytes allocated", (_, samples) => samples.Add(GC.GetTotalAllocatedBytes())),
    ];
}

/// <summary>What <c>/proc/self</c> says (proc_pid_status(5)).</summary>
/// <param name="StartedAt">Seconds since 1970.</param>
/// <param name="Resident">Bytes, as all that follow but the last.</param>
internal sealed record ProcessReading(double StartedAt, long Resident, long Anonymous, long Virtual, long Threads)
{
    private static readonly double _startedAt =
        Math.Round((System.Diagnostics.Process.GetCurrentProcess().StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds, 2);

    public static ProcessReading Now()
    {
        Dictionary<string, long> status = File.ReadLines("/proc/self/status")
            .Select(line => line.Split(':', 2))
            .Where(field => field[0] is "VmRSS" or "RssAnon" or "VmSize" or "Threads")
            .ToDictionary(field => field[0], field => long.Parse(field[1].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
        return new ProcessReading(
            _startedAt,
            status["VmRSS"] << 10,
            status["RssAnon"] << 10,
            status["VmSize"] << 10,
            status["Threads"]);
    }
}

using System.Globalization;

namespace Agent.Benchmarks;

/// <summary>What the bench reads in /proc.</summary>
internal static class Machine
{
    private const int StatTicksPerSecond = 100; // USER_HZ, the same on every Linux

    public static string Describe()
    {
        string model = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("model name", StringComparison.Ordinal));
        string kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return $"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores of {model[(model.IndexOf(':') + 2)..]}, Linux {kernel}";
    }

    /// <summary>Time that all cores together were not idle, and not stolen by the host either.</summary>
    public static TimeSpan BusyTime()
    {
        // cpu user nice system idle iowait irq softirq steal ...
        long[] ticks = [.. File.ReadLines("/proc/stat").First()
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return TimeSpan.FromSeconds((double)(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / StatTicksPerSecond);
    }

    /// <summary>CPU time of a process's living threads, in ns.</summary>
    /// <param name="names">Only of those whose name starts so.</param>
    public static long CpuTimeNs(int pid, string names = "")
    {
        try
        {
            return Directory.GetDirectories($"/proc/{pid}/task")
                .Where(task => names.Length == 0 || File.ReadAllText($"{task}/comm").StartsWith(names, StringComparison.Ordinal))
                .Sum(task => long.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture));
        }
        catch (IOException e)
        {
            throw new BenchException($"process {pid} is gone: {e.Message}");
        }
    }

    /// <summary>Memory that the kernel cannot take back without swap, in MiB.</summary>
    public static double RssAnon(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        string kibibytes = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return double.Parse(kibibytes, CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>The path of an executable, searched as a shell does and where Debian keeps daemons; null if there is none.</summary>
    public static string? Find(string name)
    {
        string path = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/bin";
        return path.Split(':').Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }
}

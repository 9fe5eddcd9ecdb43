namespace Agent.Lab.Tests;

/// <summary>What this machine can do, and where things lie on it.</summary>
internal static class Machine
{
    /// <summary>Why lab tests cannot run here; null when they can.</summary>
    public static string? LacksForBpf { get; } = FindWhatIsMissing();

    /// <summary>The directory of Agent.sln.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The cgroup v2 mount. On hybrid hosts it is not /sys/fs/cgroup.</summary>
    public static string? Cgroup2 =>
        File.ReadLines("/proc/self/mounts")
            .Select(line => line.Split(' '))
            .FirstOrDefault(fields => fields[2] == "cgroup2")?[1];

    private static string? FindWhatIsMissing()
    {
        if (!OperatingSystem.IsLinux())
            return "needs Linux";
        if (Environment.UserName != "root")
            return "needs root";
        if (Cgroup2 is null)
            return "needs a cgroup v2 mount";
        return CanUseBpf() ? null : "needs bpf(2): CAP_SYS_ADMIN or CAP_BPF is missing, or the kernel lacks it";
    }

    // Root without bpftool is a machine that is not set up: the tests run, and fail saying so.
    private static bool CanUseBpf() =>
        !File.Exists("/usr/sbin/bpftool") || Processes.Run("/usr/sbin/bpftool", ["prog", "list"]).ExitCode == 0;

    private static string FindRepository()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Agent.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new DirectoryNotFoundException("Agent.sln is in no directory above the tests");
    }
}

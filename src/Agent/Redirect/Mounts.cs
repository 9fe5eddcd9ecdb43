namespace Agent.Redirect;

/// <summary>The mounts of this process, from <c>/proc/self/mounts</c> (proc_pid_mounts(5)).</summary>
internal static class Mounts
{
    /// <summary>Where the cgroup v2 hierarchy is mounted: on hybrid hosts it is not <c>/sys/fs/cgroup</c>. Null when nowhere.</summary>
    public static string? Cgroup2() => PointsOf("cgroup2").FirstOrDefault();

    /// <summary>Whether a path lies on a bpffs.</summary>
    public static bool IsOnBpffs(string path) => PointsOf("bpf").Any(point => IsWithin(path, point));

    /// <summary>Whether a path is a directory or lies in it.</summary>
    public static bool IsWithin(string path, string directory) =>
        path == directory || path.StartsWith(directory.TrimEnd('/') + "/", StringComparison.Ordinal);

    private static IEnumerable<string> PointsOf(string type) =>
        File.ReadLines("/proc/self/mounts")
            .Select(line => line.Split(' '))
            .Where(fields => fields.Length > 2 && fields[2] == type)
            .Select(fields => fields[1].Replace(@"\040", " "));
}

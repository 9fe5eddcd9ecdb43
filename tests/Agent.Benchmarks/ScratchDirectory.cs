using System.Globalization;

namespace Agent.Benchmarks;

/// <summary>
/// A directory for the servers' files, in memory so that no cache waits for a disk. Disposing deletes
/// it; what a killed bench left is deleted by the next one.
/// </summary>
internal sealed class ScratchDirectory : IDisposable
{
    private const string Memory = "/dev/shm";
    private const string Prefix = "lra-bench-";

    private readonly string _path = Path.Combine(Memory, $"{Prefix}{Environment.ProcessId}");

    public ScratchDirectory()
    {
        foreach (string left in Directory.GetDirectories(Memory, $"{Prefix}*"))
        {
            string owner = Path.GetFileName(left)[Prefix.Length..];
            if (int.TryParse(owner, CultureInfo.InvariantCulture, out int pid) && !Directory.Exists($"/proc/{pid}"))
                Directory.Delete(left, recursive: true);
        }
        Directory.CreateDirectory(_path);
    }

    /// <summary>Creates a directory in it and returns its path.</summary>
    public string Create(string name) => Directory.CreateDirectory(Path.Combine(_path, name)).FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);
}

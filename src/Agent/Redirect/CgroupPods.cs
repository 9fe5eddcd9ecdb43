using System.ComponentModel;
using Agent.Cluster;
using Agent.Kubernetes;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>Finds a cgroup by its ID, and whose it is. For one thread.</summary>
/// <param name="attached">Where the programs are attached; no other cgroup is known.</param>
internal sealed class CgroupPods(string attached)
{
    private const long RescanAfter = 1_000; // milliseconds: what is not found is not looked for with every event

    private readonly Dictionary<ulong, string> _paths = [];
    private long _scannedAt = -RescanAfter;
    private NodePods _pods = NodePods.None;
    private Dictionary<string, Pod> _byCgroup = [];

    /// <returns>Relative to where the programs are attached; null: it is gone, or not below that.</returns>
    public string? PathOf(ulong id)
    {
        if (_paths.TryGetValue(id, out string? known))
            return known;
        if (Environment.TickCount64 - _scannedAt < RescanAfter)
            return null;
        Scan();
        _scannedAt = Environment.TickCount64;
        return _paths.GetValueOrDefault(id);
    }

    /// <param name="path">As <see cref="PathOf"/> gives it.</param>
    /// <returns>The pod whose cgroup it is, or is below; null: none that is known.</returns>
    public Pod? PodOf(string? path, NodePods pods)
    {
        if (pods != _pods)
        {
            _pods = pods;
            _byCgroup = pods.All.GroupBy(PodModes.CgroupIdOf).ToDictionary(same => same.Key, same => same.First());
        }

        return path?.Split('/').Select(PodCgroups.IdOf).Select(id => id == null ? null : _byCgroup.GetValueOrDefault(id)).FirstOrDefault(pod => pod != null);
    }

    private void Scan()
    {
        _paths.Clear();
        EnumerationOptions all = new() { RecurseSubdirectories = true, IgnoreInaccessible = true };
        foreach (string path in Directory.EnumerateDirectories(attached, "*", all).Append(attached))
        {
            try
            {
                _paths[FileIdentity.Inode(path)] = Path.GetRelativePath(attached, path);
            }
            catch (Win32Exception)
            {
                // Gone since.
            }
        }
    }
}

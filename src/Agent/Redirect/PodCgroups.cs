namespace Agent.Redirect;

/// <summary>The pods' cgroups that were there at one moment, by what the kubelet names them after.</summary>
internal sealed class PodCgroups
{
    private const string Slice = ".slice";

    private readonly Dictionary<string, string> _paths = [];

    private PodCgroups()
    {
    }

    public IReadOnlyCollection<string> Paths => _paths.Values;

    /// <summary>Looks at the cgroups below this one as far down as the pods' own, and not into those.</summary>
    /// <param name="top">Where the programs are attached; or any cgroup that lies between it and the pods'.</param>
    public static PodCgroups Scan(string top)
    {
        PodCgroups found = new();
        found.Add(top);
        return found;
    }

    /// <param name="id">A pod's UID; of a static pod the hash of its manifest.</param>
    /// <returns>The cgroup's directory; null when there is none.</returns>
    public string? Find(string id) => _paths.GetValueOrDefault(id);

    private void Add(string directory)
    {
        try
        {
            foreach (string path in Directory.EnumerateDirectories(directory))
            {
                string name = Path.GetFileName(path);
                if (IdOf(name) is { } id)
                    _paths[id] = path;
                else if (LeadsToPods(name))
                    Add(path);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Gone since.
        }
    }

    // cgroupfs driver: pod<uid>. systemd driver: kubepods-burstable-pod<uid>.slice with _ for -, which would be a level of its own there.
    internal static string? IdOf(string name)
    {
        if (!name.EndsWith(Slice, StringComparison.Ordinal))
            return name.StartsWith("pod", StringComparison.Ordinal) && name.Length > 3 ? name[3..] : null;
        int start = name.LastIndexOf("-pod", StringComparison.Ordinal) + 4;
        return start > 4 && start < name.Length - Slice.Length ? name[start..^Slice.Length].Replace('_', '-') : null;
    }

    // kubepods, kubepods/burstable, kubepods.slice/kubepods-burstable.slice, and kind's kubelet.slice/kubelet-kubepods.slice.
    private static bool LeadsToPods(string name) =>
        name.Replace(Slice, "", StringComparison.Ordinal).Split('-')[^1] is "kubelet" or "kubepods" or "burstable" or "besteffort";
}

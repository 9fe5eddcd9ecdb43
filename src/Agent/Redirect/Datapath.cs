using Agent.Native;
using Microsoft.Win32.SafeHandles;

namespace Agent.Redirect;

/// <summary>
/// The programs and maps in the kernel. They live in their pins, not in this process: a starting agent takes over what it finds and
/// replaces the programs in place, and a new layout is built aside and put in place by renaming.
/// </summary>
internal sealed class Datapath : IDisposable
{
    private const string AsideSuffix = "-new"; // bpffs reserves names with dots
    private const string OldSuffix = "-old";

    private readonly string _pinPath;
    private string _directory; // where the maps are pinned now
    private readonly BpfObject _object;

    private Datapath(string pinPath, string directory, BpfObject @object)
    {
        _pinPath = pinPath;
        _directory = directory;
        _object = @object;
        Frontends = BpfMap<Endpoint, Frontend>.Open(Path.Combine(directory, Pins.Frontends));
        Backends = BpfMap<BackendKey, Endpoint>.Open(Path.Combine(directory, Pins.Backends));
        AgentSockets = BpfMap<uint, ulong>.Open(Path.Combine(directory, Pins.AgentSockets));
        Lease = BpfMap<uint, AgentLease>.Open(Path.Combine(directory, Pins.AgentLease));
        CgroupModes = BpfMap<ulong, uint>.Open(Path.Combine(directory, Pins.CgroupModes));
        ModesGeneration = BpfMap<uint, uint>.Open(Path.Combine(directory, Pins.ModesGeneration));
        SkippedCgroups = BpfMap<SkipKey, uint>.Open(Path.Combine(directory, Pins.SkippedCgroups));
        Counters = BpfMap<Endpoint, OutcomeCounters>.Open(Path.Combine(directory, Pins.Counters));
    }

    public BpfMap<Endpoint, Frontend> Frontends { get; }

    public BpfMap<BackendKey, Endpoint> Backends { get; }

    public BpfMap<uint, ulong> AgentSockets { get; }

    public BpfMap<uint, AgentLease> Lease { get; }

    public BpfMap<ulong, uint> CgroupModes { get; }

    public BpfMap<uint, uint> ModesGeneration { get; }

    public BpfMap<SkipKey, uint> SkippedCgroups { get; }

    public BpfMap<Endpoint, OutcomeCounters> Counters { get; }

    /// <summary>Loads the programs, over the pinned maps where they are compatible. Nothing is attached yet, so the maps can be filled first.</summary>
    /// <exception cref="RedirectException">This node cannot; the message says why and what to do. Nothing is left behind.</exception>
    public static Datapath Load(string pinPath)
    {
        if (!Mounts.IsOnBpffs(pinPath))
            throw new RedirectException($"{pinPath} is not on a bpffs; mount one: mount -t bpf bpf /sys/fs/bpf");
        try
        {
            RemoveIfThere(pinPath + AsideSuffix);
            RemoveIfThere(pinPath + OldSuffix);
            if (Directory.Exists(pinPath))
                Pins.RequireOwn(pinPath);
            string directory = Pins.AreCompatible(pinPath) ? pinPath : pinPath + AsideSuffix;
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (directory != pinPath)
                CarryOver(pinPath, directory);
            return LoadInto(directory, pinPath);
        }
        catch (DllNotFoundException error)
        {
            throw new RedirectException("libbpf.so.1 is not installed; install it: apt-get install libbpf1", error);
        }
        catch (Exception error) when (error is BpfException or IOException or UnauthorizedAccessException)
        {
            throw new RedirectException(error.Message, error);
        }
    }

    /// <summary>Where pins of this agent may be: in place, and left aside by one that was killed while it replaced them.</summary>
    public static IReadOnlyList<string> Directories(string pinPath) => [pinPath, pinPath + AsideSuffix, pinPath + OldSuffix];

    /// <summary>The object that is compiled into this executable.</summary>
    public static BpfObject OpenObject()
    {
        using Stream image = typeof(Datapath).Assembly.GetManifestResourceStream("redirect.bpf.o")!;
        byte[] bytes = new byte[image.Length];
        image.ReadExactly(bytes);
        return BpfObject.Open(bytes);
    }

    /// <summary>
    /// Attaches the programs to a cgroup. A link that is pinned for that cgroup gets the new program atomically and stays; another is replaced.
    /// </summary>
    /// <exception cref="RedirectException">The kernel refused. A set that was there is still attached; <see cref="Abandon"/> removes a new one.</exception>
    public void Attach(string cgroup)
    {
        List<BpfLink> links = [];
        try
        {
            using SafeFileHandle directory = OpenDirectory(cgroup);
            ulong cgroupId = FileIdentity.Inode(cgroup);
            foreach (string name in Pins.Links)
                Attach(name, directory, cgroupId, links);
            if (_directory != _pinPath)
                PutInPlace();
        }
        catch (Exception error) when (error is BpfException or IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            throw new RedirectException(error.Message.Contains(cgroup, StringComparison.Ordinal) ? error.Message : $"{error.Message} (cgroup {cgroup})", error);
        }
        finally
        {
            // The pins keep the links; held here too, `lra uninstall` could not detach them.
            foreach (BpfLink link in links)
                link.Dispose();
        }
    }

    /// <summary>Closes, and removes what was built aside and not put in place.</summary>
    public void Abandon()
    {
        Dispose();
        if (_directory != _pinPath)
            RemoveIfThere(_directory);
    }

    public void Dispose()
    {
        Frontends.Dispose();
        Backends.Dispose();
        AgentSockets.Dispose();
        Lease.Dispose();
        CgroupModes.Dispose();
        ModesGeneration.Dispose();
        SkippedCgroups.Dispose();
        Counters.Dispose();
        _object.Dispose();
    }

    /// <summary>
    /// Shares with a set of another layout the maps whose own is the same. Replies that are on their way while the programs change are then still
    /// shown as the frontend's, and what the cluster said holds also while its API server is away.
    /// </summary>
    private static void CarryOver(string pinPath, string directory)
    {
        CarryOver<Endpoint, Frontend>(Pins.Frontends, pinPath, directory);
        CarryOver<BackendKey, Endpoint>(Pins.Backends, pinPath, directory);
        CarryOver<ReverseKey, Endpoint>(Pins.Reverse, pinPath, directory);
        CarryOver<uint, ulong>(Pins.AgentSockets, pinPath, directory);
        CarryOver<ulong, uint>(Pins.CgroupModes, pinPath, directory);
        CarryOver<SkipKey, uint>(Pins.SkippedCgroups, pinPath, directory);
        CarryOver<Endpoint, OutcomeCounters>(Pins.Counters, pinPath, directory);
    }

    private static void CarryOver<TKey, TValue>(string map, string pinPath, string directory)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        string pin = Path.Combine(pinPath, map);
        if (!File.Exists(pin))
            return;
        try
        {
            using BpfMap<TKey, TValue> shared = BpfMap<TKey, TValue>.Open(pin);
            shared.Pin(Path.Combine(directory, map));
        }
        catch (BpfException)
        {
            // Of another layout, or not there: the new set starts with an empty one.
        }
    }

    private static Datapath LoadInto(string directory, string pinPath)
    {
        BpfObject @object = OpenObject();
        try
        {
            @object.Load(directory);
            Datapath datapath = new(pinPath, directory, @object);
            if (directory != pinPath)
                datapath.Lease.Update(0, new AgentLease { layout_version = AgentLease.LayoutVersion });
            return datapath;
        }
        catch
        {
            @object.Dispose();
            if (directory != pinPath)
                RemoveIfThere(directory);
            throw;
        }
    }

    /// <param name="links">Takes the link at once, so that it is closed whatever happens next.</param>
    private void Attach(string name, SafeFileHandle cgroup, ulong cgroupId, List<BpfLink> links)
    {
        string pinned = Path.Combine(_pinPath, name);
        string pin = Path.Combine(_directory, name);
        if (File.Exists(pinned))
        {
            BpfLink link = BpfLink.Open(pinned);
            links.Add(link);
            if (link.CgroupId() == cgroupId)
            {
                _object.Replace(link, name);
                if (pin != pinned)
                    link.Pin(pin);
                return;
            }
        }

        BpfLink attached = _object.Attach(name, cgroup);
        links.Add(attached);
        File.Delete(pin);
        attached.Pin(pin);
    }

    // A directory on bpffs cannot take the place of another that is not empty, so the old one steps aside first.
    private void PutInPlace()
    {
        if (Directory.Exists(_pinPath))
            Directory.Move(_pinPath, _pinPath + OldSuffix);
        Directory.Move(_directory, _pinPath);
        _directory = _pinPath;
        RemoveIfThere(_pinPath + OldSuffix);
    }

    private static void RemoveIfThere(string directory)
    {
        if (Directory.Exists(directory))
            Pins.Remove(directory);
    }

    private static SafeFileHandle OpenDirectory(string path)
    {
        if (!Directory.Exists(path))
            throw new DirectoryNotFoundException($"there is no cgroup {path}; name the pods' cgroup in redirect.cgroup");
        return DirectoryHandle.Open(path);
    }
}

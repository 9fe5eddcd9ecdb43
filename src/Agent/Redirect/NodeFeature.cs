using Agent.Configuration;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>Something that the redirect needs of a node, and whether it is there.</summary>
/// <param name="Found">What was seen.</param>
/// <param name="Consequence">What follows when it is missing, and what to do.</param>
/// <param name="IsNeeded">Whether there is no redirect without it.</param>
internal sealed record NodeFeature(string Name, bool IsThere, string Found, string Consequence, bool IsNeeded = true)
{
    private const string StaleStay = "connected UDP sockets whose backend is gone wait for their time-outs";

    private static readonly Version _kernelFloor = new(5, 10);

    /// <summary>Looks at everything, changes nothing.</summary>
    public static IReadOnlyList<NodeFeature> ProbeAll(RedirectConfiguration redirect) =>
    [
        Kernel(),
        Capability("CAP_BPF", "no program can be loaded; run as root or add CAP_BPF", isNeeded: true, Capabilities.Bpf),
        Capability("CAP_NET_ADMIN", "no program can be attached and no address added; run as root or add CAP_NET_ADMIN", isNeeded: true, Capabilities.NetAdmin),
        Capability("CAP_SYS_ADMIN", $"{StaleStay}; add CAP_SYS_ADMIN, to enter the pods' network namespaces", isNeeded: false, Capabilities.SysAdmin),
        Capability("CAP_SYS_PTRACE", $"{StaleStay}; add CAP_SYS_PTRACE, to see the pods' network namespaces", isNeeded: false, Capabilities.SysPtrace),
        Capability("CAP_PERFMON", "flows do not name the commands that asked, and verifiers before 6.18 refuse the programs", isNeeded: false, Capabilities.Perfmon),
        CgroupMount(),
        PodsCgroup(redirect.Cgroup),
        new NodeFeature(
            "bpffs", Mounts.IsOnBpffs(redirect.PinPath), redirect.PinPath, "links and maps cannot be pinned, so nothing would outlive the agent; mount -t bpf bpf /sys/fs/bpf"),
        .. KernelAndLibbpf(),
        Probe("socket destroy", SocketDiagnosis.CanDestroy(), $"{StaleStay} (CONFIG_INET_DIAG_DESTROY, CONFIG_INET_UDP_DIAG)", isNeeded: false),
    ];

    private static NodeFeature Kernel()
    {
        string release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return new NodeFeature("kernel", Environment.OSVersion.Version >= _kernelFloor, release, $"older than {_kernelFloor}: hooks or map types are missing");
    }

    private static NodeFeature Capability(string name, string consequence, bool isNeeded, int capability)
    {
        bool isThere = Capabilities.Has(capability);
        return new NodeFeature(name, isThere, isThere ? "effective" : "not effective", consequence, isNeeded);
    }

    private static NodeFeature CgroupMount() =>
        new("cgroup v2", Mounts.Cgroup2() != null, Mounts.Cgroup2() ?? "not mounted", "there is nothing that socket hooks attach to; boot with systemd.unified_cgroup_hierarchy=1");

    private static NodeFeature PodsCgroup(string? configured)
    {
        string? found = configured;
        try
        {
            found ??= Cgroups.FindKubepods();
        }
        catch (RedirectException)
        {
            // Reported as missing below.
        }

        return new NodeFeature(
            "pods' cgroup", Directory.Exists(found), found ?? "none found", "there is nothing to attach to; name the pods' cgroup in redirect.cgroup");
    }

    private static IEnumerable<NodeFeature> KernelAndLibbpf()
    {
        string version;
        try
        {
            version = KernelFeatures.LibbpfVersion();
        }
        catch (DllNotFoundException)
        {
            return [new NodeFeature("libbpf", false, "libbpf.so.1 not found", "programs cannot be loaded; apt-get install libbpf1")];
        }

        return
        [
            new NodeFeature("libbpf", true, version, ""),
            new NodeFeature("BTF", File.Exists("/sys/kernel/btf/vmlinux"), "/sys/kernel/btf/vmlinux", "bpftool shows kernel structures without names", IsNeeded: false),
            Probe("sockmap", KernelFeatures.HasSockmap(), "the kernel could not notice that the agent died (CONFIG_NET_SOCK_MSG)"),
            Probe("ring buffer", KernelFeatures.HasRingBuffer(), "the programs do not load (5.8)"),
            Probe("ancestor cgroup helper", KernelFeatures.HasAncestorCgroupHelper(), "the programs do not load (5.7)"),
            Programs(),
        ];
    }

    private static NodeFeature Probe(string name, bool isThere, string consequence, bool isNeeded = true) =>
        new(name, isThere, isThere ? "supported" : "not supported", consequence, isNeeded);

    /// <summary>Has the verifier look at the real programs; they are gone again at once.</summary>
    private static NodeFeature Programs()
    {
        try
        {
            using BpfObject @object = Datapath.OpenObject();
            @object.Load(pinDirectory: null);
            return new NodeFeature("programs", true, $"{@object.ProgramNames().Count} verified", "");
        }
        catch (BpfException error)
        {
            return new NodeFeature("programs", false, "refused", error.Message);
        }
    }
}

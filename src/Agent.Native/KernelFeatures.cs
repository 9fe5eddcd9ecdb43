namespace Agent.Native;

/// <summary>What the running kernel offers, asked of it by small probe programs (libbpf_probe_*).</summary>
public static unsafe class KernelFeatures
{
    private const int BPF_MAP_TYPE_SOCKMAP = 15;
    private const int BPF_MAP_TYPE_RINGBUF = 27;
    private const int BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18;
    private const int BPF_FUNC_get_current_ancestor_cgroup_id = 123;

    /// <summary>libbpf's version, such as "1.1".</summary>
    /// <exception cref="DllNotFoundException">libbpf.so.1 is not installed.</exception>
    public static string LibbpfVersion() => $"1.{Libbpf.libbpf_minor_version()}";

    /// <summary>The liveness socket needs it (4.14; look-up from BPF 5.8).</summary>
    public static bool HasSockmap() => Probe(() => Libbpf.libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SOCKMAP, null));

    /// <summary>Events need it (5.8).</summary>
    public static bool HasRingBuffer() => Probe(() => Libbpf.libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, null));

    /// <summary>Exclusions of whole cgroups need it (5.7 in socket hooks).</summary>
    public static bool HasAncestorCgroupHelper() =>
        Probe(() => Libbpf.libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_current_ancestor_cgroup_id, null));

    private static bool Probe(Func<int> probe)
    {
        LibbpfLog.Begin();
        return probe() > 0;
    }
}

using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>One attached program. Destroying an unpinned link detaches it.</summary>
public sealed unsafe class BpfLink : SafeHandle
{
    internal BpfLink(nint link)
        : base(0, ownsHandle: true) => SetHandle(link);

    public override bool IsInvalid => handle == 0;

    /// <exception cref="BpfException">There is no link pinned there.</exception>
    public static BpfLink Open(string path)
    {
        LibbpfLog.Begin();
        nint link = Libbpf.bpf_link__open(path);
        return link != 0 ? new BpfLink(link) : throw BpfException.FromLastError($"open the link {path}");
    }

    /// <summary>The cgroup the link is attached to, 0 when that cgroup is gone (uapi struct bpf_link_info, 5.8).</summary>
    public ulong CgroupId()
    {
        const int cgroupOffset = 16; // after type, id, prog_id and a hole of 4 bytes
        byte* info = stackalloc byte[256];
        new Span<byte>(info, 256).Clear();
        uint length = 256;
        int result = Libbpf.bpf_obj_get_info_by_fd(Libbpf.bpf_link__fd(handle), info, &length);
        return result == 0 ? *(ulong*)(info + cgroupOffset) : throw BpfException.FromLastError("read the link's cgroup");
    }

    /// <summary>Pins the link there too: libbpf's own bpf_link__pin refuses a link that was opened from another pin.</summary>
    /// <exception cref="BpfException">The path exists or is not on a bpffs.</exception>
    public void Pin(string path)
    {
        LibbpfLog.Begin();
        if (Libbpf.bpf_obj_pin(Libbpf.bpf_link__fd(handle), path) != 0)
            throw BpfException.FromLastError($"pin the link {path}");
    }

    protected override bool ReleaseHandle() => Libbpf.bpf_link__destroy(handle) == 0;
}

using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// One BPF object: programs and maps from an ELF image. Closing it closes its descriptors; what is pinned or attached stays.
/// </summary>
public sealed unsafe class BpfObject : SafeHandle
{
    private readonly GCHandle _image; // libbpf reads the image until the object is loaded

    private BpfObject(nint handle, GCHandle image)
        : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        _image = image;
    }

    public override bool IsInvalid => handle == 0;

    /// <exception cref="BpfException">The image is no BPF object.</exception>
    /// <exception cref="DllNotFoundException">libbpf.so.1 is not installed.</exception>
    public static BpfObject Open(byte[] image)
    {
        LibbpfLog.Begin();
        GCHandle pinned = GCHandle.Alloc(image, GCHandleType.Pinned);
        nint handle = Libbpf.bpf_object__open_mem((byte*)pinned.AddrOfPinnedObject(), (nuint)image.Length, null);
        if (handle != 0)
            return new BpfObject(handle, pinned);
        BpfException error = BpfException.FromLastError("open the embedded BPF object");
        pinned.Free();
        throw error;
    }

    /// <summary>Sets the programs' constants, which the verifier goes by; to be called before <see cref="Load"/>.</summary>
    /// <param name="constants">All of them, laid out as in the object's <c>.rodata</c>.</param>
    /// <exception cref="ArgumentException">The object has none, or of another length.</exception>
    public void SetConstants(ReadOnlySpan<byte> constants)
    {
        for (nint map = 0; (map = Libbpf.bpf_object__next_map(handle, map)) != 0;)
        {
            nuint size;
            if (!Marshal.PtrToStringUTF8(Libbpf.bpf_map__name(map))!.EndsWith(".rodata", StringComparison.Ordinal))
                continue;
            byte* values = Libbpf.bpf_map__initial_value(map, &size);
            if (values == null || size != (nuint)constants.Length)
                break;
            constants.CopyTo(new Span<byte>(values, constants.Length));
            return;
        }

        throw new ArgumentException($"the BPF object has no constants of {constants.Length} bytes", nameof(constants));
    }

    /// <summary>
    /// Creates the maps and verifies the programs. With <paramref name="pinDirectory"/>, each map is taken from its pin there, or pinned there.
    /// </summary>
    /// <exception cref="BpfException">The verifier refused, a pin is of another shape, or a capability is missing; the log is in the message.</exception>
    public void Load(string? pinDirectory)
    {
        LibbpfLog.Begin();
        for (nint map = 0; pinDirectory != null && (map = Libbpf.bpf_object__next_map(handle, map)) != 0;)
        {
            string name = Marshal.PtrToStringUTF8(Libbpf.bpf_map__name(map))!;
            if (!name.Contains('.') && Libbpf.bpf_map__set_pin_path(map, Path.Combine(pinDirectory, name)) != 0)
                throw BpfException.FromLastError($"set the pin path of map {name}");
        }

        if (Libbpf.bpf_object__load(handle) != 0)
            throw BpfException.FromLastError("load the BPF programs");
    }

    /// <summary>The names of the programs, in the order of the object.</summary>
    public IReadOnlyList<string> ProgramNames()
    {
        List<string> names = [];
        for (nint program = 0; (program = Libbpf.bpf_object__next_program(handle, program)) != 0;)
            names.Add(Marshal.PtrToStringUTF8(Libbpf.bpf_program__name(program))!);
        return names;
    }

    /// <summary>Attaches a program to a cgroup, beside others there (BPF_F_ALLOW_MULTI).</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public BpfLink Attach(string program, Microsoft.Win32.SafeHandles.SafeFileHandle cgroup)
    {
        LibbpfLog.Begin();
        nint link = Libbpf.bpf_program__attach_cgroup(FindProgram(program), (int)cgroup.DangerousGetHandle());
        GC.KeepAlive(cgroup);
        return link != 0 ? new BpfLink(link) : throw BpfException.FromLastError($"attach {program} to the cgroup");
    }

    /// <summary>Puts this object's program into a link in place of the one there, atomically.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public void Replace(BpfLink link, string program)
    {
        LibbpfLog.Begin();
        if (Libbpf.bpf_link__update_program(link.DangerousGetHandle(), FindProgram(program)) != 0)
            throw BpfException.FromLastError($"replace the program of {program}");
        GC.KeepAlive(link);
    }

    protected override bool ReleaseHandle()
    {
        Libbpf.bpf_object__close(handle);
        _image.Free();
        return true;
    }

    private nint FindProgram(string name)
    {
        for (nint program = 0; (program = Libbpf.bpf_object__next_program(handle, program)) != 0;)
        {
            if (Marshal.PtrToStringUTF8(Libbpf.bpf_program__name(program)) == name)
                return program;
        }

        throw new ArgumentException($"the BPF object has no program {name}", nameof(name));
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// The ring buffer that the programs write their decisions to. It has one reader at a time. Closing it leaves the map in the kernel.
/// </summary>
public sealed unsafe class EventRing : SafeHandle
{
    private readonly int _map;
    private readonly List<RedirectEvent> _read = [];
    private GCHandle _context;

    private EventRing(int map)
        : base(0, ownsHandle: true)
    {
        _map = map;
        _context = GCHandle.Alloc(_read);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Opens the map that is pinned there, and forgets what was in it for an earlier reader.</summary>
    /// <exception cref="BpfException">There is no ring buffer pinned there.</exception>
    public static EventRing Open(string path)
    {
        LibbpfLog.Begin();
        int map = Libbpf.bpf_obj_get(path);
        if (map < 0)
            throw BpfException.FromLastError($"open the map {path}");
        EventRing ring = new(map);
        nint handle = Libbpf.ring_buffer__new(map, &Take, (void*)GCHandle.ToIntPtr(ring._context), null);
        if (handle == 0)
        {
            BpfException error = BpfException.FromLastError($"read the ring buffer {path}");
            ring._context.Free();
            _ = Libc.close(map);
            throw error;
        }

        ring.SetHandle(handle);
        ring.Read();
        return ring;
    }

    /// <summary>Takes what is there, without waiting.</summary>
    /// <returns>The events in the order of their writing; valid until the next call.</returns>
    public IReadOnlyList<RedirectEvent> Read()
    {
        _read.Clear();
        _ = Libbpf.ring_buffer__consume(handle);
        return _read;
    }

    protected override bool ReleaseHandle()
    {
        Libbpf.ring_buffer__free(handle);
        _context.Free();
        return Libc.close(_map) == 0;
    }

    [UnmanagedCallersOnly]
    private static int Take(void* context, void* data, nuint size)
    {
        if (size >= (nuint)sizeof(RedirectEvent))
            ((List<RedirectEvent>)GCHandle.FromIntPtr((nint)context).Target!).Add(Unsafe.ReadUnaligned<RedirectEvent>(data));
        return 0;
    }
}

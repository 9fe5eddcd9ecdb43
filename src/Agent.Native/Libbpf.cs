using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>Imports of libbpf 1.x, in its own spelling. See https://libbpf.readthedocs.io/en/latest/api.html.</summary>
internal static unsafe partial class Libbpf
{
    private const string Library = "libbpf.so.1";

    [LibraryImport(Library)]
    internal static partial uint libbpf_minor_version();

    [LibraryImport(Library)]
    internal static partial nint libbpf_set_print(delegate* unmanaged<int, byte*, void*, int> print);

    [LibraryImport(Library)]
    internal static partial int libbpf_num_possible_cpus();

    [LibraryImport(Library)]
    internal static partial int libbpf_probe_bpf_map_type(int type, void* options);

    [LibraryImport(Library)]
    internal static partial int libbpf_probe_bpf_helper(int programType, int helper, void* options);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_object__open_mem(byte* image, nuint size, void* options);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_object__load(nint @object);

    [LibraryImport(Library)]
    internal static partial void bpf_object__close(nint @object);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_object__next_map(nint @object, nint map);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_object__next_program(nint @object, nint program);

    [LibraryImport(Library)]
    internal static partial nint bpf_map__name(nint map);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map__set_pin_path(nint map, [MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [LibraryImport(Library)]
    internal static partial nint bpf_program__name(nint program);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_program__attach_cgroup(nint program, int cgroup);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint bpf_link__open([MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_obj_pin(int fd, [MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_link__update_program(nint link, nint program);

    [LibraryImport(Library)]
    internal static partial int bpf_link__fd(nint link);

    [LibraryImport(Library)]
    internal static partial int bpf_link__destroy(nint link);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint ring_buffer__new(int mapDescriptor, delegate* unmanaged<void*, void*, nuint, int> sample, void* context, void* options);

    [LibraryImport(Library)]
    internal static partial int ring_buffer__consume(nint ring);

    [LibraryImport(Library)]
    internal static partial void ring_buffer__free(nint ring);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_obj_get([MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_obj_get_info_by_fd(int fd, void* info, uint* length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_lookup_elem(int fd, void* key, void* value);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_update_elem(int fd, void* key, void* value, ulong flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_delete_elem(int fd, void* key);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_get_next_key(int fd, void* key, void* next);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_lookup_batch(int fd, void* from, void* next, void* keys, void* values, uint* count, void* options);
}

using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>A pinned map, opened by its path. Closing it leaves the map in the kernel.</summary>
public sealed unsafe class BpfMap<TKey, TValue> : SafeHandle
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly string _path;

    private BpfMap(int descriptor, string path)
        : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        _path = path;
    }

    public override bool IsInvalid => handle < 0;

    /// <exception cref="BpfException">There is no map pinned there, or its keys or values have another size.</exception>
    public static BpfMap<TKey, TValue> Open(string path)
    {
        LibbpfLog.Begin();
        int descriptor = Libbpf.bpf_obj_get(path);
        if (descriptor < 0)
            throw BpfException.FromLastError($"open the map {path}");
        BpfMap<TKey, TValue> map = new(descriptor, path);
        // uapi struct bpf_map_info: type, id, key_size, value_size.
        uint* info = stackalloc uint[64];
        uint length = 64 * sizeof(uint);
        if (Libbpf.bpf_obj_get_info_by_fd(descriptor, info, &length) == 0 && info[2] == sizeof(TKey) && info[3] == sizeof(TValue))
            return map;
        map.Dispose();
        throw new BpfException($"use the map {path}, which is of another layout", 22 /* EINVAL */, "");
    }

    /// <summary>Pins the map there too.</summary>
    /// <exception cref="BpfException">The path exists or is not on a bpffs.</exception>
    public void Pin(string path)
    {
        LibbpfLog.Begin();
        if (Libbpf.bpf_obj_pin((int)handle, path) != 0)
            throw BpfException.FromLastError($"pin the map {path}");
    }

    /// <summary>Shows the start of an array in this process's memory; the map must have BPF_F_MMAPABLE (5.5).</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    internal void* MapPage()
    {
        void* page = Libc.mmap(null, (nuint)Environment.SystemPageSize, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, (int)handle, 0);
        return page != Libc.MAP_FAILED ? page : throw BpfException.FromLastError($"map {_path} into memory");
    }

    /// <exception cref="BpfException">The map is full, or the value is refused.</exception>
    public void Update(TKey key, TValue value)
    {
        if (Libbpf.bpf_map_update_elem((int)handle, &key, &value, 0) != 0)
            throw BpfException.FromLastError($"update {_path}");
    }

    public bool TryLookup(TKey key, out TValue value)
    {
        fixed (TValue* pointer = &value)
            return Libbpf.bpf_map_lookup_elem((int)handle, &key, pointer) == 0;
    }

    /// <summary>One value for each possible processor, of a per-CPU map; empty when the key is not there.</summary>
    public TValue[] LookupPerCpu(TKey key)
    {
        TValue[] values = new TValue[Libbpf.libbpf_num_possible_cpus()];
        fixed (TValue* pointer = values) // the kernel rounds each value up to 8 bytes, as these already are
            return Libbpf.bpf_map_lookup_elem((int)handle, &key, pointer) == 0 ? values : [];
    }

    /// <summary>Adds a key with zeros on every processor, unless it is there.</summary>
    public void AddPerCpu(TKey key)
    {
        TValue[] zeros = new TValue[Libbpf.libbpf_num_possible_cpus()];
        fixed (TValue* pointer = zeros)
        {
            if (Libbpf.bpf_map_update_elem((int)handle, &key, pointer, 1 /* BPF_NOEXIST */) != 0 && Marshal.GetLastPInvokeError() != Libc.EEXIST)
                throw BpfException.FromLastError($"update {_path}");
        }
    }

    /// <summary>False when the key was not there.</summary>
    public bool Delete(TKey key) => Libbpf.bpf_map_delete_elem((int)handle, &key) == 0;

    /// <summary>The keys at this moment; one that is added or deleted meanwhile may be missing or repeated.</summary>
    public IReadOnlyList<TKey> Keys()
    {
        List<TKey> keys = [];
        TKey key, next;
        for (TKey* from = null; Libbpf.bpf_map_get_next_key((int)handle, from, &next) == 0; from = &key)
        {
            key = next;
            keys.Add(key);
        }

        return keys;
    }

    /// <summary>
    /// Goes over the entries of a hash map, bucket by bucket, so that it ends however fast entries come and go; one that is added or deleted
    /// meanwhile may be missing (5.6).
    /// </summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public void ForEach(Action<TKey, TValue> visit)
    {
        TKey[] keys = new TKey[1024];
        TValue[] values = new TValue[keys.Length];
        uint position = 0;
        for (bool isFirst = true, isLast = false; !isLast; isFirst = false)
        {
            uint count = (uint)keys.Length;
            fixed (TKey* keyPointer = keys)
            fixed (TValue* valuePointer = values)
            {
                LibbpfLog.Begin();
                if (Libbpf.bpf_map_lookup_batch((int)handle, isFirst ? null : &position, &position, keyPointer, valuePointer, &count, null) != 0)
                {
                    if (Marshal.GetLastPInvokeError() != Libc.ENOENT)
                        throw BpfException.FromLastError($"read {_path}");
                    isLast = true;
                }
            }

            for (int i = 0; i < count; i++)
                visit(keys[i], values[i]);
        }
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}

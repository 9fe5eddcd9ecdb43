using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// A thread's ID in a BPF array, which the kernel itself strikes out as the thread begins to exit: the word is on the thread's robust list
/// (get_robust_list(2)), as a lock's that it holds.
/// </summary>
public sealed unsafe class ThreadMark : IDisposable
{
    private readonly void* _page;
    private readonly uint* _word;
    private readonly Libc.robust_list_head* _head; // followed by the list's one entry

    private ThreadMark(void* page, int offset)
    {
        _page = page;
        _word = (uint*)((byte*)page + offset);
        _head = (Libc.robust_list_head*)NativeMemory.AllocZeroed((nuint)(sizeof(Libc.robust_list_head) + sizeof(void*)));
        void** entry = (void**)(_head + 1);
        _head->list = entry;
        *entry = _head; // the last one points back to the head
        _head->futex_offset = (nint)((byte*)_word - (byte*)entry);
    }

    /// <param name="offset">Bytes from the start of the array to the word.</param>
    /// <exception cref="BpfException">The map cannot be mapped into memory.</exception>
    public static ThreadMark In<TValue>(BpfMap<uint, TValue> map, int offset) where TValue : unmanaged => new(map.MapPage(), offset);

    /// <summary>
    /// Puts the word on the list of the thread that calls. It takes the place of the C library's own list, so this thread must hold no robust
    /// mutex; none of .NET's threads does unless it holds a named System.Threading.Mutex.
    /// </summary>
    /// <returns>What to write into the word; 0 when the kernel refuses, as a seccomp profile may have it do.</returns>
    public uint Watch() => SetList(_head) ? (uint)Libc.gettid() : 0;

    /// <summary>Ends it, in the same thread, which then may end without the word being changed.</summary>
    public static void EndWatch() => SetList(null);

    /// <summary>To be called after <see cref="EndWatch"/>: the kernel goes by the memory that is given back here.</summary>
    public void Dispose()
    {
        _ = Libc.munmap(_page, (nuint)Environment.SystemPageSize);
        NativeMemory.Free(_head);
    }

    private static bool SetList(void* head) => Libc.syscall(Libc.SYS_set_robust_list, head, (nuint)sizeof(Libc.robust_list_head)) == 0;
}

using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Agent.Native.Libc;

namespace Agent.Native;

/// <summary>
/// An array outside the managed heap, all zero at first. It takes memory where it was written to, and gives it back when it is told to, not when a
/// garbage collection comes by. Disposing of it unmaps it: nobody may use it any more.
/// </summary>
public sealed unsafe class PagedArray<T> : IDisposable where T : unmanaged
{
    private readonly nuint _size;
    private T* _start;

    /// <exception cref="Win32Exception">The kernel gives no address space.</exception>
    public PagedArray(int length)
    {
        Length = length;
        _size = (nuint)length * (nuint)Unsafe.SizeOf<T>();
        void* start = mmap(null, _size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == (void*)-1)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"mmap: {Marshal.GetLastPInvokeErrorMessage()}");
        _start = (T*)start;
    }

    public int Length { get; }

    public ref T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Length);
            return ref _start[index];
        }
    }

    /// <summary>Gives all memory back: every element is zero. Another thread may be writing; its pages take memory anew.</summary>
    public void Clear() => madvise(_start, _size, MADV_DONTNEED);

    public void Dispose()
    {
        if (_start != null)
            munmap(_start, _size);
        _start = null;
    }
}

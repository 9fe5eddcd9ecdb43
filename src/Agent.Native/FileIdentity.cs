using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>What the kernel knows a file by.</summary>
public static unsafe class FileIdentity
{
    private const int AT_FDCWD = -100;
    private const uint STATX_INO = 0x100;
    private const int InodeOffset = 32; // struct statx is the same on every architecture

    /// <summary>The inode number; of a cgroup v2 directory it is the cgroup's ID (5.5, kernfs).</summary>
    /// <exception cref="Win32Exception">There is no such file.</exception>
    public static ulong Inode(string path)
    {
        byte* result = stackalloc byte[256];
        if (Libc.statx(AT_FDCWD, path, 0, STATX_INO, result) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot look at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        return *(ulong*)(result + InodeOffset);
    }
}

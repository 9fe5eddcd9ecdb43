using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>What the kernel knows a file by.</summary>
public static unsafe class FileIdentity
{
    private const int AT_FDCWD = -100;
    private const uint STATX_TYPE = 1;
    private const uint STATX_INO = 0x100;
    private const int ModeOffset = 28; // struct statx is the same on every architecture
    private const int InodeOffset = 32;
    private const int S_IFMT = 0xF000;
    private const int S_IFREG = 0x8000;

    /// <summary>The inode number; of a cgroup v2 directory it is the cgroup's ID (5.5, kernfs).</summary>
    /// <exception cref="Win32Exception">There is no such file.</exception>
    public static ulong Inode(string path)
    {
        byte* result = stackalloc byte[256];
        Stat(path, STATX_INO, result);
        return *(ulong*)(result + InodeOffset);
    }

    /// <summary>Whether it is a file that can be read again and again, and no pipe or device; symbolic links are followed.</summary>
    /// <exception cref="Win32Exception">There is no such file.</exception>
    public static bool IsRegular(string path)
    {
        byte* result = stackalloc byte[256];
        Stat(path, STATX_TYPE, result);
        return (*(ushort*)(result + ModeOffset) & S_IFMT) == S_IFREG;
    }

    private static void Stat(string path, uint mask, byte* result)
    {
        if (Libc.statx(AT_FDCWD, path, 0, mask, result) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot look at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}

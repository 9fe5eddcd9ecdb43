using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Agent.Native;

/// <summary>A directory as a descriptor, which the framework does not open.</summary>
public static class DirectoryHandle
{
    /// <exception cref="Win32Exception">It cannot be opened.</exception>
    public static SafeFileHandle Open(string path)
    {
        int descriptor = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot open {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}

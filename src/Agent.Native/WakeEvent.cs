using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// What one thread calls another with that waits in a <see cref="Poller"/>: an eventfd(2), readable from the first call until it is cleared. A
/// value: whoever opened it closes it, once, when no thread will call any more.
/// </summary>
public readonly unsafe struct WakeEvent
{
    private WakeEvent(int descriptor) => Descriptor = descriptor;

    public int Descriptor { get; }

    /// <exception cref="Win32Exception">The process is out of descriptors.</exception>
    public static WakeEvent Open()
    {
        WakeEvent wake = new(Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK));
        return wake.Descriptor >= 0 ? wake : throw new Win32Exception(Marshal.GetLastPInvokeError(), "cannot open an eventfd");
    }

    /// <summary>Calls. For any thread.</summary>
    public void Set()
    {
        ulong one = 1;
        Libc.write(Descriptor, &one, sizeof(ulong));
    }

    /// <summary>Forgets the calls so far.</summary>
    public void Clear()
    {
        ulong calls;
        Libc.read(Descriptor, &calls, sizeof(ulong));
    }

    public void Close() => Libc.close(Descriptor);
}

using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>What a <see cref="Poller"/> watches for and reports (epoll_ctl(2)).</summary>
[Flags]
public enum PollEvents : uint
{
    Readable = 0x001,
    Writable = 0x004,
    Error = 0x008,
    HangUp = 0x010,
}

/// <summary>One epoll instance of one thread. A closed descriptor leaves it by itself.</summary>
public sealed unsafe class Poller : IDisposable
{
    private const int Capacity = 256;

    // epoll_event is packed on x86-64 alone (sys/epoll.h), so its layout is chosen at run time.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int TokenOffset = EventSize - sizeof(ulong);

    private readonly int _descriptor;
    private readonly byte[] _events = GC.AllocateArray<byte>(Capacity * EventSize, pinned: true);

    public Poller()
    {
        _descriptor = Libc.epoll_create1(Libc.EPOLL_CLOEXEC);
        if (_descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Watches a socket, level-triggered; <paramref name="token"/> comes back with its events.</summary>
    public bool Add(NativeSocket socket, PollEvents events, ulong token) => Control(Libc.EPOLL_CTL_ADD, socket, events, token);

    /// <summary>Watches for a call from another thread.</summary>
    public bool Add(WakeEvent wake, ulong token) => Add(new NativeSocket(wake.Descriptor), PollEvents.Readable, token);

    public bool Modify(NativeSocket socket, PollEvents events, ulong token) => Control(Libc.EPOLL_CTL_MOD, socket, events, token);

    /// <summary>The number of events, read with <see cref="Token"/> and <see cref="Events"/>; 0 after <paramref name="milliseconds"/>.</summary>
    public int Wait(int milliseconds)
    {
        fixed (byte* events = _events)
            return Math.Max(0, Libc.epoll_wait(_descriptor, events, Capacity, milliseconds));
    }

    public ulong Token(int index) => BitConverter.ToUInt64(_events, index * EventSize + TokenOffset);

    public PollEvents Events(int index) => (PollEvents)BitConverter.ToUInt32(_events, index * EventSize);

    public void Dispose() => Libc.close(_descriptor);

    private bool Control(int operation, NativeSocket socket, PollEvents events, ulong token)
    {
        byte* entry = stackalloc byte[16];
        *(uint*)entry = (uint)events;
        *(ulong*)(entry + TokenOffset) = token;
        return Libc.epoll_ctl(_descriptor, operation, socket.Descriptor, entry) == 0;
    }
}

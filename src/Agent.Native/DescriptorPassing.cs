using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>Sockets from one process to another over a Unix stream socket, one with each byte (unix(7), SCM_RIGHTS).</summary>
public static unsafe class DescriptorPassing
{
    /// <returns>False when the other side is gone, or does not take it.</returns>
    public static bool TrySend(SafeSocketHandle channel, NativeSocket socket)
    {
        Control control = new(socket.Descriptor);
        byte data = 0;
        Libc.iovec vector = new() { iov_base = &data, iov_len = 1 };
        Libc.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &control, msg_controllen = (nuint)sizeof(Control) };
        return Libc.sendmsg((int)channel.DangerousGetHandle(), &message, Libc.MSG_NOSIGNAL) == 1;
    }

    /// <returns>False when no more come, or not one by one: what came then is closed.</returns>
    public static bool TryReceive(SafeSocketHandle channel, out NativeSocket socket)
    {
        Control control = new(-1);
        byte data = 0;
        Libc.iovec vector = new() { iov_base = &data, iov_len = 1 };
        Libc.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &control, msg_controllen = Control.Length };
        bool hasOne = Libc.recvmsg((int)channel.DangerousGetHandle(), &message, Libc.MSG_CMSG_CLOEXEC) == 1
            && message.msg_controllen >= Control.Length
            && (control.Header.cmsg_level, control.Header.cmsg_type) == (Libc.SOL_SOCKET, Libc.SCM_RIGHTS);
        socket = new NativeSocket(hasOne ? control.Descriptor : -1);
        if ((message.msg_flags & Libc.MSG_CTRUNC) == 0)
            return hasOne;
        if (hasOne)
            socket.Close();
        socket = new NativeSocket(-1);
        return false;
    }

    /// <summary>A control message with one descriptor, as the macros of cmsg(3) lay it out.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Control(int descriptor)
    {
        // CMSG_LEN(sizeof(int)): without the padding at the end, which has room for another descriptor.
        public const int Length = 20;

        public Libc.cmsghdr Header = new() { cmsg_len = Length, cmsg_level = Libc.SOL_SOCKET, cmsg_type = Libc.SCM_RIGHTS };
        public int Descriptor = descriptor;
        private readonly int _padding;
    }
}

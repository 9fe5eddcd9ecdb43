using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>Sockets from one process to another over a Unix stream socket, one with each byte (unix(7), SCM_RIGHTS).</summary>
public static unsafe class DescriptorPassing
{
    /// <returns>False when the other side is gone, or does not take it.</returns>
    public static bool TrySend(SafeSocketHandle channel, NativeSocket socket)
    {
        Libc.descriptor_message control = new(socket.Descriptor);
        byte data = 0;
        Libc.iovec vector = new() { iov_base = &data, iov_len = 1 };
        Libc.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &control, msg_controllen = (nuint)sizeof(Libc.descriptor_message) };
        return Libc.sendmsg((int)channel.DangerousGetHandle(), &message, Libc.MSG_NOSIGNAL) == 1;
    }

    /// <returns>False when no more come.</returns>
    public static bool TryReceive(SafeSocketHandle channel, out NativeSocket socket)
    {
        Libc.descriptor_message control = new(-1);
        byte data = 0;
        Libc.iovec vector = new() { iov_base = &data, iov_len = 1 };
        Libc.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &control, msg_controllen = (nuint)sizeof(Libc.descriptor_message) };
        bool hasOne = Libc.recvmsg((int)channel.DangerousGetHandle(), &message, Libc.MSG_CMSG_CLOEXEC) == 1
            && message.msg_controllen >= Libc.descriptor_message.Length
            && (control.cmsg_level, control.cmsg_type) == (Libc.SOL_SOCKET, Libc.SCM_RIGHTS);
        socket = new NativeSocket(hasOne ? control.descriptor : -1);
        return hasOne;
    }
}

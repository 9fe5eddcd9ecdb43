using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Agent.Lab.Tests;

/// <summary>Sockets of this process in the network namespace of a lab's machine or pod. A socket stays in the namespace of the thread that made it.</summary>
internal static class LabNamespace
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <summary>Makes and binds a socket there; of a stream, it listens.</summary>
    /// <param name="name">The namespace's name under /run/netns.</param>
    public static Socket Bind(string name, SocketType type, IPEndPoint endPoint)
    {
        Socket? socket = null;
        Exception? failure = null;
        Thread inside = new(() =>
        {
            try
            {
                using SafeFileHandle space = File.OpenHandle($"/run/netns/{name}");
                if (setns((int)space.DangerousGetHandle(), CLONE_NEWNET) != 0)
                    throw new IOException($"setns {name}: {Marshal.GetLastPInvokeErrorMessage()}");
                socket = new Socket(endPoint.AddressFamily, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
                socket.Bind(endPoint);
                if (type == SocketType.Stream)
                    socket.Listen(1024);
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        inside.Start();
        inside.Join();
        return failure == null ? socket! : throw failure;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int setns(int fd, int nstype);
}

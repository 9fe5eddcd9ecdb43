using System.Net.Sockets;

namespace Agent.Native;

/// <summary>Who is at the other end of a Unix socket, as the kernel noted it when the peer connected (unix(7)).</summary>
public static class PeerCredentials
{
    private const int SO_PEERCRED = 17;
    private const int UcredSize = 12; // pid, uid, gid

    /// <summary>The effective user of this process.</summary>
    public static uint OwnUser => Libc.geteuid();

    /// <summary>The peer's effective user.</summary>
    /// <exception cref="SocketException">It is no connected Unix socket.</exception>
    public static uint UserOf(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[UcredSize];
        socket.GetRawSocketOption(Libc.SOL_SOCKET, SO_PEERCRED, ucred);
        return BitConverter.ToUInt32(ucred[4..]);
    }
}

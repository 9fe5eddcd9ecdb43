using System.ComponentModel;
using System.Net;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// One socket as its descriptor. A value, because a query that is forwarded over UDP opens one for itself: whoever opened it
/// closes it, once.
/// </summary>
public readonly unsafe struct NativeSocket(int descriptor)
{
    /// <summary>What <see cref="ReceiveDatagram"/> returns when no datagram is there.</summary>
    public const int Nothing = -1;

    /// <summary>What <see cref="ReceiveDatagram"/> returns when the socket has an error.</summary>
    public const int Broken = -2;

    /// <summary>How many connections may wait at a listening TCP socket; fewer where net.core.somaxconn is smaller.</summary>
    public const int Backlog = 1024;

    public int Descriptor => descriptor;

    /// <summary>A UDP socket of a serving worker. Several may share the address (SO_REUSEPORT); receiving blocks for at most <paramref name="receiveTimeout"/>.</summary>
    /// <exception cref="Win32Exception">The address is not this host's (EADDRNOTAVAIL), in use (EADDRINUSE) or privileged (EACCES).</exception>
    public static NativeSocket ListenUdp(IPEndPoint address, TimeSpan receiveTimeout)
    {
        NativeSocket socket = Open(address, Libc.SOCK_DGRAM);
        Libc.timeval timeout = new() { tv_sec = (nint)receiveTimeout.TotalSeconds, tv_usec = receiveTimeout.Milliseconds * 1000 };
        Libc.setsockopt(socket.Descriptor, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, &timeout, (uint)sizeof(Libc.timeval));
        socket.Set(Libc.SOL_SOCKET, Libc.SO_REUSEPORT, 1);
        // A burst must not be lost while the worker waits for a processor. The kernel caps these at net.core.[rw]mem_max, often room for
        // 500 queries, unless one has CAP_NET_ADMIN, as an agent that redirects has: one client's burst must not cost the others theirs (A11).
        socket.Set(Libc.SOL_SOCKET, Libc.SO_RCVBUF, 4 << 20);
        socket.Set(Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, 4 << 20);
        socket.Set(Libc.SOL_SOCKET, Libc.SO_SNDBUF, 4 << 20);
        // A forged "fragmentation needed" must not shrink the path MTU and make replies fragment (RFC 9715 section 3.1).
        if (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
            socket.Set(Libc.IPPROTO_IP, Libc.IP_MTU_DISCOVER, Libc.IP_PMTUDISC_OMIT);
        return socket.Bind(address);
    }

    /// <summary>A listening TCP socket that never blocks.</summary>
    /// <exception cref="Win32Exception">As <see cref="ListenUdp"/>.</exception>
    public static NativeSocket ListenTcp(IPEndPoint address)
    {
        NativeSocket socket = Open(address, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK);
        socket.Set(Libc.SOL_SOCKET, Libc.SO_REUSEADDR, 1);
        socket.Bind(address);
        if (Libc.listen(socket.Descriptor, Backlog) != 0)
            throw socket.CloseAndReport(Marshal.GetLastPInvokeError(), $"listen on {address} over TCP");
        return socket;
    }

    /// <summary>
    /// A UDP socket connected to one server, on a port that the kernel picks at random (udp_lib_get_port), so that only this server's
    /// datagrams reach it.
    /// </summary>
    /// <param name="isExhausted">Whether this host lacks a descriptor, a port or memory, which is not the server's fault.</param>
    /// <returns>False when it is so, or the server is unreachable.</returns>
    public static bool TryConnectUdp(in SockAddr server, out NativeSocket socket, out bool isExhausted)
    {
        if (!TryConnect(server, Libc.SOCK_DGRAM | Libc.SOCK_NONBLOCK, out socket, out isExhausted))
            return false;
        if (server.IsV4)
            socket.Set(Libc.IPPROTO_IP, Libc.IP_PKTINFO, 1);
        else
            socket.Set(Libc.IPPROTO_IPV6, Libc.IPV6_RECVPKTINFO, 1);
        return true;
    }

    /// <summary>Connects a UDP socket that was disconnected: to any server, on a new port of the kernel's choice.</summary>
    public bool TryConnect(in SockAddr server)
    {
        fixed (SockAddr* address = &server)
            return Libc.connect(descriptor, address, server.Length) == 0;
    }

    /// <summary>Dissolves a UDP socket's connection and gives its port back, which the kernel had chosen (connect(2), AF_UNSPEC).</summary>
    public bool TryDisconnect()
    {
        SockAddr unspecified = default;
        return Libc.connect(descriptor, &unspecified, unspecified.Length) == 0;
    }

    /// <summary>A TCP connection in progress: writable when it is established.</summary>
    /// <returns>As <see cref="TryConnectUdp"/>.</returns>
    public static bool TryConnectTcp(in SockAddr server, out NativeSocket socket, out bool isExhausted)
    {
        if (!TryConnect(server, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK, out socket, out isExhausted))
            return false;
        socket.Set(Libc.IPPROTO_TCP, Libc.TCP_NODELAY, 1);
        return true;
    }

    /// <summary>Two stream sockets that are each other's peer, for two parts of this process.</summary>
    /// <returns>False when the process is out of descriptors.</returns>
    public static bool TryOpenPair(out NativeSocket near, out NativeSocket far)
    {
        int* descriptors = stackalloc int[2] { -1, -1 };
        bool isOpen = Libc.socketpair(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC, 0, descriptors) == 0;
        near = new NativeSocket(descriptors[0]);
        far = new NativeSocket(descriptors[1]);
        return isOpen;
    }

    /// <summary>A UDP socket that only talks to itself: what the kernel watches to know that this process lives.</summary>
    public static NativeSocket OpenLiveness()
    {
        NativeSocket socket = new(Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0));
        if (socket.Descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "cannot open the liveness socket");
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        SockAddr self = default;
        uint length = SockAddr.Size;
        // Connected to itself, it takes datagrams from nobody else.
        if (Libc.getsockname(socket.Descriptor, &self, &length) != 0 || Libc.connect(socket.Descriptor, &self, length) != 0)
            throw socket.CloseAndReport(Marshal.GetLastPInvokeError(), "connect the liveness socket to itself");
        return socket;
    }

    /// <summary>Whether it is a TCP socket.</summary>
    public bool IsStream
    {
        get
        {
            int type = 0;
            uint length = sizeof(int);
            return Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_TYPE, &type, &length) == 0 && type == Libc.SOCK_STREAM;
        }
    }

    /// <summary>Where a socket of IPv4 or IPv6 is bound to.</summary>
    public IPEndPoint LocalEndPoint()
    {
        SockAddr address = default;
        uint length = SockAddr.Size;
        return Libc.getsockname(descriptor, &address, &length) == 0
            ? address.ToEndPoint()
            : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot see where a socket is bound to: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>The number by which the kernel knows a socket; no two of a node share one (SO_COOKIE, 4.12).</summary>
    public ulong Cookie()
    {
        ulong cookie = 0;
        uint length = sizeof(ulong);
        return Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_COOKIE, &cookie, &length) == 0
            ? cookie
            : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot read a socket's cookie: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Takes one waiting connection; false when there is none.</summary>
    /// <param name="isExhausted">Whether one waits that cannot be taken, because no descriptor or memory is left.</param>
    public bool TryAccept(out NativeSocket connection, out SockAddr client, out bool isExhausted)
    {
        uint length = SockAddr.Size;
        fixed (SockAddr* address = &client)
            connection = new NativeSocket(Libc.accept4(descriptor, address, &length, Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC));
        isExhausted = connection.Descriptor < 0 ? IsExhausted() : connection.Descriptor >= DescriptorLimit.FirstOfReserve;
        if (isExhausted)
            connection.Close();
        if (isExhausted || connection.Descriptor < 0)
            return false;
        connection.Set(Libc.IPPROTO_TCP, Libc.TCP_NODELAY, 1);
        return true;
    }

    /// <summary>Bytes sent; 0 when the socket would block; negative when it is broken.</summary>
    public int Send(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* buffer = bytes)
        {
            nint sent = Libc.send(descriptor, buffer, (nuint)bytes.Length, Libc.MSG_NOSIGNAL | Libc.MSG_DONTWAIT);
            return sent >= 0 ? (int)sent : WouldBlock() ? 0 : -1;
        }
    }

    /// <summary>Bytes received; 0 when there is nothing now; negative when the peer closed or the socket is broken.</summary>
    public int Receive(Span<byte> bytes)
    {
        fixed (byte* buffer = bytes)
        {
            nint received = Libc.recv(descriptor, buffer, (nuint)bytes.Length, Libc.MSG_DONTWAIT);
            return received > 0 ? (int)received : received < 0 && WouldBlock() ? 0 : -1;
        }
    }

    /// <summary>Receives one datagram, which may be empty.</summary>
    /// <returns>Its length in bytes; <see cref="Nothing"/>; <see cref="Broken"/> for an error such as ECONNREFUSED.</returns>
    public int ReceiveDatagram(Span<byte> bytes)
    {
        fixed (byte* buffer = bytes)
        {
            nint received = Libc.recv(descriptor, buffer, (nuint)bytes.Length, Libc.MSG_DONTWAIT);
            return received >= 0 ? (int)received : WouldBlock() ? Nothing : Broken;
        }
    }

    /// <summary>As <see cref="ReceiveDatagram(Span{byte})"/>, of a socket that <see cref="TryConnectUdp"/> opened.</summary>
    /// <param name="interfaceIndex">The index of the network interface that the datagram came in through; 0: not known.</param>
    public int ReceiveDatagram(Span<byte> bytes, out int interfaceIndex)
    {
        PacketInfo info = default;
        fixed (byte* buffer = bytes)
        {
            Libc.iovec vector = new() { iov_base = buffer, iov_len = (nuint)bytes.Length };
            Libc.msghdr message = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = &info, msg_controllen = (nuint)sizeof(PacketInfo) };
            nint received = Libc.recvmsg(descriptor, &message, Libc.MSG_DONTWAIT);
            interfaceIndex = info.InterfaceIndex;
            return received >= 0 ? (int)received : WouldBlock() ? Nothing : Broken;
        }
    }

    public void Close()
    {
        if (descriptor >= 0)
            Libc.close(descriptor);
    }

    private static NativeSocket Open(IPEndPoint address, int type)
    {
        bool isV4 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        NativeSocket socket = new(Libc.socket(isV4 ? Libc.AF_INET : Libc.AF_INET6, type | Libc.SOCK_CLOEXEC, 0));
        if (socket.Descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"cannot open a socket for {address}: {Marshal.GetLastPInvokeErrorMessage()}");
        if (!isV4)
            socket.Set(Libc.IPPROTO_IPV6, Libc.IPV6_V6ONLY, 1);
        return socket;
    }

    private static bool TryConnect(in SockAddr server, int type, out NativeSocket socket, out bool isExhausted)
    {
        isExhausted = false;
        socket = new NativeSocket(Libc.socket(server.Family, type | Libc.SOCK_CLOEXEC, 0));
        fixed (SockAddr* address = &server)
        {
            if (socket.Descriptor >= 0 && socket.Descriptor < DescriptorLimit.FirstOfReserve
                && (Libc.connect(socket.Descriptor, address, server.Length) == 0 || Marshal.GetLastPInvokeError() == Libc.EINPROGRESS))
                return true;
        }

        isExhausted = socket.Descriptor >= DescriptorLimit.FirstOfReserve || IsExhausted() || Marshal.GetLastPInvokeError() == Libc.EAGAIN; // no port is left (udp_lib_get_port)
        socket.Close();
        return false;
    }

    private NativeSocket Bind(IPEndPoint endPoint)
    {
        SockAddr address = SockAddr.From(endPoint);
        if (Libc.bind(descriptor, &address, address.Length) != 0)
            throw CloseAndReport(Marshal.GetLastPInvokeError(), $"bind to {endPoint}");
        return this;
    }

    private void Set(int level, int name, int value) => Libc.setsockopt(descriptor, level, name, &value, sizeof(int));

    // The error is an argument because formatting the action may call into libc and change it.
    private Win32Exception CloseAndReport(int error, string action)
    {
        Close();
        return new Win32Exception(error, $"cannot {action}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static bool IsExhausted() => Marshal.GetLastPInvokeError() is Libc.EMFILE or Libc.ENFILE or Libc.ENOBUFS or Libc.ENOMEM;

    private static bool WouldBlock() => Marshal.GetLastPInvokeError() is Libc.EAGAIN or Libc.EINTR;

    /// <summary>A control message with what the kernel says of one datagram (ip(7), ipv6(7)), as the macros of cmsg(3) lay it out.</summary>
    [StructLayout(LayoutKind.Explicit)]
    private struct PacketInfo
    {
        private const int HeaderSize = 16;

        [FieldOffset(0)]
        private Libc.cmsghdr _header;

        [FieldOffset(HeaderSize)]
        private Libc.in_pktinfo _v4;

        [FieldOffset(HeaderSize)]
        private Libc.in6_pktinfo _v6;

        public readonly int InterfaceIndex => (_header.cmsg_level, _header.cmsg_type) switch
        {
            (Libc.IPPROTO_IP, Libc.IP_PKTINFO) => _v4.ipi_ifindex,
            (Libc.IPPROTO_IPV6, Libc.IPV6_PKTINFO) => (int)_v6.ipi6_ifindex,
            _ => 0,
        };
    }
}

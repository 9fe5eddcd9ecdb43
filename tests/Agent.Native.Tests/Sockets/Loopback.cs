using System.Net;
using System.Net.Sockets;

namespace Agent.Native.Tests.Sockets;

/// <summary>Sockets on this host's loopback addresses.</summary>
internal static class Loopback
{
    public static readonly TimeSpan ShortTimeout = TimeSpan.FromMilliseconds(20);

    /// <summary>127.0.0.1, and ::1 where this host has it.</summary>
    public static TheoryData<string> Addresses
    {
        get
        {
            TheoryData<string> addresses = ["127.0.0.1"];
            try
            {
                using Socket probe = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
                probe.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
                addresses.Add("::1");
            }
            catch (SocketException)
            {
                // a container without IPv6
            }

            return addresses;
        }
    }

    public static IPEndPoint Any(string address) => new(IPAddress.Parse(address), 0);

    /// <summary>The address that the kernel bound a socket to.</summary>
    public static IPEndPoint RemoteEndPoint(this NativeSocket socket) => (IPEndPoint)View(socket).RemoteEndPoint!;

    /// <summary>A UDP client of the framework's, connected to a server.</summary>
    public static Socket Client(IPEndPoint server)
    {
        Socket client = new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5_000 };
        client.Connect(server);
        return client;
    }

    /// <summary>What is there to receive within 5 s; the test fails when there is nothing.</summary>
    public static byte[] Receive(this Socket socket)
    {
        byte[] buffer = new byte[65536];
        return buffer[..socket.Receive(buffer)];
    }

    private static Socket View(NativeSocket socket) => new(new SafeSocketHandle(socket.Descriptor, ownsHandle: false));
}

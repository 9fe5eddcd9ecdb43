using System.Net;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>Loopback addresses that no other test of this process uses.</summary>
internal static class TestAddress
{
    private static int _last = (Environment.ProcessId & 0x3F) << 8;

    /// <summary>An address of its own with a port below the ephemeral ones that is free over UDP and TCP.</summary>
    public static IPEndPoint Next()
    {
        IPAddress address = NextAddress();
        for (int port = 20_053; port < 30_000; port += 7)
        {
            if (IsFree(address, port))
                return new IPEndPoint(address, port);
        }

        throw new InvalidOperationException($"no free port on {address}");
    }

    /// <summary>An address in 127.64.0.0/10.</summary>
    public static IPAddress NextAddress()
    {
        int number = Interlocked.Increment(ref _last);
        return new IPAddress([127, (byte)(64 + number / 62_500), (byte)(number / 250 % 250), (byte)(1 + number % 250)]);
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using Socket udp = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(address, port));
            using Socket tcp = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            tcp.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

using System.Net;
using System.Net.Sockets;

namespace Agent.Benchmarks.Contest;

/// <summary>Asks a starting server one question until it answers.</summary>
internal static class Probe
{
    // ready.example.org, A, IN
    private static readonly byte[] _query =
        [0x4c, 0x52, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, .. "ready"u8, 7, .. "example"u8, 3, .. "org"u8, 0, 0, 1, 0, 1];

    /// <summary>True once it has answered without an error; false when it has ended or time is up.</summary>
    public static bool Wait(IPEndPoint server, Child child, TimeSpan patience)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (Environment.TickCount64 < deadline && !child.HasExited)
        {
            if (Answers(server))
                return true;
            Thread.Sleep(2);
        }
        return false;
    }

    /// <summary>Whether something has this address already, which would be measured in the server's place.</summary>
    public static bool IsTaken(IPEndPoint address)
    {
        try
        {
            using var udp = new Socket(SocketType.Dgram, ProtocolType.Udp);
            using var tcp = new Socket(SocketType.Stream, ProtocolType.Tcp);
            udp.Bind(address);
            tcp.Bind(address);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return true;
        }
    }

    private static bool Answers(IPEndPoint server)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 200 };
            Span<byte> reply = stackalloc byte[512];
            socket.Connect(server);
            socket.Send(_query);
            int length = socket.Receive(reply);
            return length > _query.Length && reply[0] == _query[0] && reply[1] == _query[1] && (reply[3] & 0x0f) == 0;
        }
        catch (SocketException)
        {
            return false; // nobody listens yet, or is too slow yet
        }
    }
}

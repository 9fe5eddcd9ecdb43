using System.Net;
using System.Net.Sockets;

namespace Agent.Serving;

/// <summary>
/// Asks the agent itself, over UDP and on each address, before it takes the pods' traffic. The way of a query is compiled by then, and an
/// agent that cannot answer takes nothing.
/// </summary>
internal static class SelfProbe
{
    private const int Attempts = 8;
    private const int Patience = 250; // milliseconds for each attempt

    // "localhost. A", which no upstream is asked for; the ID is the first two bytes.
    private static readonly byte[] _query = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, .. "localhost"u8, 0, 0, 1, 0, 1];

    /// <summary>Whether every address answers.</summary>
    public static bool Succeeds(IEnumerable<IPEndPoint> addresses) => addresses.All(Answers);

    private static bool Answers(IPEndPoint address) => Enumerable.Range(0, Attempts).Any(_ => Asks(address));

    private static bool Asks(IPEndPoint address)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        byte[] reply = new byte[512];
        try
        {
            socket.Connect(address);
            socket.Send(_query);
            return socket.Poll(TimeSpan.FromMilliseconds(Patience), SelectMode.SelectRead)
                && socket.Receive(reply) >= _query.Length; // REFUSED, when the node itself may not ask, is an answer too
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

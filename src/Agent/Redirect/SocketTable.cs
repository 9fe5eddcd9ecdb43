using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>The sockets of a process's network namespace, as <c>/proc/PID/net/udp</c> and its like show them (proc_pid_net(5)).</summary>
internal static class SocketTable
{
    private const int RemoteField = 2;
    private const int StateField = 3;

    /// <summary>How many sockets have one of these as their peer: a redirected one has the backend.</summary>
    public static int CountConnected(int process, IReadOnlyList<Endpoint> peers) =>
        Count(process, "udp", TextsOf(peers, Endpoint.Udp)) + Count(process, "tcp", TextsOf(peers, Endpoint.Tcp));

    private static int Count(int process, string table, HashSet<string> peers) => CountIn(process, table, peers) + CountIn(process, table + "6", peers);

    private static int CountIn(int process, string table, HashSet<string> peers)
    {
        try
        {
            return File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/net/{table}"))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Count(fields => fields.Length > StateField && fields[StateField] is "01" or "02" && peers.Contains(fields[RemoteField])); // ESTABLISHED, SYN_SENT
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0; // ended since, or there is no IPv6
        }
    }

    /// <summary>As the tables write them: the words of an address as numbers of this machine, the port as a number; an IPv4 address is v4-mapped in a socket of IPv6.</summary>
    private static HashSet<string> TextsOf(IReadOnlyList<Endpoint> endpoints, byte protocol)
    {
        HashSet<string> texts = [];
        foreach (Endpoint endpoint in endpoints.Where(endpoint => endpoint.protocol == protocol))
        {
            IPEndPoint peer = endpoint.ToEndPoint();
            texts.Add(TextOf(endpoint.address, peer.Port));
            if (peer.AddressFamily == AddressFamily.InterNetwork)
                texts.Add(TextOf(peer.Address.GetAddressBytes(), peer.Port));
        }

        return texts;
    }

    private static string TextOf(ReadOnlySpan<byte> address, int port)
    {
        string text = "";
        foreach (uint word in MemoryMarshal.Cast<byte, uint>(address))
            text += word.ToString("X8", CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{text}:{port:X4}");
    }
}

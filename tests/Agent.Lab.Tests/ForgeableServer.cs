using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Agent.Lab.Tests;

/// <summary>
/// A DNS server on the machine ctr, over UDP and TCP, and a socket in curl-pod that sends in its name: the pod has the server's address too, which makes the
/// packets that a raw socket would. Who has answered shows in the number of records.
/// </summary>
internal sealed class ForgeableServer : IDisposable
{
    public const string Zone = "forgeable.test";

    /// <summary>Records in a response.</summary>
    public const int Genuine = 1;
    public const int Forged = 2;

    private const int Port = 5353;

    private readonly Socket _udp;
    private readonly Socket _pod;
    private readonly Socket? _tcp;
    private readonly ConcurrentBag<string> _seen = [];
    private readonly ConcurrentBag<string> _overTcp = [];
    private readonly ConcurrentBag<string> _forged = [];

    /// <param name="address">Of the machine ctr, and of curl-pod.</param>
    public ForgeableServer(LabFixture lab, string address, bool hasTcp = true)
    {
        IPEndPoint endPoint = new(IPAddress.Parse(address), Port);
        Name = ZoneOf(address);
        OnEach = Answer;
        _udp = LabNamespace.Bind($"{lab.Name}-ctr", SocketType.Dgram, endPoint);
        _pod = LabNamespace.Bind($"{lab.Name}-curl-pod", SocketType.Dgram, endPoint);
        _tcp = hasTcp ? LabNamespace.Bind($"{lab.Name}-ctr", SocketType.Stream, endPoint) : null;
        _ = Task.Factory.StartNew(ServeUdp, TaskCreationOptions.LongRunning);
        if (hasTcp)
            _ = Task.Factory.StartNew(ServeTcp, TaskCreationOptions.LongRunning);
    }

    /// <summary>The zone that the agent asks it for.</summary>
    public string Name { get; }

    /// <summary>What becomes of a query over UDP.</summary>
    public Action<byte[], IPEndPoint> OnEach { get; set; }

    /// <summary>What becomes of the first query over UDP for a name, in place of <see cref="OnEach"/>.</summary>
    public Action<byte[], IPEndPoint>? OnFirst { get; set; }

    /// <summary>A line of the agent's routes.</summary>
    public static string Route(string address) =>
        $"  - {{ zone: {ZoneOf(address)}, servers: [\"{new IPEndPoint(IPAddress.Parse(address), Port)}\"], protocol: udp }}\n";

    /// <summary>The same query with another ID.</summary>
    public static byte[] WithId(byte[] query, int ahead)
    {
        byte[] other = [.. query];
        BinaryPrimitives.WriteUInt16BigEndian(other, (ushort)(BinaryPrimitives.ReadUInt16BigEndian(query) + ahead));
        return other;
    }

    /// <summary>Sends the server's response.</summary>
    public void Answer(byte[] query, IPEndPoint client) => _udp.SendTo(Response(query, Genuine), client);

    /// <summary>Has the pod send one in the server's name.</summary>
    public void Forge(byte[] query, IPEndPoint client)
    {
        _forged.Add(LabelOf(query));
        _pod.SendTo(Response(query, Forged), client);
    }

    public int ForgedTo(string label) => _forged.Count(label.Equals);

    public int AskedOverTcp(string label) => _overTcp.Count(label.Equals);

    public void Dispose()
    {
        _udp.Dispose();
        _pod.Dispose();
        _tcp?.Dispose();
    }

    private static string ZoneOf(string address) => $"{(address.Contains(':', StringComparison.Ordinal) ? "v6" : "v4")}.{Zone}";

    private void ServeUdp()
    {
        byte[] buffer = new byte[512];
        EndPoint client = new IPEndPoint(_udp.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (TryReceive(buffer, ref client, out int length))
        {
            byte[] query = buffer[..length];
            bool isFirst = IsOfClient(query) && !_seen.Contains(LabelOf(query));
            _seen.Add(LabelOf(query));
            (isFirst && OnFirst != null ? OnFirst : IsOfClient(query) ? OnEach : Answer)(query, (IPEndPoint)client);
        }
    }

    private bool TryReceive(byte[] buffer, ref EndPoint client, out int length)
    {
        length = 0;
        while (true)
        {
            try
            {
                length = _udp.ReceiveFrom(buffer, ref client);
                return true;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // The agent has closed the port by now.
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    private void ServeTcp()
    {
        try
        {
            while (true)
            {
                Socket connection = _tcp!.Accept();
                _ = Task.Factory.StartNew(() => Serve(connection), TaskCreationOptions.LongRunning);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Serve(Socket connection)
    {
        using NetworkStream stream = new(connection, ownsSocket: true);
        byte[] length = new byte[2];
        try
        {
            while (true)
            {
                stream.ReadExactly(length);
                byte[] query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                stream.ReadExactly(query);
                _overTcp.Add(LabelOf(query));
                byte[] response = Response(query, Genuine);
                stream.Write([(byte)(response.Length >> 8), (byte)response.Length, .. response]);
            }
        }
        catch (IOException)
        {
            // Closed by the agent.
        }
    }

    /// <summary>Whether it is no question of the agent's own: those have other types.</summary>
    private static bool IsOfClient(byte[] query) => query[EndOfName(query) + 1] == 1;

    private static string LabelOf(byte[] query) => Encoding.ASCII.GetString(query, 13, query[12]).ToLowerInvariant();

    private static int EndOfName(byte[] query) => Array.IndexOf(query, (byte)0, 12) + 1;

    private static byte[] Response(byte[] query, int records)
    {
        byte[] response = [.. query[..(EndOfName(query) + 4)]];
        response[2] |= 0x80; // QR
        response[3] = 0x80; // RA
        response.AsSpan(6, 6).Clear();
        response[7] = (byte)records;
        for (byte i = 1; i <= records; i++)
            response = [.. response, 0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, i];
        return response;
    }
}

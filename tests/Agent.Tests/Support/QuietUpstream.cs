using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>
/// An upstream that allocates nothing once it runs: one thread for UDP, one for the first TCP connection. Answers every question with one address, or a
/// bare error with an SOA.
/// </summary>
internal sealed class QuietUpstream : IDisposable
{
    private readonly Socket _udp;
    private readonly Socket _listener;

    public QuietUpstream()
    {
        EndPoint = TestAddress.Next();
        _udp = new Socket(EndPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _udp.Bind(EndPoint);
        _listener = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(EndPoint);
        _listener.Listen(4);
        new Thread(ServeUdp) { IsBackground = true }.Start();
        new Thread(ServeTcp) { IsBackground = true }.Start();
    }

    public IPEndPoint EndPoint { get; }

    public int ResponseCode { get; set; }

    public uint Ttl { get; set; } = 3600;

    public bool IsSilent { get; set; }

    public void Dispose()
    {
        _udp.Dispose();
        _listener.Dispose();
    }

    private void ServeUdp()
    {
        byte[] message = new byte[1024];
        SocketAddress client = new(EndPoint.AddressFamily);
        try
        {
            while (true)
            {
                int length = _udp.ReceiveFrom(message, SocketFlags.None, client);
                if (!IsSilent)
                    _udp.SendTo(message.AsSpan(0, Answer(message, length)), SocketFlags.None, client);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
        }
    }

    private void ServeTcp()
    {
        byte[] message = new byte[4096];
        try
        {
            using Socket connection = _listener.Accept();
            connection.NoDelay = true;
            // The tests ask one question at a time, so that what comes is one message.
            for (int received = connection.Receive(message); received > 2; received = connection.Receive(message))
            {
                int length = Answer(message.AsSpan(2), received - 2);
                BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)length);
                connection.Send(message.AsSpan(0, 2 + length));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
        }
    }

    /// <summary>Makes a response of the query in place.</summary>
    private int Answer(Span<byte> message, int length)
    {
        int end = 12 + message[12..length].IndexOf((byte)0) + 5; // the agent's OPT goes
        message[2] = 0x81;
        message[3] = (byte)(0x80 | ResponseCode);
        message[6..12].Clear();
        if (ResponseCode == 0)
        {
            message[7] = 1;
            return end + Record(message[end..], RR.A, [192, 0, 2, 1]);
        }

        message[9] = 1;
        return end + Record(message[end..], RR.Soa, [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 7, 8]);
    }

    private int Record(Span<byte> record, ushort type, ReadOnlySpan<byte> data)
    {
        BinaryPrimitives.WriteUInt16BigEndian(record, 0xC00C);
        BinaryPrimitives.WriteUInt16BigEndian(record[2..], type);
        BinaryPrimitives.WriteUInt16BigEndian(record[4..], 1);
        BinaryPrimitives.WriteUInt32BigEndian(record[6..], Ttl);
        BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)data.Length);
        data.CopyTo(record[12..]);
        return 12 + data.Length;
    }
}

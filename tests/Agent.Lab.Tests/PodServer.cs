using System.Net;
using System.Net.Sockets;

namespace Agent.Lab.Tests;

/// <summary>A server in a pod, over UDP and TCP: answers every DNS query with as many answers in the header as its own number, so that the probe tells who answered.</summary>
internal sealed class PodServer : IDisposable
{
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private int _answered;

    /// <param name="space">The pod's namespace under /run/netns.</param>
    /// <param name="number">1 to 255.</param>
    public PodServer(string space, IPEndPoint endPoint, byte number)
    {
        Number = number;
        _udp = LabNamespace.Bind(space, SocketType.Dgram, endPoint);
        _tcp = LabNamespace.Bind(space, SocketType.Stream, endPoint);
        _ = AnswerDatagrams();
        _ = Accept();
    }

    public byte Number { get; }

    public int Answered => Volatile.Read(ref _answered);

    public void Dispose()
    {
        _udp.Dispose();
        _tcp.Dispose();
    }

    private void Answer(Span<byte> query)
    {
        query[2] |= 0x80; // QR
        query[7] = Number; // ANCOUNT
        Interlocked.Increment(ref _answered);
    }

    private async Task AnswerDatagrams()
    {
        byte[] buffer = new byte[512];
        IPEndPoint any = new(_udp.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                SocketReceiveFromResult received = await _udp.ReceiveFromAsync(buffer, any);
                Answer(buffer);
                await _udp.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.OperationAborted)
            {
                return;
            }
            catch (SocketException)
            {
                // The client is gone.
            }
        }
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Serve(await _tcp.AcceptAsync());
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task Serve(Socket client)
    {
        using NetworkStream stream = new(client, ownsSocket: true);
        byte[] message = new byte[2 + 512];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(message.AsMemory(0, 2));
                int length = (message[0] << 8) | message[1];
                await stream.ReadExactlyAsync(message.AsMemory(2, length));
                Answer(message.AsSpan(2));
                await stream.WriteAsync(message.AsMemory(0, 2 + length));
            }
        }
        catch (IOException)
        {
            // Closed by the client.
        }
    }
}

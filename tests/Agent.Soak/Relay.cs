using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Agent.Soak;

/// <summary>A bad line to one upstream: loses, delays, reorders and repeats datagrams; delays, cuts up and resets TCP streams.</summary>
internal sealed class Relay(IPEndPoint listen, IPEndPoint upstream, RelayCounts counts)
{
    private const double Loss = 0.03; // each way
    private const double Repeat = 0.02;
    private const double LongDelay = 0.03;
    private const double Reset = 0.002; // of the chunks of a stream
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<Socket, byte> _open = [];
    private CancellationTokenSource _stop = new();

    public void Start()
    {
        _stop = new CancellationTokenSource();
        Socket udp = new(listen.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        udp.Bind(listen);
        _open[udp] = 0;
        _ = ServeUdp(udp, _stop.Token);
        Socket tcp = new(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        tcp.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        tcp.Bind(listen);
        tcp.Listen(64);
        _open[tcp] = 0;
        _ = ServeTcp(tcp, _stop.Token);
    }

    /// <summary>As when the server's process ends: ports closed, connections reset.</summary>
    public void Stop()
    {
        _stop.Cancel();
        foreach (Socket socket in _open.Keys)
            Close(socket);
    }

    private async Task ServeUdp(Socket socket, CancellationToken stop)
    {
        byte[] buffer = new byte[65536];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, listen, stop);
                _ = Forward(socket, buffer[..received.ReceivedBytes], received.RemoteEndPoint, stop);
            }
            catch (SocketException)
            {
                // An ICMP error for somebody who is gone.
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Forward(Socket from, byte[] query, EndPoint client, CancellationToken stop)
    {
        try
        {
            if (!await Travel(stop))
                return;
            using Socket socket = new(upstream.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(upstream, stop);
            await socket.SendAsync(query, stop);
            using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
            deadline.CancelAfter(_patience);
            byte[] buffer = new byte[65536];
            byte[] reply = buffer[..await socket.ReceiveAsync(buffer, deadline.Token)];
            if (!await Travel(stop))
                return;
            await from.SendToAsync(reply, client, stop);
            if (!Happens(Repeat))
                return;
            counts.Duplicated++;
            await Task.Delay(Random.Shared.Next(30), stop);
            await from.SendToAsync(reply, client, stop);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Stopped, or one side is gone: then the datagram is lost.
        }
    }

    /// <summary>What happens to a datagram on its way; false: lost.</summary>
    private async Task<bool> Travel(CancellationToken stop)
    {
        counts.Datagrams++;
        if (Happens(Loss))
        {
            counts.Dropped++;
            return false;
        }

        bool isLong = Happens(LongDelay);
        counts.LongDelayed += isLong ? 1 : 0;
        await Task.Delay(Random.Shared.Next(isLong ? 600 : 15), stop);
        return true;
    }

    private async Task ServeTcp(Socket listener, CancellationToken stop)
    {
        try
        {
            while (true)
                _ = Join(await listener.AcceptAsync(stop), stop);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task Join(Socket client, CancellationToken stop)
    {
        Socket server = new(upstream.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _open[client] = _open[server] = 0;
        try
        {
            await server.ConnectAsync(upstream, stop);
            await Task.WhenAny(Pump(client, server, stop), Pump(server, client, stop));
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
        finally
        {
            Close(client);
            Close(server);
        }
    }

    private async Task Pump(Socket from, Socket to, CancellationToken stop)
    {
        byte[] buffer = new byte[16384];
        try
        {
            for (int count = await from.ReceiveAsync(buffer, stop); count > 0; count = await from.ReceiveAsync(buffer, stop))
            {
                counts.Chunks++;
                await Task.Delay(Random.Shared.Next(10), stop);
                if (Happens(Reset))
                {
                    counts.Resets++;
                    return;
                }

                int cut = Random.Shared.Next(count);
                await to.SendAsync(buffer.AsMemory(0, cut), stop);
                await to.SendAsync(buffer.AsMemory(cut, count - cut), stop);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private void Close(Socket socket)
    {
        if (!_open.TryRemove(socket, out _))
            return;
        if (socket.SocketType == SocketType.Stream && socket.Connected)
            socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    private static bool Happens(double probability) => Random.Shared.NextDouble() < probability;
}

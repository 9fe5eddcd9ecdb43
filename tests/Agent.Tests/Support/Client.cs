using System.Net;
using System.Net.Sockets;
using Agent.Configuration;

namespace Agent.Tests.Support;

/// <summary>A client's single questions.</summary>
internal static class Client
{
    public static Task<DnsMessage> Ask(IPEndPoint server, DnsMessage query, TransportProtocol protocol = TransportProtocol.Udp, IPAddress? from = null) =>
        protocol == TransportProtocol.Udp ? AskUdp(server, query, from) : AskTcp(server, query, from);

    /// <summary>Sends one datagram and returns the one that comes back; null when none comes for a while.</summary>
    public static async Task<byte[]?> ExchangeUdp(IPEndPoint server, byte[] datagram, TimeSpan wait, IPAddress? from = null)
    {
        using UdpConversation conversation = new(server, from);
        conversation.Send(datagram);
        return await conversation.Receive(wait);
    }

    private static async Task<DnsMessage> AskUdp(IPEndPoint server, DnsMessage query, IPAddress? from)
    {
        byte[]? reply = await ExchangeUdp(server, query.ToBytes(), Wait.Long, from);
        Assert.True(reply != null, $"no reply over UDP to {query}");
        return DnsMessage.Parse(reply);
    }

    private static async Task<DnsMessage> AskTcp(IPEndPoint server, DnsMessage query, IPAddress? from)
    {
        using TcpConversation conversation = await TcpConversation.Open(server, from: from);
        await conversation.Send(query);
        DnsMessage? reply = await conversation.Receive();
        Assert.True(reply != null, $"the connection was closed instead of a reply to {query}");
        return reply;
    }
}

/// <summary>One UDP socket of a client.</summary>
internal sealed class UdpConversation : IDisposable
{
    private readonly Socket _socket;

    /// <param name="from">The client's own address; null: the kernel's choice.</param>
    public UdpConversation(IPEndPoint server, IPAddress? from = null)
    {
        _socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        if (from != null)
            _socket.Bind(new IPEndPoint(from, 0));
        _socket.Connect(server);
    }

    public void Send(byte[] datagram) => _socket.Send(datagram);

    public void Send(DnsMessage query) => Send(query.ToBytes());

    /// <summary>The next datagram; null when none comes for a while.</summary>
    public async Task<byte[]?> Receive(TimeSpan wait)
    {
        using CancellationTokenSource timeout = new(wait);
        byte[] buffer = new byte[65536];
        try
        {
            return buffer[..await _socket.ReceiveAsync(buffer, timeout.Token)];
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The next reply; the test fails when none comes.</summary>
    public async Task<DnsMessage> Receive()
    {
        byte[]? reply = await Receive(Wait.Long);
        Assert.True(reply != null, "no reply over UDP");
        return DnsMessage.Parse(reply);
    }

    public void Dispose() => _socket.Dispose();
}

/// <summary>One TCP connection of a client.</summary>
internal sealed class TcpConversation : IDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;

    private TcpConversation(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <inheritdoc cref="UdpConversation(IPEndPoint, IPAddress?)"/>
    public static async Task<TcpConversation> Open(IPEndPoint server, int? receiveBuffer = null, IPAddress? from = null)
    {
        Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (from != null)
            socket.Bind(new IPEndPoint(from, 0));
        if (receiveBuffer is { } size)
            socket.ReceiveBufferSize = size;
        await socket.ConnectAsync(server);
        return new TcpConversation(socket);
    }

    public Task Send(params DnsMessage[] queries) =>
        SendRaw([.. queries.SelectMany(query => UpstreamExchange.Framed(query.ToBytes()))]);

    public async Task SendRaw(byte[] bytes)
    {
        using CancellationTokenSource timeout = new(Wait.Long);
        await _stream.WriteAsync(bytes, timeout.Token);
    }

    /// <summary>Says that nothing more will be sent.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Breaks the connection with a reset.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    /// <summary>The next reply; null when the agent closed. The test fails when neither comes.</summary>
    public async Task<DnsMessage?> Receive()
    {
        using CancellationTokenSource timeout = new(Wait.Long);
        try
        {
            byte[] length = new byte[2];
            await _stream.ReadExactlyAsync(length, timeout.Token);
            byte[] reply = new byte[length[0] << 8 | length[1]];
            await _stream.ReadExactlyAsync(reply, timeout.Token);
            return DnsMessage.Parse(reply);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async Task<DnsMessage[]> Receive(int count)
    {
        List<DnsMessage> replies = [];
        while (replies.Count < count)
        {
            DnsMessage? reply = await Receive();
            Assert.True(reply != null, $"closed after {replies.Count} of {count} replies");
            replies.Add(reply);
        }

        return [.. replies];
    }

    public void Dispose() => _stream.Dispose();
}

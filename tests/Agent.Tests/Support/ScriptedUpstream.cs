using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>
/// A DNS server over UDP and TCP whose every reply a test decides. The handler gets each query at once, so that one may wait while later
/// ones are answered.
/// </summary>
internal sealed class ScriptedUpstream : IDisposable
{
    private readonly ConcurrentQueue<UpstreamExchange> _exchanges = [];
    private readonly ConcurrentQueue<UpstreamExchange> _ownExchanges = [];
    private readonly ConcurrentDictionary<Socket, byte> _connections = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private int _connectionCount;

    public ScriptedUpstream(Func<UpstreamExchange, Task> handler, IPEndPoint? at = null)
    {
        Handler = handler;
        EndPoint = at ?? TestAddress.Next();
        _udp = new Socket(EndPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        _udp.Bind(EndPoint);
        _tcp = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _tcp.Bind(EndPoint);
        _tcp.Listen(256);
        _ = ServeUdp();
        _ = AcceptTcp();
    }

    public IPEndPoint EndPoint { get; }

    public Func<UpstreamExchange, Task> Handler { get; set; }

    /// <summary>The queries so far that clients have caused, in the order of their arrival.</summary>
    public UpstreamExchange[] Exchanges => [.. _exchanges];

    /// <summary>The agent's own queries so far: probes and checks for loops. The handler answers them like all others.</summary>
    public UpstreamExchange[] OwnExchanges => [.. _ownExchanges];

    /// <summary>Queries so far that clients have caused: U of CHECKS.</summary>
    public int Count => _exchanges.Count;

    public int ConnectionCount => Volatile.Read(ref _connectionCount);

    public int OpenConnectionCount => _connections.Count;

    /// <summary>Answers every question with one address.</summary>
    public static ScriptedUpstream Answering(string address, uint ttl = 300, IPEndPoint? at = null) =>
        new(exchange => exchange.Answer(RR.AddressRecord(exchange.Name, address, ttl)), at);

    public static ScriptedUpstream Silent() => new(_ => Task.CompletedTask);

    public int CountOf(string name) => Exchanges.Count(exchange => exchange.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Asserts that a question cost one flight: one send, and more only when this busy machine answers later than the agent waits.</summary>
    public void AssertOneFlight(string name) => Assert.InRange(CountOf(name), 1, 4);

    public void CloseConnections()
    {
        foreach (Socket connection in _connections.Keys)
        {
            try
            {
                connection.Shutdown(SocketShutdown.Both);
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException)
            {
                // Its client closed it in this moment.
            }
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _udp.Dispose();
        _tcp.Dispose();
        foreach (Socket connection in _connections.Keys)
            connection.Dispose();
    }

    private async Task ServeUdp()
    {
        byte[] buffer = new byte[65536];
        IPEndPoint any = new(EndPoint.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await _udp.ReceiveFromAsync(buffer, any, _stop.Token);
                IPEndPoint client = (IPEndPoint)received.RemoteEndPoint;
                Handle(new UpstreamExchange(buffer[..received.ReceivedBytes], client, connection: null)
                {
                    Write = bytes => _udp.SendTo(bytes, client),
                });
            }
            catch (SocketException)
            {
                // The agent closed the socket of an earlier query: an ICMP error that concerns nobody.
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AcceptTcp()
    {
        try
        {
            while (true)
                _ = ServeTcp(await _tcp.AcceptAsync(_stop.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task ServeTcp(Socket connection)
    {
        _connections.TryAdd(connection, 0);
        Interlocked.Increment(ref _connectionCount);
        connection.NoDelay = true;
        IPEndPoint client = (IPEndPoint)connection.RemoteEndPoint!;
        try
        {
            await using NetworkStream stream = new(connection, ownsSocket: true);
            byte[] length = new byte[2];
            while (true)
            {
                await stream.ReadExactlyAsync(length, _stop.Token);
                byte[] query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query, _stop.Token);
                Handle(new UpstreamExchange(query, client, connection) { Write = bytes => WriteAll(connection, bytes) });
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or IOException or SocketException)
        {
        }
        finally
        {
            _connections.TryRemove(connection, out _);
        }
    }

    private static void WriteAll(Socket connection, byte[] bytes)
    {
        lock (connection)
        {
            for (int sent = 0; sent < bytes.Length;)
                sent += connection.Send(bytes.AsSpan(sent));
        }
    }

    private void Handle(UpstreamExchange exchange)
    {
        (exchange.IsOwn ? _ownExchanges : _exchanges).Enqueue(exchange);
        _ = Run();

        async Task Run()
        {
            try
            {
                await Handler(exchange);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The agent or the test closed first.
            }
        }
    }
}

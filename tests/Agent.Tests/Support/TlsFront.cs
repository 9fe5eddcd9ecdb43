using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>Speaks TLS before a <see cref="ScriptedUpstream"/>, so that its handler decides what comes back over DoT.</summary>
internal sealed class TlsFront : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _listener;
    private readonly Socket _plain;
    private readonly Credential _credential;
    private readonly ScriptedUpstream _behind;
    private int _handshakes;

    public TlsFront(Credential credential, ScriptedUpstream behind, IPEndPoint? at = null)
    {
        _credential = credential;
        _behind = behind;
        EndPoint = at ?? TestAddress.Next();
        _listener = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(EndPoint);
        _listener.Listen(256);
        _plain = new Socket(EndPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _plain.Bind(EndPoint);
        _ = Accept();
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>Connections whose client was content with the certificate.</summary>
    public int Handshakes => Volatile.Read(ref _handshakes);

    /// <summary>Whether something came over UDP, which nothing secret may.</summary>
    public bool SawDatagram => _plain.Available > 0;

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _plain.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Serve(await _listener.AcceptAsync(_stop.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task Serve(Socket client)
    {
        try
        {
            using Socket upstream = new(_behind.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await using SslStream stream = new(new NetworkStream(client, ownsSocket: true));
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _credential.Certificate }, _stop.Token);
            await upstream.ConnectAsync(_behind.EndPoint, _stop.Token);
            await using NetworkStream behind = new(upstream);
            Task up = stream.CopyToAsync(behind, _stop.Token);
            Task down = behind.CopyToAsync(stream, _stop.Token);
            Interlocked.Increment(ref _handshakes);
            await await Task.WhenAny(up, down);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or IOException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            // The agent did not like the certificate, or somebody closed.
        }
    }
}

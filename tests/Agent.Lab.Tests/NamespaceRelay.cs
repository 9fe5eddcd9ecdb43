using System.Net;
using System.Net.Sockets;

namespace Agent.Lab.Tests;

/// <summary>
/// Lets a machine of the lab reach a server of this process under the same address: listens in the machine's network namespace and
/// passes the bytes on.
/// </summary>
internal sealed class NamespaceRelay : IDisposable
{
    private readonly IPEndPoint _server;
    private readonly Socket _listener;

    /// <param name="machine">The namespace's name under /run/netns.</param>
    public NamespaceRelay(string machine, IPEndPoint server)
    {
        _server = server;
        _listener = LabNamespace.Bind(machine, SocketType.Stream, server);
        _ = Accept();
    }

    public void Dispose() => _listener.Dispose();

    private async Task Accept()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptAsync();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = Pass(client);
        }
    }

    private async Task Pass(Socket client)
    {
        using (client)
        using (Socket server = new(_server.AddressFamily, SocketType.Stream, ProtocolType.Tcp))
        {
            try
            {
                await server.ConnectAsync(_server);
                using NetworkStream one = new(client);
                using NetworkStream other = new(server);
                await Task.WhenAny(one.CopyToAsync(other), other.CopyToAsync(one));
            }
            catch (Exception error) when (error is SocketException or IOException)
            {
                // One side is gone; closing tells the other.
            }
        }
    }
}

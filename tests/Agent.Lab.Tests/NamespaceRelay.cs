using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Agent.Lab.Tests;

/// <summary>
/// Lets a machine of the lab reach a server of this process under the same address: listens in the machine's network namespace (a socket
/// stays in the namespace of the thread that made it) and passes the bytes on.
/// </summary>
internal sealed class NamespaceRelay : IDisposable
{
    private const int CLONE_NEWNET = 0x40000000;

    private readonly IPEndPoint _server;
    private readonly Socket _listener;

    /// <param name="machine">The namespace's name under /run/netns.</param>
    public NamespaceRelay(string machine, IPEndPoint server)
    {
        _server = server;
        Socket? listener = null;
        Exception? failure = null;
        Thread inside = new(() =>
        {
            try
            {
                using SafeFileHandle space = File.OpenHandle($"/run/netns/{machine}");
                if (setns((int)space.DangerousGetHandle(), CLONE_NEWNET) != 0)
                    throw new IOException($"setns {machine}: {Marshal.GetLastPInvokeErrorMessage()}");
                listener = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                listener.Bind(server);
                listener.Listen();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        inside.Start();
        inside.Join();
        _listener = failure == null ? listener! : throw failure;
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

    [DllImport("libc", SetLastError = true)]
    private static extern int setns(int fd, int nstype);
}

using System.Net.Sockets;
using Agent.Native;

namespace Agent.Serving;

/// <summary>
/// Hands the listening sockets to an agent that starts beside this one, as in a rolling upgrade with a surge: both then read the same sockets, so
/// that neither a datagram nor a connection that waits in one is lost when the older agent ends.
/// </summary>
internal sealed class SocketHandover : IDisposable
{
    private const int Patience = 1_000; // milliseconds: an agent that hangs hands nothing on

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SocketPath _path;
    private readonly IReadOnlyList<NativeSocket> _sockets;
    private readonly Thread _thread;
    private bool _isStopping;

    /// <summary>From now on hands these sockets to whoever asks there; takes the place of an agent that did so before.</summary>
    /// <exception cref="IOException">The socket cannot be made there.</exception>
    public SocketHandover(string path, IReadOnlyList<NativeSocket> sockets)
    {
        _path = new SocketPath(path);
        _sockets = sockets;
        _thread = new Thread(Run) { Name = "socket handover", IsBackground = true };
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(_path.Own));
            _listener.Listen();
            _path.Publish();
        }
        catch (SocketException error)
        {
            throw new IOException($"cannot make the socket {path}: {error.Message}", error);
        }

        _thread.Start();
    }

    /// <summary>Where the agent with this admin socket hands on its sockets; only its own user may go there.</summary>
    public static string PathFor(string adminSocket) => adminSocket + "-handover";

    /// <summary>The listening sockets of the agent that runs; none when none runs, or when it does not hand them on within a second.</summary>
    public static IReadOnlyList<NativeSocket> Ask(string path)
    {
        List<NativeSocket> sockets = [];
        using Socket channel = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = Patience };
        try
        {
            channel.Connect(new UnixDomainSocketEndPoint(path));
            while (DescriptorPassing.TryReceive(channel.SafeHandle, out NativeSocket socket))
                sockets.Add(socket);
        }
        catch (SocketException)
        {
            // There is no such socket, or nobody listens: the usual start.
        }

        return sockets;
    }

    /// <summary>Ends it; to be called before the sockets are closed.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _isStopping, true);
        _listener.Dispose();
        _thread.Join();
        _path.Dispose();
    }

    private void Run()
    {
        while (!Volatile.Read(ref _isStopping))
        {
            try
            {
                using Socket channel = _listener.Accept();
                channel.SendTimeout = Patience;
                foreach (NativeSocket socket in _sockets)
                {
                    if (!DescriptorPassing.TrySend(channel.SafeHandle, socket))
                        break;
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Stopped; or out of descriptors, for as long as which nobody can be handed anything.
                Thread.Sleep(Volatile.Read(ref _isStopping) ? 0 : Patience / 10);
            }
        }
    }
}

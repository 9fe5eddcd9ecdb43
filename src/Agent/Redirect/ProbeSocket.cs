using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>
/// A UDP socket of the agent's own that the programs treat as a pod's. They run for a socket by the cgroup in which it was made (sk_cgrp_data),
/// whoever uses it later; and though the agent is excluded, the lease names this socket's cookie.
/// </summary>
internal sealed class ProbeSocket : IDisposable
{
    private const int SOL_SOCKET = 1;
    private const int SO_COOKIE = 57;

    private static readonly byte[] _question = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, .. "localhost"u8, 0, 0, 1, 0, 1]; // without its ID

    private readonly Socket _socket;
    private readonly byte[] _message = [0, 0, .. _question];
    private readonly byte[] _reply = new byte[512];

    private ProbeSocket(AddressFamily family)
    {
        _socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        byte[] cookie = new byte[sizeof(ulong)];
        _socket.GetRawSocketOption(SOL_SOCKET, SO_COOKIE, cookie);
        Cookie = BitConverter.ToUInt64(cookie);
    }

    public ulong Cookie { get; }

    public AddressFamily Family => _socket.AddressFamily;

    /// <summary>Opens one for each address family that this node has.</summary>
    /// <param name="attached">The cgroup that the programs are attached to.</param>
    /// <exception cref="RedirectException">The cgroups cannot be written, or the agent could not go back to its own.</exception>
    public static IReadOnlyList<ProbeSocket> Open(string attached)
    {
        string own = Cgroups.Own();
        if (Mounts.IsWithin(own, attached))
            return OpenHere();
        // For a moment, which is cheaper than a helper process there for good. What else the agent opens meanwhile belongs there too, and is
        // not redirected either: what decides for it is the cgroup of the caller.
        string visited = Path.Combine(attached, $"lra-probe-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(visited);
            Cgroups.Enter(visited);
            return OpenHere();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RedirectException($"no socket can be made in {attached}, to see whether the redirect works: {error.Message}", error);
        }
        finally
        {
            Leave(visited, own);
        }
    }

    /// <summary>Asks for a name that the agent itself answers, and waits for the answer.</summary>
    /// <param name="from">Where the answer seems to come from.</param>
    public bool Ask(IPEndPoint frontend, TimeSpan wait, out IPEndPoint? from)
    {
        from = null;
        while (_socket.Available > 0)
            Receive(frontend); // too late for an earlier question
        RandomNumberGenerator.Fill(_message.AsSpan(0, 2));
        _socket.SendTo(_message, frontend);
        if (!_socket.Poll(wait, SelectMode.SelectRead))
            return false;
        from = Receive(frontend);
        return BinaryPrimitives.ReadUInt16BigEndian(_reply) == BinaryPrimitives.ReadUInt16BigEndian(_message);
    }

    public void Dispose() => _socket.Dispose();

    private static List<ProbeSocket> OpenHere()
    {
        List<ProbeSocket> sockets = [];
        if (Socket.OSSupportsIPv4)
            sockets.Add(new ProbeSocket(AddressFamily.InterNetwork));
        if (Socket.OSSupportsIPv6)
            sockets.Add(new ProbeSocket(AddressFamily.InterNetworkV6));
        return sockets;
    }

    private static void Leave(string visited, string own)
    {
        try
        {
            Cgroups.Enter(own);
            if (Directory.Exists(visited))
                Directory.Delete(visited); // the sockets keep what the kernel needs of it
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RedirectException($"the agent cannot go back to its cgroup {own}: {error.Message}", error);
        }
    }

    private IPEndPoint Receive(IPEndPoint like)
    {
        EndPoint from = new IPEndPoint(like.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        _socket.ReceiveFrom(_reply, ref from);
        return (IPEndPoint)from;
    }
}

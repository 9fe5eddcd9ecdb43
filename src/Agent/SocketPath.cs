using System.Net.Sockets;
using System.Security.Cryptography;

namespace Agent;

/// <summary>
/// The path of a Unix socket that agents take over from each other: a symbolic link to a socket of the agent's own. The link is replaced in one
/// step, so somebody answers at any time; an agent that ends removes its own socket and no other's; and one that had been replaced puts its link
/// back when the other is gone.
/// </summary>
internal sealed class SocketPath : IDisposable
{
    /// <summary>The longest path whose own sockets still fit into a socket's address (unix(7): 108 bytes with the NUL).</summary>
    public const int MaxLength = 107 - 16;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly TimeSpan _pace = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private bool _isDisposed;

    /// <summary>Makes the directory when it is missing, for the agent's user alone.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public SocketPath(string path)
    {
        _path = path;
        // Not the process's number: two agents in containers may both be number 1.
        Own = $"{path}-{RandomNumberGenerator.GetHexString(6, lowercase: true)}";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly | UnixFileMode.UserExecute);
        _timer = new Timer(_ => Mend());
    }

    /// <summary>What to bind the socket to.</summary>
    public string Own { get; }

    /// <summary>What comes of connecting to a Unix socket; nothing is sent.</summary>
    public static SocketError Try(string socketPath)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            return SocketError.Success;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode;
        }
    }

    /// <summary>Leads the path to this socket, which must be bound, and opens it to the agent's user alone.</summary>
    /// <exception cref="IOException">Something else than a socket is in the way.</exception>
    public void Publish()
    {
        File.SetUnixFileMode(Own, OwnerOnly);
        Link();
        _timer.Change(_pace, _pace);
    }

    public void Dispose()
    {
        lock (_lock)
            _isDisposed = true;
        _timer.Dispose();
        File.Delete(Own);
    }

    private void Link()
    {
        string? before = new FileInfo(_path).LinkTarget;
        string link = Own + "-";
        File.CreateSymbolicLink(link, Own);
        try
        {
            File.Move(link, _path, overwrite: true);
        }
        catch
        {
            File.Delete(link);
            throw;
        }

        // An agent that was killed leaves its own.
        if (before != null && before.StartsWith(_path + "-", StringComparison.Ordinal) && !Answers(before))
            File.Delete(before);
    }

    private void Mend()
    {
        lock (_lock)
        {
            try
            {
                if (!_isDisposed && new FileInfo(_path).LinkTarget != Own && !Answers(_path))
                    Link();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // In a second it is tried again.
            }
        }
    }

    private static bool Answers(string socketPath) => Try(socketPath) == SocketError.Success;
}

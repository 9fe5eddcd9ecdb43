using System.ComponentModel;
using System.Net;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>
/// The UDP sockets of one network namespace, seen and destroyed through NETLINK_SOCK_DIAG (sock_diag(7)). Closing it leaves them alone.
/// </summary>
public sealed unsafe class SocketDiagnosis : SafeHandle
{
    private const int NETLINK_SOCK_DIAG = 4;
    private const ushort SOCK_DIAG_BY_FAMILY = 20;
    private const ushort SOCK_DESTROY = 21;
    private const ushort NLM_F_REQUEST = 0x1;
    private const ushort NLM_F_ACK = 0x4;
    private const ushort NLM_F_DUMP = 0x300;
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;
    private const int TCP_ESTABLISHED = 1; // of UDP: connected
    private const byte IPPROTO_UDP = 17;
    private const int BufferSize = 32768; // what the kernel fills at the most for one reply of a dump

    private SocketDiagnosis(int descriptor)
        : base(-1, ownsHandle: true) => SetHandle(descriptor);

    public override bool IsInvalid => handle < 0;

    /// <summary>
    /// Opens that of a namespace. The calling thread is in that namespace for two system calls, and a thread that is started meanwhile
    /// would stay there: only for a thread that does nothing else and ends when this throws.
    /// </summary>
    /// <param name="path">Such as <c>/proc/1/ns/net</c>; null: the caller's own.</param>
    /// <exception cref="Win32Exception">It is gone (ENOENT), CAP_SYS_PTRACE is missing (EACCES on opening) or CAP_SYS_ADMIN (EPERM).</exception>
    public static SocketDiagnosis Open(string? path)
    {
        int descriptor = path == null ? OpenHere() : OpenIn(path);
        SocketDiagnosis opened = descriptor >= 0 ? new SocketDiagnosis(descriptor) : throw LastError("open a netlink socket for sock_diag");
        // The kernel answers at once; should it not, nobody waits for ever.
        Libc.timeval timeout = new() { tv_sec = 2 };
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, &timeout, (uint)sizeof(Libc.timeval));
        return opened;
    }

    /// <summary>The connected UDP sockets of both families at this moment.</summary>
    /// <exception cref="Win32Exception">The kernel has no udp_diag (ENOENT).</exception>
    public IReadOnlyList<ConnectedSocket> Connected()
    {
        List<ConnectedSocket> found = [];
        Dump(Libc.AF_INET, found);
        Dump(Libc.AF_INET6, found);
        return found;
    }

    /// <summary>
    /// Disconnects a socket and gives its owner ECONNABORTED. The kernel compares the cookie, so that another socket that has the same addresses
    /// by now is left alone.
    /// </summary>
    /// <returns>False when the socket is gone, or no longer connected so.</returns>
    /// <exception cref="Win32Exception">
    /// CAP_NET_ADMIN in the user namespace of the network namespace is missing (EPERM), or the kernel lacks CONFIG_INET_DIAG_DESTROY (EOPNOTSUPP).
    /// </exception>
    public bool TryDestroy(in ConnectedSocket socket)
    {
        int error = Request(SOCK_DESTROY, NLM_F_ACK, socket.Family, socket.Id, null);
        return error switch
        {
            0 => true,
            Libc.ENOENT => false,
            _ => throw new Win32Exception(error, $"cannot destroy a socket: {Marshal.GetPInvokeErrorMessage(error)}"),
        };
    }

    /// <summary>Whether this kernel destroys UDP sockets (4.9, CONFIG_INET_DIAG_DESTROY), found out on one that is nobody's.</summary>
    public static bool CanDestroy()
    {
        try
        {
            using SocketDiagnosis here = Open(null);
            here.Connected(); // fails without udp_diag, which SOCK_DESTROY would only call "no such socket"
            return !here.TryDestroy(new ConnectedSocket(Libc.AF_INET, default));
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;

    private static int OpenHere() => Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    private static int OpenIn(string path)
    {
        int there = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (there < 0)
            throw LastError($"open {path}");
        int own = Libc.open("/proc/thread-self/ns/net", Libc.O_RDONLY | Libc.O_CLOEXEC);
        int error = 0, descriptor = -1;
        if (own < 0 || Libc.setns(there, Libc.CLONE_NEWNET) != 0)
        {
            error = Marshal.GetLastPInvokeError();
        }
        else
        {
            descriptor = OpenHere();
            if (descriptor < 0 || Libc.setns(own, Libc.CLONE_NEWNET) != 0)
                error = Marshal.GetLastPInvokeError();
        }

        Libc.close(there);
        Libc.close(own);
        if (error == 0)
            return descriptor;
        Libc.close(descriptor);
        throw new Win32Exception(error, $"cannot enter {path}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private void Dump(int family, List<ConnectedSocket> found)
    {
        int error = Request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, (byte)family, default, found);
        if (error != 0)
            throw new Win32Exception(error, $"cannot list UDP sockets: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>Sends one request and reads until its end.</summary>
    /// <param name="found">Takes the sockets that are listed; null where none are.</param>
    /// <returns>The errno of the reply; 0 for none.</returns>
    private int Request(ushort type, ushort flags, byte family, in Libc.inet_diag_sockid id, List<ConnectedSocket>? found)
    {
        int length = sizeof(Libc.nlmsghdr) + sizeof(Libc.inet_diag_req_v2);
        byte* message = stackalloc byte[length];
        *(Libc.nlmsghdr*)message = new Libc.nlmsghdr { nlmsg_len = (uint)length, nlmsg_type = type, nlmsg_flags = (ushort)(NLM_F_REQUEST | flags) };
        *(Libc.inet_diag_req_v2*)(message + sizeof(Libc.nlmsghdr)) = new Libc.inet_diag_req_v2
        {
            sdiag_family = family,
            sdiag_protocol = IPPROTO_UDP,
            idiag_states = 1u << TCP_ESTABLISHED,
            id = id,
        };
        if (Libc.send((int)handle, message, (nuint)length, 0) != length)
            return Marshal.GetLastPInvokeError();

        byte[] buffer = new byte[BufferSize];
        while (true)
        {
            nint received;
            fixed (byte* pointer = buffer)
                received = Libc.recv((int)handle, pointer, BufferSize, 0);
            if (received < 0)
                return Marshal.GetLastPInvokeError();
            if (Read(buffer.AsSpan(0, (int)received), found) is { } error)
                return error;
        }
    }

    /// <returns>The errno that ends the reply; null when more is to come.</returns>
    private static int? Read(ReadOnlySpan<byte> reply, List<ConnectedSocket>? found)
    {
        while (reply.Length >= sizeof(Libc.nlmsghdr))
        {
            Libc.nlmsghdr header = MemoryMarshal.Read<Libc.nlmsghdr>(reply);
            ReadOnlySpan<byte> body = reply[sizeof(Libc.nlmsghdr)..(int)header.nlmsg_len];
            if (header.nlmsg_type is NLMSG_ERROR or NLMSG_DONE)
                return body.Length >= sizeof(int) ? -MemoryMarshal.Read<int>(body) : 0;
            if (found != null && header.nlmsg_type == SOCK_DIAG_BY_FAMILY)
            {
                Libc.inet_diag_msg listed = MemoryMarshal.Read<Libc.inet_diag_msg>(body);
                found.Add(new ConnectedSocket(listed.idiag_family, listed.id));
            }

            reply = reply[Math.Min(reply.Length, (int)(header.nlmsg_len + 3) & ~3)..];
        }

        return null;
    }

    private static Win32Exception LastError(string action) =>
        new(Marshal.GetLastPInvokeError(), $"cannot {action}: {Marshal.GetLastPInvokeErrorMessage()}");
}

/// <summary>One connected UDP socket as the kernel lists it.</summary>
public readonly unsafe struct ConnectedSocket
{
    internal ConnectedSocket(byte family, in Libc.inet_diag_sockid id)
    {
        Family = family;
        Id = id;
    }

    internal byte Family { get; }

    internal Libc.inet_diag_sockid Id { get; }

    /// <summary>What BPF programs call the socket's cookie: of the whole host, never given twice (5.4).</summary>
    public ulong Cookie
    {
        get
        {
            Libc.inet_diag_sockid id = Id;
            return id.idiag_cookie[0] | (ulong)id.idiag_cookie[1] << 32;
        }
    }

    public Endpoint Local
    {
        get
        {
            Libc.inet_diag_sockid id = Id;
            return ToEndpoint(id.idiag_src, id.idiag_sport);
        }
    }

    public Endpoint Remote
    {
        get
        {
            Libc.inet_diag_sockid id = Id;
            return ToEndpoint(id.idiag_dst, id.idiag_dport);
        }
    }

    private Endpoint ToEndpoint(uint* address, ushort port)
    {
        ReadOnlySpan<byte> bytes = new(address, Family == Libc.AF_INET ? 4 : 16);
        Endpoint endpoint = Endpoint.From(new IPEndPoint(new IPAddress(bytes), 0), Endpoint.Udp);
        endpoint.port = port;
        return endpoint;
    }
}

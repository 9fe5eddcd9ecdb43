using System.ComponentModel;
using System.Net;
using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>Addresses on <c>lo</c>, through rtnetlink (rtnetlink(7)).</summary>
public static unsafe class LoopbackAddress
{
    private const ushort RTM_NEWADDR = 20;
    private const ushort RTM_DELADDR = 21;
    private const ushort NLM_F_REQUEST = 0x1;
    private const ushort NLM_F_ACK = 0x4;
    private const ushort NLM_F_EXCL = 0x200;
    private const ushort NLM_F_CREATE = 0x400;
    private const ushort IFA_ADDRESS = 1;
    private const ushort IFA_LOCAL = 2;
    private const byte IFA_F_NODAD = 0x02; // usable at once: nobody else can have an address of this host's lo
    private const byte RT_SCOPE_HOST = 254;
    private const int HeaderSize = 24; // nlmsghdr and ifaddrmsg

    /// <summary>Adds the address as a /32 or /128; nothing happens when it is there.</summary>
    /// <exception cref="Win32Exception">CAP_NET_ADMIN is missing, or the kernel has no IPv6.</exception>
    public static void Add(IPAddress address) =>
        Change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, ignored: Libc.EEXIST, "add", "to");

    /// <summary>Removes the address; nothing happens when it is not there.</summary>
    /// <exception cref="Win32Exception">CAP_NET_ADMIN is missing.</exception>
    public static void Remove(IPAddress address) =>
        Change(RTM_DELADDR, 0, address, ignored: 99 /* EADDRNOTAVAIL */, "remove", "from");

    private static void Change(ushort type, ushort flags, IPAddress address, int ignored, string verb, string preposition)
    {
        byte[] ip = address.GetAddressBytes();
        Span<byte> message = stackalloc byte[HeaderSize + 2 * (4 + ip.Length)];
        message.Clear();
        BitConverter.TryWriteBytes(message, message.Length);
        BitConverter.TryWriteBytes(message[4..], type);
        BitConverter.TryWriteBytes(message[6..], (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags));
        message[16] = (byte)(ip.Length == 4 ? Libc.AF_INET : Libc.AF_INET6);
        message[17] = (byte)(8 * ip.Length);
        message[18] = IFA_F_NODAD;
        message[19] = RT_SCOPE_HOST;
        BitConverter.TryWriteBytes(message[20..], Libc.if_nametoindex("lo"));
        WriteAttribute(message[HeaderSize..], IFA_LOCAL, ip);
        WriteAttribute(message[(HeaderSize + 4 + ip.Length)..], IFA_ADDRESS, ip);

        int error = Exchange(message);
        if (error != 0 && error != ignored)
            throw new Win32Exception(error, $"cannot {verb} {address} {preposition} lo: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static void WriteAttribute(Span<byte> to, ushort type, byte[] value)
    {
        BitConverter.TryWriteBytes(to, (ushort)(4 + value.Length));
        BitConverter.TryWriteBytes(to[2..], type);
        value.CopyTo(to[4..]);
    }

    /// <summary>Sends one request and returns the errno of its acknowledgement.</summary>
    private static int Exchange(ReadOnlySpan<byte> message)
    {
        NativeSocket netlink = new(Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0));
        byte* reply = stackalloc byte[1024];
        nint received = -1;
        fixed (byte* request = message)
        {
            if (Libc.send(netlink.Descriptor, request, (nuint)message.Length, 0) == message.Length)
                received = Libc.recv(netlink.Descriptor, reply, 1024, 0);
        }

        int error = received >= 20 ? -*(int*)(reply + 16) : Marshal.GetLastPInvokeError();
        netlink.Close();
        return error;
    }
}

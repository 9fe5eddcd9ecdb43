using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Agent.Native.Tests.Support;

namespace Agent.Native.Tests.Layout;

/// <summary>What Agent.Native repeats of the C headers, compiled against the headers (an idea of Tmds.LibC).</summary>
public partial class LibcLayoutTests
{
    private const BindingFlags Statics = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly Assembly _native = typeof(NativeSocket).Assembly;

    private static CProgram WithHeaders() => new(
        "<errno.h>", "<fcntl.h>", "<sched.h>", "<sys/epoll.h>", "<sys/eventfd.h>", "<sys/mman.h>", "<linux/futex.h>", "<sys/resource.h>", "<sys/socket.h>", "<sys/stat.h>", "<sys/time.h>", "<sys/uio.h>",
        "<netinet/in.h>", "<netinet/tcp.h>", "<linux/bpf.h>", "<linux/if_addr.h>", "<linux/inet_diag.h>", "<linux/netlink.h>", "<linux/rtnetlink.h>",
        "<linux/sock_diag.h>");

    /// <summary>A constant in C spelling: AF_INET, BPF_FUNC_get_current_ancestor_cgroup_id.</summary>
    [GeneratedRegex("^[A-Z]+(_[A-Za-z0-9]+)*$")]
    private static partial Regex CSpelling();

    [Fact]
    public void Structs_have_the_sizes_and_offsets_of_the_C_headers()
    {
        CProgram program = WithHeaders();
        foreach (Type type in _native.GetType("Agent.Native.Libc")!.GetNestedTypes(BindingFlags.NonPublic).Where(type => type.IsValueType))
        {
            program.AssertEqual($"sizeof(struct {type.Name})", Marshal.SizeOf(type));
            foreach (FieldInfo field in type.GetFields())
            {
                int size = field.FieldType.IsPointer ? IntPtr.Size : Marshal.SizeOf(field.FieldType);
                program.AssertField($"struct {type.Name}", field.Name, (int)Marshal.OffsetOf(type, field.Name), size);
            }
        }

        program.Compile(atLeast: 8 + 2 * (2 + 7 + 2 + 2 + 3 + 3 + 3 + 2) + 4 + 2 * (5 + 6 + 6 + 10));
    }

    [Fact]
    public void Constants_in_C_spelling_have_the_values_of_the_C_headers()
    {
        CProgram program = WithHeaders();
        foreach (FieldInfo constant in _native.GetTypes().Where(type => !type.IsEnum).SelectMany(type => type.GetFields(Statics)))
        {
            if (constant.IsLiteral && CSpelling().IsMatch(constant.Name))
                program.AssertEqual(constant.Name, Convert.ToInt64(constant.GetRawConstantValue()));
        }

        program.Compile(atLeast: 45);
    }

    [Fact]
    public void The_poller_s_layout_and_events_are_epoll_s()
    {
        int Constant(string name) => (int)typeof(Poller).GetField(name, Statics)!.GetValue(null)!;
        WithHeaders()
            .AssertEqual("sizeof(struct epoll_event)", Constant("EventSize"))
            .AssertField("struct epoll_event", "data", Constant("TokenOffset"), sizeof(ulong))
            .AssertField("struct epoll_event", "events", 0, sizeof(uint))
            .AssertEqual("EPOLLIN", (uint)PollEvents.Readable)
            .AssertEqual("EPOLLOUT", (uint)PollEvents.Writable)
            .AssertEqual("EPOLLERR", (uint)PollEvents.Error)
            .AssertEqual("EPOLLHUP", (uint)PollEvents.HangUp)
            .Compile(atLeast: 9);
    }

    [Fact]
    public void Offsets_that_are_read_without_a_struct_are_the_C_headers()
    {
        WithHeaders()
            .AssertEqual("offsetof(struct statx, stx_ino)", (int)typeof(FileIdentity).GetField("InodeOffset", Statics)!.GetRawConstantValue()!)
            .AssertEqual("sizeof(struct statx) <= 256", 1)
            .AssertField("struct bpf_link_info", "cgroup.cgroup_id", 16, 8) // BpfLink.CgroupId
            .AssertField("struct bpf_map_info", "key_size", 8, 4) // BpfMap.Open
            .AssertField("struct bpf_map_info", "value_size", 12, 4)
            .AssertEqual("BPF_NOEXIST", 1) // BpfMap.AddPerCpu
            .AssertEqual("EINVAL", 22)
            .AssertEqual("EADDRNOTAVAIL", 99) // LoopbackAddress.Remove
            .AssertEqual("sizeof(struct nlmsghdr) + sizeof(struct ifaddrmsg)", 24)
            .AssertField("struct nlmsghdr", "nlmsg_type", 4, 2)
            .AssertField("struct nlmsghdr", "nlmsg_flags", 6, 2)
            .AssertField("struct ifaddrmsg", "ifa_prefixlen", 1, 1)
            .AssertField("struct ifaddrmsg", "ifa_flags", 2, 1)
            .AssertField("struct ifaddrmsg", "ifa_scope", 3, 1)
            .AssertField("struct ifaddrmsg", "ifa_index", 4, 4)
            .AssertEqual("sizeof(struct nlmsghdr) + offsetof(struct nlmsgerr, error)", 16)
            .Compile(atLeast: 20);
    }

    [Fact]
    public void A_SockAddr_is_a_sockaddr_in_or_a_sockaddr_in6()
    {
        WithHeaders()
            .AssertEqual("sizeof(struct sockaddr_in)", SockAddr.From(new IPEndPoint(IPAddress.Loopback, 53)).Length)
            .AssertEqual("sizeof(struct sockaddr_in6)", SockAddr.From(new IPEndPoint(IPAddress.IPv6Loopback, 53)).Length)
            .AssertEqual("sizeof(struct sockaddr_in6)", SockAddr.Size)
            .AssertField("struct sockaddr_in", "sin_family", 0, 2)
            .AssertField("struct sockaddr_in", "sin_port", 2, 2)
            .AssertField("struct sockaddr_in", "sin_addr", 4, 4)
            .AssertField("struct sockaddr_in6", "sin6_family", 0, 2)
            .AssertField("struct sockaddr_in6", "sin6_port", 2, 2)
            .AssertField("struct sockaddr_in6", "sin6_addr", 8, 16)
            .Compile(atLeast: 15);
    }
}

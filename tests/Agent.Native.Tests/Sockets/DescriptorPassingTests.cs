using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Agent.Native.Tests.Sockets;

public sealed class DescriptorPassingTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"lra-{Guid.NewGuid():N}");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _sender = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _receiver;

    public DescriptorPassingTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
        _sender.Connect(new UnixDomainSocketEndPoint(_path));
        _receiver = _listener.Accept();
    }

    public void Dispose()
    {
        _receiver.Dispose();
        _sender.Dispose();
        _listener.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void What_waits_in_a_socket_is_read_by_who_was_handed_it_after_the_first_owner_closed_it(string address)
    {
        NativeSocket own = NativeSocket.ListenUdp(Loopback.Any(address), Loopback.ShortTimeout);
        IPEndPoint server = own.LocalEndPoint();
        using Socket client = Loopback.Client(server);
        client.Send([1, 2, 3]);

        Assert.True(DescriptorPassing.TrySend(_sender.SafeHandle, own));
        own.Close();
        Assert.True(DescriptorPassing.TryReceive(_receiver.SafeHandle, out NativeSocket handed));

        byte[] datagram = new byte[16];
        Assert.Equal(3, handed.ReceiveDatagram(datagram));
        Assert.Equal(server, handed.LocalEndPoint());
        Assert.False(handed.IsStream);
        handed.Close();
    }

    [Fact]
    public void Sockets_arrive_one_by_one_and_in_order_and_the_end_is_seen()
    {
        NativeSocket[] sockets = [NativeSocket.ListenTcp(Loopback.Any("127.0.0.1")), NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout)];
        Assert.All(sockets, socket => Assert.True(DescriptorPassing.TrySend(_sender.SafeHandle, socket)));
        _sender.Shutdown(SocketShutdown.Send);

        foreach (NativeSocket socket in sockets)
        {
            Assert.True(DescriptorPassing.TryReceive(_receiver.SafeHandle, out NativeSocket handed));
            Assert.Equal((socket.IsStream, socket.LocalEndPoint(), socket.Cookie()), (handed.IsStream, handed.LocalEndPoint(), handed.Cookie()));
            handed.Close();
            socket.Close();
        }

        Assert.False(DescriptorPassing.TryReceive(_receiver.SafeHandle, out _));
    }

    [Fact]
    public void A_byte_without_a_socket_and_a_peer_that_is_gone_are_refused()
    {
        _sender.Send([0]);
        Assert.False(DescriptorPassing.TryReceive(_receiver.SafeHandle, out _));
        _receiver.Dispose();
        NativeSocket socket = NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout);
        Assert.False(DescriptorPassing.TrySend(_sender.SafeHandle, socket));
        socket.Close();
    }

    [Fact]
    public void Two_sockets_with_one_byte_are_refused_and_closed()
    {
        NativeSocket first = NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout);
        NativeSocket second = NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout);
        string[] own = [LinkOf(first), LinkOf(second)];
        SendTogether(first, second);
        first.Close();
        second.Close();

        Assert.False(DescriptorPassing.TryReceive(_receiver.SafeHandle, out _));

        Assert.Empty(Directory.GetFiles("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).Intersect(own));
    }

    private static string LinkOf(NativeSocket socket) => new FileInfo($"/proc/self/fd/{socket.Descriptor}").LinkTarget!;

    /// <summary>One control message with two descriptors, laid out as in cmsg(3).</summary>
    private void SendTogether(NativeSocket first, NativeSocket second)
    {
        byte[] control = [.. BitConverter.GetBytes(24L), .. BitConverter.GetBytes(1), .. BitConverter.GetBytes(1), .. BitConverter.GetBytes(first.Descriptor), .. BitConverter.GetBytes(second.Descriptor)];
        GCHandle data = GCHandle.Alloc(new byte[1], GCHandleType.Pinned);
        GCHandle pinned = GCHandle.Alloc(control, GCHandleType.Pinned);
        GCHandle vector = GCHandle.Alloc(new[] { data.AddrOfPinnedObject(), 1 }, GCHandleType.Pinned);
        nint[] message = [0, 0, vector.AddrOfPinnedObject(), 1, pinned.AddrOfPinnedObject(), control.Length, 0];
        Assert.Equal(1, SendMessage((int)_sender.Handle, message, 0));
        vector.Free();
        pinned.Free();
        data.Free();
    }

    [DllImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static extern nint SendMessage(int descriptor, nint[] message, int flags);
}

using System.ComponentModel;
using System.Net;
using System.Net.Sockets;

namespace Agent.Native.Tests.Sockets;

public sealed class NativeSocketTests : IDisposable
{
    private const int Patience = 5_000; // milliseconds until a test gives up

    private readonly List<NativeSocket> _open = [];
    private readonly byte[] _buffer = new byte[256];

    public static TheoryData<string> Addresses => Loopback.Addresses;

    public void Dispose()
    {
        foreach (NativeSocket socket in _open)
            socket.Close();
    }

    private NativeSocket Keep(NativeSocket socket)
    {
        _open.Add(socket);
        return socket;
    }

    private static PollEvents WaitFor(NativeSocket socket, PollEvents events)
    {
        using Poller poller = new();
        Assert.True(poller.Add(socket, events, 1));
        Assert.Equal(1, poller.Wait(Patience));
        return poller.Events(0);
    }

    private NativeSocket Connect(bool isTcp, IPEndPoint server)
    {
        SockAddr address = SockAddr.From(server);
        bool isConnected = isTcp ? NativeSocket.TryConnectTcp(address, out NativeSocket client, out _) : NativeSocket.TryConnectUdp(address, out client, out _);
        Assert.True(isConnected);
        return Keep(client);
    }

    [Fact]
    public void Workers_share_one_UDP_address()
    {
        NativeSocket first = Keep(NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout));
        NativeSocket second = Keep(NativeSocket.ListenUdp(first.LocalEndPoint(), Loopback.ShortTimeout));
        Assert.Equal(first.LocalEndPoint(), second.LocalEndPoint());
    }

    [Fact]
    public void An_address_that_is_not_this_host_s_is_an_error_that_names_it()
    {
        IPEndPoint foreign = new(IPAddress.Parse("192.0.2.1"), 5353);
        Win32Exception udp = Assert.Throws<Win32Exception>(() => NativeSocket.ListenUdp(foreign, Loopback.ShortTimeout));
        Assert.Equal(99, udp.NativeErrorCode); // EADDRNOTAVAIL
        Assert.Contains("192.0.2.1:5353", udp.Message);
        Assert.Throws<Win32Exception>(() => NativeSocket.ListenTcp(foreign));
    }

    [Fact]
    public void A_TCP_address_in_use_is_an_error_that_names_it()
    {
        IPEndPoint taken = Keep(NativeSocket.ListenTcp(Loopback.Any("127.0.0.1"))).LocalEndPoint();
        Win32Exception error = Assert.Throws<Win32Exception>(() => NativeSocket.ListenTcp(taken));
        Assert.Equal(98, error.NativeErrorCode); // EADDRINUSE
        Assert.Contains(taken.ToString(), error.Message);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void A_TCP_connection_is_accepted_used_and_closed(string address)
    {
        NativeSocket listener = Keep(NativeSocket.ListenTcp(Loopback.Any(address)));
        Assert.Equal((false, false), (listener.TryAccept(out _, out _, out bool isExhausted), isExhausted));
        NativeSocket client = Connect(isTcp: true, listener.LocalEndPoint());
        Assert.Equal(PollEvents.Writable, WaitFor(client, PollEvents.Writable));
        Assert.True(listener.TryAccept(out NativeSocket server, out SockAddr from, out _));
        Assert.Equal(client.LocalEndPoint(), from.ToEndPoint());

        Assert.Equal(0, server.Receive(_buffer)); // nothing yet, and no waiting
        Assert.Equal(3, client.Send([1, 2, 3]));
        Assert.Equal(PollEvents.Readable, WaitFor(server, PollEvents.Readable));
        Assert.Equal(3, server.Receive(_buffer));
        Assert.Equal([1, 2, 3], _buffer[..3]);

        server.Close();
        Assert.True(WaitFor(client, PollEvents.Readable).HasFlag(PollEvents.Readable));
        Assert.True(client.Receive(_buffer) < 0);
    }

    [Fact]
    public void A_full_TCP_connection_takes_no_more_bytes_and_does_not_block()
    {
        NativeSocket listener = Keep(NativeSocket.ListenTcp(Loopback.Any("127.0.0.1")));
        NativeSocket client = Connect(isTcp: true, listener.LocalEndPoint());
        WaitFor(client, PollEvents.Writable);
        Assert.True(listener.TryAccept(out NativeSocket server, out _, out _));
        Keep(server);
        byte[] chunk = new byte[1 << 16];
        int sent;
        do
        {
            sent = client.Send(chunk);
        }
        while (sent > 0);
        Assert.Equal(0, sent);
    }

    [Fact]
    public void Sending_on_a_connection_that_the_peer_reset_is_an_error_and_no_signal()
    {
        NativeSocket listener = Keep(NativeSocket.ListenTcp(Loopback.Any("127.0.0.1")));
        NativeSocket client = Connect(isTcp: true, listener.LocalEndPoint());
        WaitFor(client, PollEvents.Writable);
        Assert.True(listener.TryAccept(out NativeSocket server, out _, out _));
        client.Send([1]);
        server.Close(); // with a byte unread: a reset
        Assert.True((WaitFor(client, PollEvents.Readable) & (PollEvents.Error | PollEvents.HangUp)) != 0);
        while (client.Send([1]) >= 0)
        {
            // the first send may still take what the reset has put there
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_closed_port_is_reported_as_a_broken_socket(bool isTcp)
    {
        IPEndPoint closed;
        using (Socket reserved = new(AddressFamily.InterNetwork, isTcp ? SocketType.Stream : SocketType.Dgram, isTcp ? ProtocolType.Tcp : ProtocolType.Udp))
        {
            reserved.Bind(Loopback.Any("127.0.0.1")); // taken but not listening: the port stays closed while the test runs
            closed = (IPEndPoint)reserved.LocalEndPoint!;
            if (!isTcp)
                reserved.Close();
            NativeSocket client = Connect(isTcp, closed);
            if (!isTcp)
                client.Send([1]);
            Assert.True((WaitFor(client, PollEvents.Readable) & PollEvents.Error) != 0);
            Assert.True(client.Receive(_buffer) < 0);
        }
    }

    [Fact]
    public void A1_a_connected_UDP_socket_hears_its_server_alone()
    {
        using Socket server = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(Loopback.Any("127.0.0.1"));
        NativeSocket client = Connect(isTcp: false, (IPEndPoint)server.LocalEndPoint!);
        stranger.SendTo([66], client.LocalEndPoint());
        Assert.Equal(0, client.Receive(_buffer));
        server.SendTo([42], client.LocalEndPoint());
        WaitFor(client, PollEvents.Readable);
        Assert.Equal(1, client.Receive(_buffer));
        Assert.Equal(42, _buffer[0]);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void A4_a_datagram_tells_the_interface_that_it_came_in_through(string address)
    {
        using Socket server = new(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(Loopback.Any(address));
        NativeSocket client = Connect(isTcp: false, (IPEndPoint)server.LocalEndPoint!);
        Assert.Equal((NativeSocket.Nothing, 0), (client.ReceiveDatagram(_buffer, out int index), index));
        server.SendTo([42], client.LocalEndPoint());
        WaitFor(client, PollEvents.Readable);
        Assert.Equal((1, LoopbackIndex()), (client.ReceiveDatagram(_buffer, out index), index));

        static int LoopbackIndex() => int.Parse(File.ReadAllText("/sys/class/net/lo/ifindex"));
    }

    [Fact]
    public void A1_every_query_gets_a_port_of_its_own()
    {
        NativeSocket server = Keep(NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout));
        int[] ports = [.. Enumerable.Range(0, 50).Select(_ => Connect(isTcp: false, server.LocalEndPoint()).LocalEndPoint().Port)];
        Assert.Equal(50, ports.Distinct().Count());
        Assert.True(ports.Zip(ports.Skip(1)).Count(pair => pair.Second - pair.First is 1 or 2) < 10, "ports are given in sequence");
    }

    [Fact]
    public void F1_the_liveness_socket_talks_to_itself_alone()
    {
        NativeSocket liveness = Keep(NativeSocket.OpenLiveness());
        Assert.Equal(liveness.LocalEndPoint(), liveness.RemoteEndPoint());
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.SendTo([1], liveness.LocalEndPoint());
        Assert.Equal(0, liveness.Receive(_buffer));
    }

    [Fact]
    public void A_pair_carries_bytes_both_ways_until_one_end_closes()
    {
        Assert.True(NativeSocket.TryOpenPair(out NativeSocket near, out NativeSocket far));
        Keep(near);
        Assert.Equal(2, near.Send([1, 2]));
        Assert.Equal(2, far.Receive(_buffer));
        Assert.Equal(1, far.Send([3]));
        far.Close();
        Assert.Equal(1, near.Receive(_buffer));
        Assert.Equal(3, _buffer[0]);
        Assert.True(near.Receive(_buffer) < 0);
        Assert.True(near.Send([4]) < 0);
    }

    [Fact]
    public void The_limit_of_descriptors_is_the_process_s() =>
        Assert.Equal(
            File.ReadLines("/proc/self/limits").First(line => line.StartsWith("Max open files", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[3],
            DescriptorLimit.Soft == int.MaxValue ? "unlimited" : $"{DescriptorLimit.Soft}");

    [Fact]
    public void Closing_no_socket_does_no_harm() => new NativeSocket(-1).Close();
}

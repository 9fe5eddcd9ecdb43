using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Agent.Native.Tests.Sockets;

public sealed class UdpBatchTests : IDisposable
{
    private readonly UdpBatch _batch = new();
    private readonly List<NativeSocket> _open = [];

    public static TheoryData<string> Addresses => Loopback.Addresses;

    public void Dispose()
    {
        foreach (NativeSocket socket in _open)
            socket.Close();
    }

    private NativeSocket Listen(string address = "127.0.0.1")
    {
        NativeSocket socket = NativeSocket.ListenUdp(Loopback.Any(address), Loopback.ShortTimeout);
        _open.Add(socket);
        return socket;
    }

    /// <summary>Puts a reply that is the query with a mark before it.</summary>
    private void Echo(int slot)
    {
        Span<byte> reply = _batch.Reply(slot);
        reply[0] = (byte)'>';
        ReadOnlySpan<byte> query = _batch.Query(slot);
        query.CopyTo(reply[1..]);
        _batch.SetReplyLength(slot, query.Length + 1);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void A_batch_of_64_is_received_at_once_and_each_reply_reaches_its_sender(string address)
    {
        NativeSocket server = Listen(address);
        Socket[] clients = [.. Enumerable.Range(0, 8).Select(_ => Loopback.Client(server.LocalEndPoint()))];
        for (int i = 0; i < 70; i++)
            clients[i % 8].Send(Encoding.ASCII.GetBytes($"query {i}"));

        int total = 0;
        foreach (int expected in new[] { 64, 6 })
        {
            Assert.Equal(expected, _batch.Receive(server, wait: true));
            for (int slot = 0; slot < expected; slot++, total++)
            {
                Assert.Equal($"query {total}", Encoding.ASCII.GetString(_batch.Query(slot)));
                Assert.Equal(clients[total % 8].LocalEndPoint, _batch.Sender(slot).ToEndPoint());
                Echo(slot);
            }

            Assert.Equal(0, _batch.Send(server));
        }

        for (int i = 0; i < 70; i++)
            Assert.Equal($">query {i}", Encoding.ASCII.GetString(clients[i % 8].Receive()));
        Array.ForEach(clients, client => client.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_to_receive_is_an_empty_batch_at_once_or_after_the_socket_s_timeout(bool wait) =>
        Assert.Equal(0, _batch.Receive(Listen(), wait));

    [Fact]
    public void A_datagram_longer_than_a_slot_is_seen_as_empty_and_spoils_no_other()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        client.Send(new byte[UdpBatch.QuerySize]);
        client.Send(new byte[UdpBatch.QuerySize + 1]);
        client.Send([1, 2, 3]);
        client.Send(Array.Empty<byte>());
        Assert.Equal(4, _batch.Receive(server, wait: true));
        Assert.Equal([UdpBatch.QuerySize, 0, 3, 0], Enumerable.Range(0, 4).Select(slot => _batch.Query(slot).Length));
        Assert.Equal([1, 2, 3], _batch.Query(2).ToArray());

        client.Send([4]);
        client.Send([5, 6]);
        Assert.Equal(2, _batch.Receive(server, wait: true));
        Assert.Equal([4], _batch.Query(0).ToArray());
        Assert.Equal([5, 6], _batch.Query(1).ToArray()); // the slot of the long one is whole again
    }

    [Fact]
    public void A_reply_of_length_0_is_silence()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        client.Send("one"u8);
        client.Send("two"u8);
        client.Send("three"u8);
        Assert.Equal(3, _batch.Receive(server, wait: true));
        _batch.SetReplyLength(0, 0);
        Echo(1);
        _batch.SetReplyLength(2, -1);
        Assert.Equal(0, _batch.Send(server));
        Assert.Equal(">two", Encoding.ASCII.GetString(client.Receive()));
        Assert.Equal(0, client.Available);
        Assert.Equal(0, _batch.Send(server)); // nothing is sent twice
        Assert.Equal(0, client.Available);
    }

    [Fact]
    public void A_reply_as_long_as_its_slot_arrives_whole()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        client.Send([1]);
        Assert.Equal(1, _batch.Receive(server, wait: true));
        new Random(1).NextBytes(_batch.Reply(0));
        Assert.Equal(UdpBatch.ReplySize, _batch.Reply(0).Length);
        byte[] expected = _batch.Reply(0).ToArray();
        _batch.SetReplyLength(0, UdpBatch.ReplySize);
        _batch.Send(server);
        Assert.Equal(expected, client.Receive());
    }

    [Fact]
    public void Replies_that_the_kernel_refuses_are_counted_and_the_others_sent()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        SockAddr good = SockAddr.From((IPEndPoint)client.LocalEndPoint!);
        SockAddr bad = SockAddr.From(new IPEndPoint(IPAddress.Loopback, 0)); // nobody can be sent to at port 0
        SockAddr[] order = [bad, good, bad, bad, good, bad];
        for (int i = 0; i < order.Length; i++)
        {
            int slot = _batch.TakeSlot(order[i]);
            _batch.Reply(slot)[0] = (byte)i;
            _batch.SetReplyLength(slot, 1);
        }

        Assert.Equal(4, _batch.Send(server));
        Assert.Equal([1], client.Receive());
        Assert.Equal([4], client.Receive());
    }

    [Fact]
    public void Slots_for_late_replies_run_out_at_64_and_are_free_again_after_a_send()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        SockAddr address = SockAddr.From((IPEndPoint)client.LocalEndPoint!);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < UdpBatch.Capacity; i++)
            {
                int silent = _batch.TakeSlot(address);
                _batch.SetReplyLength(silent, 0); // takes no slot
                int slot = _batch.TakeSlot(address);
                Assert.Equal(silent, slot);
                _batch.Reply(slot)[0] = (byte)i;
                _batch.SetReplyLength(slot, 1);
            }

            Assert.True(_batch.TakeSlot(address) < 0);
            Assert.Equal(0, _batch.Send(server));
            for (int i = 0; i < UdpBatch.Capacity; i++)
                Assert.Equal([(byte)i], client.Receive());
        }
    }

    [Fact]
    public void Receiving_and_sending_allocates_nothing()
    {
        NativeSocket server = Listen();
        using Socket client = Loopback.Client(server.LocalEndPoint());
        byte[] buffer = new byte[16];
        long Turn()
        {
            client.Send([1]);
            long before = GC.GetAllocatedBytesForCurrentThread();
            _batch.Receive(server, wait: true);
            Echo(0);
            _batch.Send(server);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            client.Receive(buffer);
            return allocated;
        }

        Turn();
        Assert.Equal(0, Turn());
    }
}

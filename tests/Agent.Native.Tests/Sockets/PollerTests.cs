using System.Net.Sockets;

namespace Agent.Native.Tests.Sockets;

public sealed class PollerTests : IDisposable
{
    private const int Patience = 5_000; // milliseconds until a test gives up

    private readonly Poller _poller = new();
    private readonly List<NativeSocket> _open = [];

    public void Dispose()
    {
        _poller.Dispose();
        foreach (NativeSocket socket in _open)
            socket.Close();
    }

    private NativeSocket Listen()
    {
        NativeSocket socket = NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout);
        _open.Add(socket);
        return socket;
    }

    private static void SendTo(NativeSocket socket)
    {
        using Socket client = Loopback.Client(socket.LocalEndPoint());
        client.Send([1]);
    }

    [Fact]
    public void Nothing_happens_on_no_socket() => Assert.Equal(0, _poller.Wait(0));

    [Fact]
    public void Each_event_comes_with_the_whole_token_of_its_socket()
    {
        // Different in every byte, so that a wrong offset or stride between events shows.
        ulong[] tokens = [.. Enumerable.Range(1, 40).Select(i => 0x0102030405060708UL * (ulong)i ^ 0xF000_0000_0000_000FUL)];
        foreach (ulong token in tokens)
        {
            NativeSocket socket = Listen();
            Assert.True(_poller.Add(socket, PollEvents.Readable, token));
            SendTo(socket);
        }

        Assert.Equal(tokens.Length, _poller.Wait(Patience));
        Assert.Equal(tokens.Order(), Enumerable.Range(0, tokens.Length).Select(_poller.Token).Order());
        Assert.All(Enumerable.Range(0, tokens.Length), i => Assert.Equal(PollEvents.Readable, _poller.Events(i)));
    }

    [Fact]
    public void An_event_comes_again_until_the_socket_is_read()
    {
        NativeSocket socket = Listen();
        _poller.Add(socket, PollEvents.Readable, 7);
        Assert.Equal(0, _poller.Wait(0));
        SendTo(socket);
        Assert.Equal(1, _poller.Wait(Patience));
        Assert.Equal(1, _poller.Wait(0));
        Assert.Equal(1, new UdpBatch().Receive(socket, wait: false));
        Assert.Equal(0, _poller.Wait(0));
    }

    [Fact]
    public void What_is_watched_for_can_be_changed()
    {
        NativeSocket socket = Listen();
        Assert.False(_poller.Modify(socket, PollEvents.Writable, 1)); // not added yet
        Assert.True(_poller.Add(socket, PollEvents.Readable, 1));
        Assert.False(_poller.Add(socket, PollEvents.Readable, 1)); // twice
        Assert.Equal(0, _poller.Wait(0));
        Assert.True(_poller.Modify(socket, PollEvents.Readable | PollEvents.Writable, 2));
        Assert.Equal(1, _poller.Wait(Patience));
        Assert.Equal((2UL, PollEvents.Writable), (_poller.Token(0), _poller.Events(0)));
    }

    [Fact]
    public void A_closed_socket_is_watched_no_more()
    {
        NativeSocket socket = NativeSocket.ListenUdp(Loopback.Any("127.0.0.1"), Loopback.ShortTimeout);
        _poller.Add(socket, PollEvents.Readable, 1);
        SendTo(socket);
        Assert.Equal(1, _poller.Wait(Patience));
        socket.Close();
        Assert.Equal(0, _poller.Wait(0));
    }

    [Fact]
    public void A_descriptor_that_is_none_cannot_be_watched() => Assert.False(_poller.Add(new NativeSocket(-1), PollEvents.Readable, 1));

    [Fact]
    public void Another_thread_s_calls_are_one_event_until_they_are_cleared()
    {
        WakeEvent wake = WakeEvent.Open();
        Assert.True(_poller.Add(wake, 7));
        Assert.Equal(0, _poller.Wait(0));
        Thread caller = new(() =>
        {
            wake.Set();
            wake.Set();
        });
        caller.Start();
        Assert.Equal((1, 7ul), (_poller.Wait(Patience), _poller.Token(0)));
        caller.Join();
        wake.Clear();
        Assert.Equal(0, _poller.Wait(0));
        wake.Clear(); // does not block
        wake.Close();
    }
}

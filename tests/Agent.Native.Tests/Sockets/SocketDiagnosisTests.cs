using System.ComponentModel;
using System.Net;
using System.Net.Sockets;

namespace Agent.Native.Tests.Sockets;

public sealed class SocketDiagnosisTests : IDisposable
{
    private const int SO_COOKIE = 57;
    private const int EPERM = 1;

    private readonly Socket _server = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
    private readonly SocketDiagnosis _here = SocketDiagnosis.Open(null);

    public SocketDiagnosisTests() => _server.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));

    public static TheoryData<string> Servers
    {
        get
        {
            TheoryData<string> servers = Loopback.Addresses;
            servers.Add("::ffff:127.0.0.1");
            return servers;
        }
    }

    public void Dispose()
    {
        _server.Dispose();
        _here.Dispose();
    }

    private IPEndPoint ServerAt(string address) => new(IPAddress.Parse(address), ((IPEndPoint)_server.LocalEndPoint!).Port);

    private Socket ConnectTo(string server)
    {
        IPEndPoint remote = ServerAt(server);
        Socket client = new(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5_000 };
        if (remote.AddressFamily == AddressFamily.InterNetworkV6)
            client.DualMode = true;
        client.Connect(remote);
        return client;
    }

    private static ulong CookieOf(Socket socket)
    {
        byte[] cookie = new byte[sizeof(ulong)];
        socket.GetRawSocketOption(1 /* SOL_SOCKET */, SO_COOKIE, cookie);
        return BitConverter.ToUInt64(cookie);
    }

    private ConnectedSocket? Find(ulong cookie) => _here.Connected().Where(socket => socket.Cookie == cookie).Select(socket => (ConnectedSocket?)socket).SingleOrDefault();

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_connected_socket_is_listed_with_its_addresses_and_the_cookie_that_it_has(string server)
    {
        using Socket client = ConnectTo(server);

        ConnectedSocket? found = Find(CookieOf(client));

        Assert.NotNull(found);
        Assert.Equal(Endpoint.From((IPEndPoint)client.RemoteEndPoint!, Endpoint.Udp), found.Value.Remote);
        Assert.Equal(Endpoint.From((IPEndPoint)client.LocalEndPoint!, Endpoint.Udp), found.Value.Local);
    }

    [Fact]
    public void A_socket_that_is_not_connected_is_not_listed()
    {
        using Socket other = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        other.SendTo([1], ServerAt("127.0.0.1"));

        Assert.Null(Find(CookieOf(other)));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_destroyed_socket_gives_its_owner_an_error_once_and_can_be_connected_anew(string server)
    {
        using Socket client = ConnectTo(server);
        ConnectedSocket found = Find(CookieOf(client))!.Value;
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Equal(EPERM, Assert.Throws<Win32Exception>(() => _here.TryDestroy(found)).NativeErrorCode);
            return;
        }

        Assert.True(_here.TryDestroy(found));

        SocketException error = Assert.Throws<SocketException>(() => client.Receive(new byte[1]));
        Assert.Equal(SocketError.ConnectionAborted, error.SocketErrorCode);
        Assert.Null(Find(CookieOf(client)));
        Assert.False(_here.TryDestroy(found)); // it is disconnected
        Assert.True(new NativeSocket((int)client.Handle).TryConnect(SockAddr.From(ServerAt(server))));
        Assert.NotNull(Find(CookieOf(client)));
    }

    [Fact]
    public void Another_socket_of_the_same_addresses_is_not_destroyed_in_its_place()
    {
        if (!Environment.IsPrivilegedProcess)
            return;
        Socket first = ConnectTo("127.0.0.1");
        ConnectedSocket found = Find(CookieOf(first))!.Value;
        EndPoint local = first.LocalEndPoint!, remote = first.RemoteEndPoint!;
        first.Dispose();
        using Socket second = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        second.Bind(local);
        second.Connect(remote);

        Assert.False(_here.TryDestroy(found));

        Assert.Equal(1, second.Send([1]));
    }

    [Fact]
    public void Another_namespace_is_opened_without_leaving_one_s_own()
    {
        if (!Environment.IsPrivilegedProcess)
            return;
        string before = OwnNamespace();
        using Socket client = ConnectTo("127.0.0.1");
        using SocketDiagnosis same = SocketDiagnosis.Open($"/proc/{Environment.ProcessId}/ns/net");

        Assert.Contains(same.Connected(), socket => socket.Cookie == CookieOf(client));
        Assert.Equal(before, OwnNamespace());
        Assert.Equal(2 /* ENOENT */, Assert.Throws<Win32Exception>(() => SocketDiagnosis.Open("/proc/0/ns/net")).NativeErrorCode);
    }

    [Fact]
    public void Whether_sockets_can_be_destroyed_is_found_out() => Assert.Equal(Environment.IsPrivilegedProcess, SocketDiagnosis.CanDestroy());

    private static string OwnNamespace() => new FileInfo("/proc/thread-self/ns/net").LinkTarget!;
}

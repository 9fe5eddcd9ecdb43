using System.Net;

namespace Agent.Native.Tests.Sockets;

public class SockAddrTests
{
    [Theory]
    [InlineData("127.0.0.1", 53, 16)]
    [InlineData("0.0.0.0", 0, 16)]
    [InlineData("255.255.255.255", 65535, 16)]
    [InlineData("::1", 53, 28)]
    [InlineData("fd00:10:96::a", 65535, 28)]
    [InlineData("::ffff:10.0.0.1", 53, 28)]
    public void An_address_gives_back_what_it_was_made_of(string address, int port, uint length)
    {
        IPEndPoint endPoint = new(IPAddress.Parse(address), port);
        SockAddr sockAddr = SockAddr.From(endPoint);
        Assert.Equal(endPoint, sockAddr.ToEndPoint());
        Assert.Equal((int)endPoint.AddressFamily == 2 ? 2 : 10, sockAddr.Family);
        Assert.Equal(length, sockAddr.Length);
        Assert.Equal(endPoint.Address.GetAddressBytes(), sockAddr.AddressBytes.ToArray());
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("fd00::1")]
    public void Its_bytes_are_those_that_the_framework_gives_the_kernel(string address)
    {
        IPEndPoint endPoint = new(IPAddress.Parse(address), 853);
        SocketAddress expected = endPoint.Serialize();
        SockAddr sockAddr = SockAddr.From(endPoint);
        Assert.Equal(expected.Buffer[..expected.Size].ToArray(), ((ReadOnlySpan<byte>)sockAddr)[..expected.Size].ToArray());
    }

    [Fact]
    public void a_link_local_address_keeps_its_scope()
    {
        IPEndPoint endPoint = new(IPAddress.Parse("fe80::1%7"), 53);
        Assert.Equal(endPoint, SockAddr.From(endPoint).ToEndPoint());
    }
}

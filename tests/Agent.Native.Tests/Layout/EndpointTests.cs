using System.Net;
using System.Runtime.InteropServices;

namespace Agent.Native.Tests.Layout;

public class EndpointTests
{
    private static byte[] Bytes(Endpoint endpoint) => MemoryMarshal.AsBytes(new ReadOnlySpan<Endpoint>(in endpoint)).ToArray();

    [Theory]
    [InlineData("10.96.0.10", "00000000000000000000FFFF0A60000A0035")]
    [InlineData("::ffff:10.96.0.10", "00000000000000000000FFFF0A60000A0035")]
    [InlineData("fd00:10:96::a", "FD00001000960000000000000000000A0035")]
    public void Addresses_are_kept_as_IPv6_in_network_order(string address, string expected)
    {
        Endpoint endpoint = Endpoint.From(new IPEndPoint(IPAddress.Parse(address), 53), Endpoint.Udp);
        Assert.Equal([.. Convert.FromHexString(expected), 17, 0], Bytes(endpoint));
    }

    [Theory]
    [InlineData("10.96.0.10", 53)]
    [InlineData("255.255.255.255", 65535)]
    [InlineData("fd00::1", 1)]
    [InlineData("::", 0)]
    public void An_endpoint_gives_back_what_it_was_made_of(string address, int port)
    {
        IPEndPoint endPoint = new(IPAddress.Parse(address), port);
        Assert.Equal(endPoint, Endpoint.From(endPoint, Endpoint.Tcp).ToEndPoint());
        Assert.Equal($"{endPoint}/TCP", Endpoint.From(endPoint, Endpoint.Tcp).ToString());
        Assert.Equal($"{endPoint}/UDP", Endpoint.From(endPoint, Endpoint.Udp).ToString());
    }

    [Fact]
    public void Endpoints_are_equal_by_all_their_bytes()
    {
        Endpoint Make(string address, int port, byte protocol) => Endpoint.From(new IPEndPoint(IPAddress.Parse(address), port), protocol);
        Endpoint one = Make("10.0.0.1", 53, Endpoint.Udp);
        Assert.True(one.Equals(Make("10.0.0.1", 53, Endpoint.Udp)));
        Assert.True(one.Equals((object)Make("::ffff:10.0.0.1", 53, Endpoint.Udp)));
        Assert.Equal(one.GetHashCode(), Make("10.0.0.1", 53, Endpoint.Udp).GetHashCode());
        Assert.All(
            [Make("10.0.0.2", 53, Endpoint.Udp), Make("10.0.0.1", 54, Endpoint.Udp), Make("10.0.0.1", 53, Endpoint.Tcp)],
            other => Assert.False(one.Equals(other)));
        Assert.False(one.Equals(null));
    }

    [Fact]
    public void A_command_s_name_ends_at_its_zeros()
    {
        CommandName name = default;
        "curl"u8.CopyTo(name);
        Assert.Equal("curl", name.ToString());
    }
}

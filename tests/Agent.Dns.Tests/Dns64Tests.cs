using System.Net;

namespace Agent.Dns.Tests;

public class Dns64Tests
{
    private static readonly IPAddress _ipv4 = IPAddress.Parse("192.0.2.33");

    /// <summary>RFC 6052 section 2.4, tables 1 and 2.</summary>
    [Theory]
    [InlineData("2001:db8::/32", "2001:db8:c000:221::")]
    [InlineData("2001:db8:100::/40", "2001:db8:1c0:2:21::")]
    [InlineData("2001:db8:122::/48", "2001:db8:122:c000:2:2100::")]
    [InlineData("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::")]
    [InlineData("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::")]
    [InlineData("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33")]
    [InlineData("64:ff9b::/96", "64:ff9b::192.0.2.33")]
    public void An_IPv4_address_is_mapped_and_found_again(string prefix, string expected)
    {
        Assert.True(Dns64.IsUsable(IPNetwork.Parse(prefix)));
        Dns64 dns64 = new(IPNetwork.Parse(prefix), [], [[0]]);
        byte[] mapped = new byte[16];
        mapped.AsSpan().Fill(0xA5);

        dns64.Map(_ipv4.GetAddressBytes(), mapped);

        Assert.Equal(IPAddress.Parse(expected), new IPAddress(mapped));
        Assert.Equal(DnsName.FromText("33.2.0.192.in-addr.arpa"), dns64.FindIpv4Reverse(DnsName.ReverseOf(mapped)));
        if (!prefix.EndsWith("/96", StringComparison.Ordinal))
        {
            mapped[15] ^= 1; // the suffix is zero
            Assert.Null(dns64.FindIpv4Reverse(DnsName.ReverseOf(mapped)));
        }
    }

    [Theory]
    [InlineData("2001:db8::/33")]
    [InlineData("2001:db8::/128")]
    [InlineData("::/0")]
    [InlineData("192.0.2.0/32")]
    [InlineData("2001:db8:122:344:100::/96")] // bits 64 to 71
    public void A_prefix_of_another_shape_holds_no_IPv4_address(string prefix) => Assert.False(Dns64.IsUsable(IPNetwork.Parse(prefix)));

    [Theory]
    [InlineData("2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::1", false)]
    [InlineData("2001:db8:8000::/33", "2001:db8:8001::1", true)]
    [InlineData("2001:db8:8000::/33", "2001:db8:7fff::1", false)]
    [InlineData("::/0", "2001:db8::1", true)]
    [InlineData("2001:db8::1/128", "2001:db8::1", true)]
    [InlineData("2001:db8::1/128", "2001:db8::2", false)]
    public void An_address_in_an_excluded_prefix_counts_as_absent(string prefix, string address, bool expected)
    {
        Dns64 dns64 = new(IPNetwork.Parse("64:ff9b::/96"), [IPNetwork.Parse(prefix)], [[0]]);
        Assert.Equal(expected, dns64.IsExcluded(IPAddress.Parse(address).GetAddressBytes()));
    }

    [Theory]
    [InlineData("33.2.0.192.in-addr.arpa")]
    [InlineData("ip6.arpa")]
    [InlineData("x.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa")]
    [InlineData("1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip7.arpa")]
    [InlineData("10.2.2.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.00.ip6.arpa")]
    public void Other_reverse_names_are_left_alone(string name) =>
        Assert.Null(new Dns64(IPNetwork.Parse("64:ff9b::/96"), [], [[0]]).FindIpv4Reverse(DnsName.FromText(name)));
}

using System.Net;
using Agent.Configuration;
using Agent.Dns;

namespace Agent.Tests.Configuration;

/// <summary>The keys hosts, rewrite, zones, dns64 and filterAaaa.</summary>
public sealed class NamesMistakeTests
{
    private const string Off = "redirect: { enabled: false }\n";

    public static TheoryData<string, int, string, string> Mistakes => new()
    {
        { "hosts: [ { names: [a] } ]", 2, "hosts[0].address", "is missing" },
        { "hosts: [ { address: 10.0.0.1 } ]", 2, "hosts[0].names", "is missing" },
        { "hosts: [ { address: 10.0.0.1, names: [] } ]", 2, "hosts[0].names", "names no name" },
        { "hosts: [ { address: 10.0.0.1, names: [.] } ]", 2, "hosts[0].names[0]", "the root is no host" },
        { "hosts: [ { address: 10.0.0.1, names: ['*.a'] } ]", 2, "hosts[0].names[0]", "use letters, digits" },
        { "hosts: [ { address: 10.0.0.1, names: [a, A.] } ]", 2, "hosts[0].names[1]", "is listed twice" },
        { "hosts: [ { address: ff02::1, names: [a] } ]", 2, "hosts[0].address", "is a multicast address" },
        { "hosts: [ { address: 10.0.0.1, names: [a], ttl: 604801 } ]", 2, "hosts[0].ttl", "from 0 to 604800" },
        { "rewrite: [ { from: a } ]", 2, "rewrite[0].to", "is missing" },
        { "rewrite:\n  - { from: a, to: b }\n  - { from: A., to: c }", 4, "rewrite[1].from", "'A.' is rewritten already" },
        { "rewrite: [ { from: a, to: a. } ]", 2, "rewrite[0].to", "is the same as from" },
        { "rewrite: [ { from: x.localhost, to: b } ]", 2, "rewrite[0].from", "is answered by the agent itself (RFC 6761)" },
        { "zones: [ { zone: a } ]", 2, "zones[0]", "has neither rcode nor records" },
        { "zones: [ { zone: a, rcode: NXDOMAIN, records: ['@ A 10.0.0.1'] } ]", 2, "zones[0]", "has both rcode and records" },
        { "zones: [ { zone: a, rcode: BADVERS } ]", 2, "zones[0].rcode", "write one of NOERROR, NXDOMAIN, REFUSED, SERVFAIL, NOTIMP" },
        { "zones: [ { zone: a, rcode: NXDOMAIN, types: [] } ]", 2, "zones[0].types", "names no type" },
        { "zones: [ { zone: a, rcode: NXDOMAIN, types: [A, TYPE0] } ]", 2, "zones[0].types[1]", "'TYPE0' is not a record type" },
        { "zones: [ { zone: a, rcode: NXDOMAIN, types: [A, TYPE1] } ]", 2, "zones[0].types[1]", "is listed twice" },
        { "zones: [ { zone: a, types: [A], records: ['@ A 10.0.0.1'] } ]", 2, "zones[0].types", "is for an rcode" },
        { "zones:\n  - { zone: a, rcode: NXDOMAIN }\n  - { zone: A, rcode: NOERROR }", 4, "zones[1].zone", "'A' is given already" },
        { Record("www A"), 2, "zones[0].records[0]", "has data that do not fit A; write A 192.0.2.1" },
        { Record("www A 2001:db8::1"), 2, "zones[0].records[0]", "do not fit A" },
        { Record("www AAAA 10.0.0.1"), 2, "zones[0].records[0]", "write AAAA 2001:db8::1" },
        { Record("www A 10.0.0.1 10.0.0.2"), 2, "zones[0].records[0]", "do not fit A" },
        { Record("www"), 2, "zones[0].records[0]", "is not NAME TTL TYPE DATA" },
        { Record("www 60 WKS x"), 2, "zones[0].records[0]", "with one of the types A, AAAA, CNAME, MX, NS, PTR, SRV, TXT" },
        { Record("www 2147483648 A 10.0.0.1"), 2, "zones[0].records[0]", "has a TTL over 2147483647" },
        { Record("www.other. A 10.0.0.1"), 2, "zones[0].records[0]", "has an owner that is no name in the zone 'a'" },
        { Record("w*.x A 10.0.0.1"), 2, "zones[0].records[0]", "has an owner that is no name" },
        { Record("@ MX mail"), 2, "zones[0].records[0]", "write MX 10 mail" },
        { Record("@ MX 65536 mail"), 2, "zones[0].records[0]", "write MX 10 mail" },
        { Record("@ SRV 0 5 5060"), 2, "zones[0].records[0]", "write SRV 0 5 5060 sip" },
        { Record("@ TXT"), 2, "zones[0].records[0]", "write TXT" },
        { Record($"@ TXT {new string('x', 256)}"), 2, "zones[0].records[0]", "at most 255 bytes" },
        { Record("@ TXT \\\"open"), 2, "zones[0].records[0]", "has a quote that does not end" },
        { Record("@ TXT \\\"\\\\999\\\""), 2, "zones[0].records[0]", "or a wrong escape" },
        { "zones: [ { zone: a, records: ['w CNAME b', 'w A 10.0.0.1'] } ]", 2, "zones[0].records", "w.a. has a CNAME and another record" },
        { "dns64: { prefix: 64:ff9b::/95 }", 2, "dns64.prefix", "cannot hold IPv4 addresses" },
        { "dns64: { prefix: 10.0.0.0/8 }", 2, "dns64.prefix", "is not an IPv6 prefix" },
        { "dns64: { exclude: [\"::1/64\"] }", 2, "dns64.exclude[0]", "is not an IPv6 prefix" },
        { "dns64:", 2, "dns64", "is empty where a mapping is wanted" },
        { "dns46: {}", 2, "dns46", "did you mean 'dns64'?" },
        { "filterAaaa: [a..b]", 2, "filterAaaa[0]", "is not a domain name" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_the_only_one_and_has_its_line_and_key(string yaml, int line, string key, string message)
    {
        Assert.False(ConfigurationFile.TryParse(Off + yaml, "lra.yaml", out _, out IReadOnlyList<ConfigurationMistake> mistakes));
        ConfigurationMistake mistake = Assert.Single(mistakes);

        Assert.Equal((line, key), (mistake.Line, mistake.Key));
        Assert.Contains(message, mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_what_is_read()
    {
        NamesConfiguration names = Tests.Names.ConfiguredNames.Read("""
            hosts: [ { address: 10.1.2.3, names: [Db.Internal.] } ]
            rewrite: [ { from: Example.org., to: default.svc.cluster.local } ]
            zones:
              - { zone: Blocked.test, rcode: nxdomain, types: [a, TYPE64] }
              - { zone: static.test, records: ["www 60 A 192.0.2.1", "@ MX 10 mail.other."] }
            dns64: { prefix: "2001:db8::/32", zones: [v4.test] }
            filterAaaa: [ ., six.test ]
            """);

        HostConfiguration host = Assert.Single(names.Hosts);
        Assert.Equal((IPAddress.Parse("10.1.2.3"), "db.internal", 3600), (host.Address, Assert.Single(host.Names), host.Ttl));
        Assert.Equal([new RewriteConfiguration("example.org", "default.svc.cluster.local")], names.Rewrite);
        Assert.Equal(("blocked.test", ResponseCode.NxDomain), (names.Zones[0].Zone, names.Zones[0].Code!.Value));
        Assert.Equal([1, 64], names.Zones[0].Types);
        OwnRecord mail = names.Zones[1].Records[1];
        Assert.Equal(("static.test.", 15, 3600u, "mail.other."), (DnsName.ToText(mail.Name), mail.Type, mail.Ttl, DnsName.ToText(mail.Data[2..])));
        Assert.Equal(IPNetwork.Parse("2001:db8::/32"), names.Dns64!.Prefix);
        Assert.Equal([IPNetwork.Parse("::ffff:0:0/96")], names.Dns64.Exclude);
        Assert.Equal(["v4.test"], names.Dns64.Zones);
        Assert.Equal(["", "six.test"], names.FilterAaaa);
    }

    private static string Record(string record) => $"zones: [ {{ zone: a, records: [\"{record}\"] }} ]";
}

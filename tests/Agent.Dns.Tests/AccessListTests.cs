using System.Net;

namespace Agent.Dns.Tests;

public class AccessListTests
{
    private static ClientAddress Client(string text) => ClientAddress.From(IPAddress.Parse(text).GetAddressBytes());

    private static AccessList List(ClientVerdict others, params (string Prefix, ClientVerdict Verdict)[] rules) =>
        new(rules.ToDictionary(rule => IPNetwork.Parse(rule.Prefix), rule => rule.Verdict), others);

    [Theory]
    [InlineData("10.1.2.3", ClientVerdict.Admitted)]
    [InlineData("9.255.255.255", ClientVerdict.Denied)]
    [InlineData("11.0.0.0", ClientVerdict.Denied)]
    [InlineData("10.9.0.0", ClientVerdict.Denied)]
    [InlineData("10.9.255.255", ClientVerdict.Denied)]
    [InlineData("10.10.0.0", ClientVerdict.Admitted)]
    [InlineData("10.9.8.7", ClientVerdict.Admitted)]
    [InlineData("10.9.8.6", ClientVerdict.Dropped)]
    [InlineData("10.255.255.255", ClientVerdict.Dropped)]
    [InlineData("10.255.255.254", ClientVerdict.Admitted)]
    [InlineData("::ffff:10.1.2.3", ClientVerdict.Admitted)]
    [InlineData("::ffff:10.9.1.1", ClientVerdict.Denied)]
    [InlineData("fdff::1", ClientVerdict.Admitted)]
    [InlineData("fe00::", ClientVerdict.Denied)]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ClientVerdict.Dropped)]
    [InlineData("127.0.0.1", ClientVerdict.Denied)]
    [InlineData("::1", ClientVerdict.Denied)]
    public void The_longest_prefix_decides(string client, ClientVerdict verdict)
    {
        AccessList list = List(
            ClientVerdict.Denied,
            ("10.0.0.0/8", ClientVerdict.Admitted),
            ("10.9.0.0/16", ClientVerdict.Denied),
            ("10.9.8.0/24", ClientVerdict.Dropped),
            ("10.9.8.7/32", ClientVerdict.Admitted),
            ("10.255.255.255/32", ClientVerdict.Dropped),
            ("fd00::/8", ClientVerdict.Admitted),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", ClientVerdict.Dropped));

        Assert.Equal(verdict, list.Find(Client(client)));
    }

    [Fact]
    public void What_is_said_of_all_of_one_family_does_not_hold_for_the_other()
    {
        AccessList v6 = List(ClientVerdict.Admitted, ("::/0", ClientVerdict.Dropped));
        Assert.Equal((ClientVerdict.Admitted, ClientVerdict.Dropped), (v6.Find(Client("10.0.0.1")), v6.Find(Client("2001:db8::1"))));

        AccessList v4 = List(ClientVerdict.Admitted, ("0.0.0.0/0", ClientVerdict.Denied), ("::/64", ClientVerdict.Dropped));
        Assert.Equal((ClientVerdict.Denied, ClientVerdict.Admitted), (v4.Find(Client("10.0.0.1")), v4.Find(Client("2001:db8::1"))));
        Assert.Equal(ClientVerdict.Dropped, v4.Find(Client("::1")));
    }

    [Fact]
    public void Any_prefixes_decide_as_a_search_through_all_of_them_does()
    {
        Random random = new(22);
        for (int round = 0; round < 200; round++)
        {
            // Few values, so that prefixes nest and touch.
            Dictionary<IPNetwork, ClientVerdict> rules = [];
            for (int i = 0; i < 12; i++)
            {
                int length = random.Next(33);
                uint bits = length == 0 ? 0 : (uint)random.Next(4) << 30 >> random.Next(8) & uint.MaxValue << (32 - length);
                rules[new IPNetwork(Address(bits), length)] = (ClientVerdict)random.Next(3);
            }

            AccessList list = new(rules, ClientVerdict.Dropped);
            foreach (uint edge in rules.Keys.SelectMany(Edges))
                Assert.Equal(Search(rules, Address(edge)), list.Find(ClientAddress.From(Address(edge).GetAddressBytes())));
        }

        static IPAddress Address(uint bits) => new([(byte)(bits >> 24), (byte)(bits >> 16), (byte)(bits >> 8), (byte)bits]);

        static IEnumerable<uint> Edges(IPNetwork prefix)
        {
            uint first = (uint)(ClientAddress.From(prefix.BaseAddress.GetAddressBytes()).Value & uint.MaxValue);
            uint last = first | (uint)(uint.MaxValue >> prefix.PrefixLength & (prefix.PrefixLength == 32 ? 0 : uint.MaxValue));
            return [first - 1, first, last, last + 1];
        }

        static ClientVerdict Search(Dictionary<IPNetwork, ClientVerdict> rules, IPAddress client) => rules
            .Where(rule => rule.Key.Contains(client))
            .OrderByDescending(rule => rule.Key.PrefixLength)
            .Select(rule => rule.Value)
            .FirstOrDefault(ClientVerdict.Dropped);
    }
}

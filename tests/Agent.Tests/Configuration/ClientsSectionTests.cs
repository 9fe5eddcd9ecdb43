using System.Net;
using Agent.Configuration;

namespace Agent.Tests.Configuration;

public sealed class ClientsSectionTests
{
    private const string Off = "redirect: { enabled: false }\n";

    [Fact]
    public void Every_key_has_the_value_that_the_file_gives_it()
    {
        Assert.True(ConfigurationFile.TryParse(Off + """
            clients:
              allow: [10.0.0.0/8, "fd00::/8", 192.0.2.1, "2001:db8::1"]
              deny: [10.9.0.0/16, 0.0.0.0/0]
              drop: ["::/0"]
              queriesPerSecond: 200
              inFlight: 50
              tcpConnections: 2048
              responseBytesPerSecond: 1MiB
            """, "lra.yaml", out AgentConfiguration? read, out _));

        ClientsConfiguration clients = read.Clients;
        Assert.Equal(Prefixes("10.0.0.0/8", "fd00::/8", "192.0.2.1/32", "2001:db8::1/128"), clients.Allow);
        Assert.Equal(Prefixes("10.9.0.0/16", "0.0.0.0/0"), clients.Deny);
        Assert.Equal(Prefixes("::/0"), clients.Drop);
        Assert.Equal((200, 50, 2048, 1 << 20), (clients.QueriesPerSecond, clients.InFlight, clients.TcpConnections, clients.ResponseBytesPerSecond));
        Assert.NotNull(clients.Policy());
    }

    [Fact]
    public void Without_the_section_everybody_may_ask_and_a_hit_costs_no_look_at_its_client()
    {
        ClientsConfiguration clients = new();
        Assert.Equal((0, 1000, 64, 0), (clients.QueriesPerSecond, clients.InFlight, clients.TcpConnections, clients.ResponseBytesPerSecond));
        Assert.Null(clients.Policy());
    }

    [Theory]
    [InlineData("allow: [10.1.2.3/8]", "clients.allow[0]", "'10.1.2.3/8' has bits set beyond its first 8; write 10.0.0.0/8")]
    [InlineData("deny: [10.9.255.0/20]", "clients.deny[0]", "write 10.9.240.0/20")]
    [InlineData("drop: [\"fd00::1/64\"]", "clients.drop[0]", "has bits set beyond its first 64; write fd00::/64")]
    [InlineData("deny: [\"2001:db8:ffff::/33\"]", "clients.deny[0]", "write 2001:db8:8000::/33")]
    [InlineData("deny: [0.0.0.1/0]", "clients.deny[0]", "write 0.0.0.0/0")]
    [InlineData("deny: [\"::ffff:10.0.0.0/104\"]", "clients.deny[0]", "is an IPv4 prefix in IPv6 form; write 10.0.0.0/8")]
    [InlineData("deny: [\"::ffff:10.1.0.0/104\"]", "clients.deny[0]", "write 10.0.0.0/8")]
    [InlineData("deny: [\"::ffff:10.1.2.3\"]", "clients.deny[0]", "write 10.1.2.3/32")]
    [InlineData("deny: [10.0.0.0/33]", "clients.deny[0]", "'10.0.0.0/33' is not a prefix; write 10.0.0.0/8 or fd00::/8")]
    [InlineData("deny: [10.0.0.0/]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [10.0.0.0/08]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [10.0.0.0/8/8]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [10.0.0.0/-1]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [\"fd00::/129\"]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [10/8]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [/8]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [pods]", "clients.deny[0]", "is not a prefix")]
    [InlineData("deny: [10.0.0.0/8, 10.0.0.0/8]", "clients.deny[1]", "is listed twice")]
    [InlineData("{ allow: [10.0.0.0/8], drop: [10.0.0.0/8] }", "clients.drop[0]", "'10.0.0.0/8' is in allow already")]
    [InlineData("allow: []", "clients.allow", "names no prefix, so nobody could ask")]
    [InlineData("deny: 10.0.0.0/8", "clients.deny", "is a single value where a list is wanted")]
    [InlineData("block: [10.0.0.0/8]", "clients.block", "known here: allow, deny, drop, queriesPerSecond")]
    [InlineData("queriesPerSecond: -1", "clients.queriesPerSecond", "is not a whole number from 0 to 1000000")]
    [InlineData("inFlight: 0", "clients.inFlight", "is not a whole number from 1 to 65535")]
    [InlineData("tcpConnections: 2049", "clients.tcpConnections", "is not a whole number from 1 to 2048")]
    [InlineData("responseBytesPerSecond: 2GiB", "clients.responseBytesPerSecond", "to 1GiB")]
    public void A_mistake_is_the_only_one_and_says_what_to_write(string section, string key, string message)
    {
        string yaml = $"{Off}clients:\n  {section}";
        Assert.False(ConfigurationFile.TryParse(yaml, "lra.yaml", out _, out IReadOnlyList<ConfigurationMistake> mistakes));

        ConfigurationMistake mistake = Assert.Single(mistakes);
        Assert.Equal((key, 3), (mistake.Key, mistake.Line));
        Assert.Contains(message, mistake.Message, StringComparison.Ordinal);
    }

    private static IPNetwork[] Prefixes(params string[] texts) => [.. texts.Select(IPNetwork.Parse)];
}

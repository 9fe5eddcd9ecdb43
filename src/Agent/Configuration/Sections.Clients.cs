using System.Net;

namespace Agent.Configuration;

internal static partial class Sections
{
    private static ClientsConfiguration Clients(MappingReader clients)
    {
        ClientsConfiguration defaults = _defaults.Clients;
        Dictionary<IPNetwork, string> listed = [];
        ClientsConfiguration read = new()
        {
            Allow = Prefixes("allow"),
            Deny = Prefixes("deny"),
            Drop = Prefixes("drop"),
            QueriesPerSecond = clients.Value("queriesPerSecond", defaults.QueriesPerSecond, Values.Count(0, 1_000_000)),
            InFlight = clients.Value("inFlight", defaults.InFlight, Values.Count(1, 65_535)),
            TcpConnections = clients.Value("tcpConnections", defaults.TcpConnections, Values.Count(1, 2048)),
            ResponseBytesPerSecond = (int)clients.Value("responseBytesPerSecond", defaults.ResponseBytesPerSecond, Values.Size(0, 1 << 30)),
        };
        if (clients.Has("allow") && read.Allow.Count == 0 && !clients.HasMistakesUnder("allow"))
            clients.Report("allow", "names no prefix, so nobody could ask; leave it out to admit everybody");
        return read;

        IReadOnlyList<IPNetwork> Prefixes(string key) => clients.Values(key, [], text => Addresses.Prefix(text).Unless(prefix =>
            listed.TryAdd(prefix, key) || listed[prefix] == key ? null : $"{Quoting.Quote(text)} is in {listed[prefix]} already"));
    }
}

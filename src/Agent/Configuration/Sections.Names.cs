using System.Net;
using System.Net.Sockets;
using Agent.Dns;

namespace Agent.Configuration;

// hosts, rewrite, zones, dns64, filterAaaa
internal static partial class Sections
{
    private const int LongestTtl = 604_800; // a week, as for what upstreams say

    private static readonly string[] _ownZones = ["localhost", "invalid"];

    private static NamesConfiguration Names(MappingReader root)
    {
        HashSet<string> zones = [];
        HashSet<string> suffixes = [];
        return new NamesConfiguration
        {
            Hosts = root.Sections("hosts", _defaults.Names.Hosts, Host),
            Rewrite = root.Sections("rewrite", _defaults.Names.Rewrite, item => Rewrite(item, suffixes)),
            Zones = root.Sections("zones", _defaults.Names.Zones, item => FixedZone(item, zones)),
            Dns64 = root.OptionalSection("dns64", Dns64),
            FilterAaaa = root.Values("filterAaaa", _defaults.Names.FilterAaaa, Values.Zone),
        };
    }

    private static HostConfiguration? Host(MappingReader host)
    {
        IPAddress? address = host.Required("address", Addresses.UnicastOrAny);
        IReadOnlyList<string> names = host.Values("names", [], text => Values.Zone(text).Unless(name =>
            name.Length == 0 ? "the root is no host" : null));
        int ttl = host.Value("ttl", 3600, Values.Seconds(0, LongestTtl));
        if (names.Count == 0 && !host.HasMistakesUnder("names"))
            host.Report("names", host.Has("names") ? "names no name" : "is missing");
        return address is null ? null : new() { Address = address, Names = names, Ttl = ttl };
    }

    private static RewriteConfiguration? Rewrite(MappingReader rewrite, HashSet<string> suffixes)
    {
        string? from = rewrite.Required("from", text => Values.Zone(text).Unless(zone =>
        {
            if (_ownZones.Contains(zone[(zone.LastIndexOf('.') + 1)..]))
                return $"{Quoting.Quote(text)} is answered by the agent itself (RFC 6761) and not rewritten";
            return suffixes.Add(zone) ? null : $"{Quoting.Quote(text)} is rewritten already";
        }));
        string? to = rewrite.Required("to", Values.Zone);
        if (from is null || to is null)
            return null;
        if (from == to)
            rewrite.Report("to", "is the same as from");
        return new(from, to);
    }

    private static ZoneConfiguration? FixedZone(MappingReader zone, HashSet<string> zones)
    {
        string? name = zone.Required("zone", text => Values.Zone(text).Unless(found =>
            zones.Add(found) ? null : $"{Quoting.Quote(text)} is given already"));
        ResponseCode? code = zone.Value<ResponseCode?>("rcode", null, RecordText.Code);
        IReadOnlyList<ushort> types = zone.Values("types", [], RecordText.Type);
        IReadOnlyList<OwnRecord> records = zone.Values("records", [], RecordText.Record(name ?? ""));

        if (zone.Has("rcode") == zone.Has("records"))
            zone.Report(zone.Has("rcode") ? "has both rcode and records; keep one of them" : "has neither rcode nor records; give one of them");
        else if (zone.Has("records") && zone.Has("types"))
            zone.Report("types", "is for an rcode; a zone with records has nothing else for any type");
        else if (zone.Has("types") && types.Count == 0 && !zone.HasMistakesUnder("types"))
            zone.Report("types", "names no type");
        foreach (IGrouping<string, OwnRecord> owner in records.GroupBy(record => DnsName.ToText(record.Name)))
        {
            if (owner.Count() > 1 && owner.Any(record => record.Type == RecordType.Cname))
                zone.Report("records", $"{owner.Key} has a CNAME and another record; an alias has nothing else (RFC 1034 section 3.6.2)");
        }

        return name is null ? null : new() { Zone = name, Code = code, Types = types, Records = records };
    }

    private static Dns64Configuration Dns64(MappingReader dns64)
    {
        Dns64Configuration defaults = new();
        return new()
        {
            Prefix = dns64.Value("prefix", defaults.Prefix, text => Ipv6Prefix(text).Unless(prefix =>
                Agent.Dns.Dns64.IsUsable(prefix) ? null : $"{Quoting.Quote(text)} cannot hold IPv4 addresses; its length is 32, 40, 48, 56, 64 or 96, bits 64 to 71 zero (RFC 6052)")),
            Exclude = dns64.Values("exclude", defaults.Exclude, Ipv6Prefix),
            Zones = dns64.Values("zones", defaults.Zones, Values.Zone),
        };
    }

    private static Parsed<IPNetwork> Ipv6Prefix(string text) =>
        IPNetwork.TryParse(text, out IPNetwork prefix)
        && prefix.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6
        && prefix.BaseAddress.Equals(IPAddress.Parse(text[..text.IndexOf('/')])) // .NET clears what is behind the length
            ? prefix
            : Values.Wrong(text, "is not an IPv6 prefix; write 64:ff9b::/96, with no bit set behind its length");
}

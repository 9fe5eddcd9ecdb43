using System.Net;
using Agent.Configuration;
using Agent.Dns;

namespace Agent.Serving;

/// <summary>Makes the table of the agent's own names from the configuration.</summary>
internal static class ConfiguredNames
{
    /// <summary>Null when the configuration says nothing of names.</summary>
    public static OwnNames? Build(NamesConfiguration names)
    {
        if (names is { Hosts: [], Rewrite: [], Zones: [], FilterAaaa: [], Dns64: null })
            return null;
        OwnNamesBuilder builder = new() { Dns64 = names.Dns64 is { } dns64 ? new Dns64(dns64.Prefix, dns64.Exclude, dns64.Zones.Select(DnsName.FromText)) : null };
        foreach (HostConfiguration host in names.Hosts)
            AddHost(builder, host);
        foreach (RewriteConfiguration rewrite in names.Rewrite)
            builder.AddRewrite(DnsName.FromText(rewrite.From), DnsName.FromText(rewrite.To));
        foreach (ZoneConfiguration zone in names.Zones)
            AddZone(builder, zone);
        foreach (string zone in names.FilterAaaa)
            builder.AddAaaaFilter(DnsName.FromText(zone));
        return builder.Build();
    }

    private static void AddHost(OwnNamesBuilder builder, HostConfiguration host)
    {
        byte[] address = host.Address.GetAddressBytes();
        foreach (byte[] name in host.Names.Select(DnsName.FromText))
        {
            builder.AddRecord(new OwnRecord(name, address.Length == 4 ? RecordType.A : RecordType.Aaaa, (uint)host.Ttl, address));
            // "Any" is the address of what a block list names, and of no host.
            if (!host.Address.Equals(IPAddress.Any) && !host.Address.Equals(IPAddress.IPv6Any))
                builder.AddRecord(new OwnRecord(DnsName.ReverseOf(address), RecordType.Ptr, (uint)host.Ttl, name));
        }
    }

    private static void AddZone(OwnNamesBuilder builder, ZoneConfiguration zone)
    {
        byte[] name = DnsName.FromText(zone.Zone);
        if (zone.Code is { } code)
            builder.AddZone(name, code, zone.Types.Count > 0 ? [.. zone.Types] : null);
        else
            builder.AddZone(name);
        foreach (OwnRecord record in zone.Records)
            builder.AddRecord(record);
    }
}

using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Names;

/// <summary>Agents whose configuration says something of names, from the YAML that a user writes.</summary>
internal static class ConfiguredNames
{
    public static NamesConfiguration Read(string yaml)
    {
        bool isValid = ConfigurationFile.TryParse($"redirect: {{ enabled: false }}\n{yaml}", "lra.yaml", out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.True(isValid, string.Join('\n', mistakes));
        return read!.Names;
    }

    /// <summary>An agent that asks the upstream for everything that the names do not answer.</summary>
    public static AgentUnderTest Start(string yaml, ScriptedUpstream upstream, TransportProtocol protocol = TransportProtocol.Udp) =>
        Start(yaml, AgentUnderTest.RootRoute(protocol, upstream));

    public static AgentUnderTest Start(string yaml, params RouteConfiguration[] routes) =>
        AgentUnderTest.Start(AgentUnderTest.Configuration(routes) with { Names = Read(yaml) });

    /// <summary>An answer as short text: the RCODE, then each record's owner, type, TTL and data.</summary>
    public static string Text(this DnsMessage reply) =>
        string.Join("; ", [.. (string[])[$"{reply.ResponseCode}"], .. reply.Answers.Select(Text), .. reply.Authority.Select(record => $"+{record.Name} {record.Type}")]);

    private static string Text(ResourceRecord record)
    {
        string data = record.Type switch
        {
            RR.A or RR.Aaaa => record.Address.ToString(),
            RR.Cname or RR.Ptr => NameText(record.Data),
            _ => Convert.ToHexString(record.Data),
        };
        return $"{record.Name} {record.Type} {record.Ttl} {data}";
    }

    private static string NameText(byte[] name)
    {
        List<string> labels = [];
        for (int i = 0; name[i] != 0; i += name[i] + 1)
            labels.Add(System.Text.Encoding.Latin1.GetString(name, i + 1, name[i]));
        return string.Join('.', labels);
    }
}

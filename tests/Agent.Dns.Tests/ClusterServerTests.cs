using System.Globalization;
using Agent.Dns.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Dns.Tests;

/// <summary>The table against a real authoritative server that has the same Services as zone files. Where the two may differ, a rule below says why.</summary>
public class ClusterServerTests(ITestOutputHelper output)
{
    private const int Names = 10_000;
    private const int Services = 600;
    private const int Namespaces = 20; // the last one has no Service

    private static readonly ushort[] _types = [T.A, T.Aaaa, T.Srv, T.Ptr, T.Cname, T.Txt];
    private static readonly ModelPort[] _ports = [new("http", "tcp", 80), new("http", "udp", 80), new("sql", "tcp", 5432), new("sql-2", "tcp", 5432), new("", "tcp", 9)];

    private readonly Random _random = new(43);
    private readonly Dictionary<string, ModelService> _services = [];

    [Fact]
    public void P43_ten_thousand_names_are_answered_as_by_a_real_server_with_the_same_zones()
    {
        ClusterTable table = new(pods: PodNames.Disabled);
        string[] namespaces = [.. Enumerable.Range(0, Namespaces).Select(number => $"n{number}")];
        Array.ForEach(namespaces, name => table.Namespace(name));
        while (_services.Count < Services)
            AddService(table, $"s{_services.Count}.n{_random.Next(Namespaces - 1)}");
        HashSet<string> names = [];
        while (names.Count < Names)
            names.Add(Name());
        (string Name, ushort Type)[] questions = [.. names.SelectMany(name => _types.Select(type => (name, type)))];
        using KnotServer server = new(new SpecZone(_services, namespaces).Files());

        OracleMessage[] replies = server.Ask(questions);

        Dictionary<string, int> explained = [];
        List<string> unexplained = [];
        HashSet<string> kinds = [];
        int same = 0;
        for (int i = 0; i < questions.Length; i++)
        {
            (string name, ushort type) = questions[i];
            (string expected, string answer) = (Describe(replies[i]), Ask(table, name, type));
            kinds.Add(expected);
            if (expected == answer)
                same++;
            else if (Explain(name, type, expected, answer) is { } reason)
                explained[reason] = explained.GetValueOrDefault(reason) + 1;
            else
                unexplained.Add($"{name} {type}: the server {expected}, the table {answer}");
        }

        output.WriteLine($"{Names} names, {questions.Length} questions, {kinds.Count} different answers: {same} the same, {unexplained.Count} unexplained");
        foreach ((string reason, int count) in explained)
            output.WriteLine($"{count} {reason}");
        Assert.True(unexplained.Count == 0, string.Join('\n', unexplained.Take(20)));
        Assert.InRange(kinds.Count, 1_000, int.MaxValue); // the names hit
    }

    /// <summary>Where CoreDNS, which the table follows, is not what a server with the specification's records is.</summary>
    private static string? Explain(string name, ushort type, string expected, string answer)
    {
        string first = name.Split('.')[0].ToLowerInvariant();
        if (name.EndsWith(".arpa", StringComparison.OrdinalIgnoreCase) && expected is "NXDOMAIN" or "NODATA" && answer == "forward")
            return "forwarded: reverse names that the table does not have are others' too";
        if (first is "_tcp" or "_udp" && expected == "NODATA" && answer == "NXDOMAIN")
            return "empty non-terminals, which CoreDNS does not have";
        if (type == T.Srv && !first.StartsWith('_') && expected == "NODATA" && answer.StartsWith("SRV ", StringComparison.Ordinal))
            return "SRV of a name without a port, where CoreDNS has all its ports";
        if (type is T.A or T.Aaaa && first.StartsWith('_') && expected == "NODATA" && answer.StartsWith('A'))
            return "addresses at a name with a port, where CoreDNS has those of the SRV's targets";
        return type is T.Srv or T.Ptr or T.Txt && expected.StartsWith("CNAME ", StringComparison.Ordinal) && answer == "NODATA"
            ? "other types than addresses of an ExternalName, where CoreDNS has no data"
            : null;
    }

    private static string Ask(ClusterTable table, string name, ushort type)
    {
        if (type is T.A or T.Aaaa && table.FindDetour(name, type) != null)
            type = T.Cname; // the alias, and what it leads to is the upstreams'
        return table.Reply(name, type) is { } reply ? Describe(reply) : "forward";
    }

    /// <summary>The RCODE or the answers, in no order. The weight of an SRV record is the implementation's choice (specification, 2.3.2).</summary>
    private static string Describe(OracleMessage reply)
    {
        if (reply.Answers.Count == 0)
            return reply.Rcode switch { 0 => "NODATA", 3 => "NXDOMAIN", _ => $"RCODE {reply.Rcode}" };
        return string.Join(' ', reply.Answers.Select(record => $"{NameOf(record.Type)} {record.Ttl} {DataOf(record)}").Order(StringComparer.Ordinal));
    }

    private static string DataOf(OracleRecord record)
    {
        string[] parts = ClusterTable.Text(record).Split(',');
        return record.Type == T.Srv ? $"{parts[0]},{parts[2]},{parts[3]}" : parts[0];
    }

    private static string NameOf(int type) => type switch
    {
        T.A => "A",
        T.Aaaa => "AAAA",
        T.Srv => "SRV",
        T.Ptr => "PTR",
        T.Cname => "CNAME",
        _ => type.ToString(CultureInfo.InvariantCulture),
    };

    private void AddService(ClusterTable table, string key)
    {
        int number = _services.Count;
        ModelService service = _random.Next(5) switch
        {
            0 => new(ClusterServiceKind.ExternalName, false, [], [], []) { Target = $"host{number}.example.com" },
            1 or 2 => new(ClusterServiceKind.ClusterIp, false, [.. ((string[])[$"10.96.{number / 250}.{number % 250}", $"fd00:96::{number:x}"])[.._random.Next(1, 3)]], Ports(), []),
            _ => new(ClusterServiceKind.Headless, _random.Next(4) == 0, [], [], [.. Enumerable.Range(0, _random.Next(4)).Select(slice => Slice(slice))]),
        };
        _services.Add(key, service);
        table.Set(key, ClusterModel.ToService(key, service));
    }

    // A slice has addresses of one family.
    private ModelSlice Slice(int number) => new(Ports(), [.. Enumerable.Range(0, _random.Next(5)).Select(_ => Endpoint(isSix: number == 1))]);

    private ModelEndpoint Endpoint(bool isSix)
    {
        int number = _random.Next(2_000);
        string address = isSix ? $"fd00:10::{number:x}" : $"10.0.{number / 250}.{number % 250}";
        string host = _random.Next(2) == 0 ? $"h{_random.Next(3)}" : address.Replace('.', '-').Replace(':', '-');
        return new ModelEndpoint(host, address, _random.Next(4) > 0);
    }

    private List<ModelPort> Ports() => [.. _ports.Where(_ => _random.Next(3) == 0)];

    private string Name()
    {
        string service = _random.Next(8) == 0 ? $"s{_random.Next(Services)}.n{_random.Next(Namespaces + 1)}" : _services.Keys.ElementAt(_random.Next(Services));
        string name = $"{service}.svc.cluster.local";
        name = _random.Next(11) switch
        {
            0 => ((string[])["cluster.local", "svc.cluster.local", "pod.cluster.local", "dns-version.cluster.local", "x.cluster.local"])[_random.Next(5)],
            1 => $"n{_random.Next(Namespaces + 5)}.{(_random.Next(3) == 0 ? "pod" : "svc")}.cluster.local",
            2 => ClusterModel.Reverse($"10.0.{_random.Next(9)}.{_random.Next(250)}"),
            3 => ClusterModel.Reverse(_random.Next(2) == 0 ? $"10.96.{_random.Next(3)}.{_random.Next(250)}" : $"fd00:96::{_random.Next(Services):x}"),
            4 => ClusterModel.Reverse($"fd00:10::{_random.Next(2_000):x}"),
            5 or 6 => name,
            7 => $"{Host(service)}.{name}",
            8 => $"a{_random.Next(2)}.{Host(service)}.{name}",
            9 => $"_{(_random.Next(2) == 0 ? "tcp" : "udp")}.{name}",
            _ => $"_{_ports[_random.Next(4)].Name}{(_random.Next(9) == 0 ? "x" : "")}._{(_random.Next(4) == 0 ? "udp" : "tcp")}.{name}",
        };
        return _random.Next(10) == 0 ? name.ToUpperInvariant() : name;
    }

    /// <summary>One of its endpoints, or something like it.</summary>
    private string Host(string service)
    {
        ModelEndpoint[] endpoints = [.. _services.GetValueOrDefault(service)?.Slices.SelectMany(slice => slice.Endpoints) ?? []];
        return endpoints.Length > 0 && _random.Next(3) > 0 ? endpoints[_random.Next(endpoints.Length)].Host : $"h{_random.Next(4)}";
    }
}

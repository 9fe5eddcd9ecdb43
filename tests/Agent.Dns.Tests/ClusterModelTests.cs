using System.Globalization;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>In place of the comparison with a real server: generated clusters that change step by step, against <see cref="ClusterModel"/>.</summary>
public class ClusterModelTests
{
    private const int Steps = 250;
    private const int NamesPerStep = 40;

    private static readonly ushort[] _types = [T.A, T.Aaaa, T.Srv, T.Ptr, T.Cname, T.Txt, T.Mx, T.Https];

    private static readonly ModelPort[] _ports = [new("http", "tcp", 80), new("http", "udp", 80), new("sql", "tcp", 5432), new("sql-2", "tcp", 5432), new("", "tcp", 9), new("odd", "tcp", 0)];

    private readonly Dictionary<string, ModelService> _services = [];
    private readonly HashSet<string> _namespaces = [];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void P43_ten_thousand_names_are_answered_as_by_the_model_after_every_change(int seed)
    {
        Random random = new(seed);
        ClusterTable table = new(pods: PodNames.Disabled);
        HashSet<string> different = [];
        for (int step = 0; step < Steps; step++)
        {
            // A burst now and then, which is applied as one.
            for (int changes = random.Next(4) == 0 ? random.Next(8) : 1; changes > 0; changes--)
                Change(random, table);
            ClusterModel model = new(_services, _namespaces);
            table.Build();
            for (int i = 0; i < NamesPerStep; i++)
            {
                string name = Name(random);
                foreach (ushort type in _types)
                {
                    string expected = model.Ask(name, type);
                    Assert.Equal($"{step} {name} {type}: {expected}", $"{step} {name} {type}: {Ask(table, name, type)}");
                    different.Add(expected);
                }
            }
        }

        Assert.InRange(different.Count, 100, int.MaxValue); // the names hit
    }

    [Fact]
    public void Every_name_whose_answer_changes_is_told_with_whether_it_exists()
    {
        Random random = new(5);
        ClusterTable table = new(pods: PodNames.Disabled);
        table.Build();
        string[] names = [.. Enumerable.Range(0, 500).Select(_ => Name(random)).Distinct()];
        Dictionary<string, string> before = Answers(table, names);
        int changed = 0;
        for (int step = 0; step < 120; step++)
        {
            for (int changes = 1 + random.Next(3); changes > 0; changes--)
                Change(random, table);
            HashSet<string> told = [.. table.Build()];
            Dictionary<string, string> after = Answers(table, names);
            foreach (string name in names.Where(name => before[name] != after[name]))
            {
                changed++;
                (bool existed, bool exists) = (Exists(before[name]), Exists(after[name]));
                Assert.Contains($"{(existed ? "" : "+")}{(exists ? "" : "-")}{name}.", told);
            }

            before = after;
        }

        Assert.InRange(changed, 200, int.MaxValue);
    }

    private static bool Exists(string answers) => answers.Split('|').Any(answer => answer is not ("NXDOMAIN" or "forward"));

    private static Dictionary<string, string> Answers(ClusterTable table, string[] names) =>
        names.ToDictionary(name => name, name => string.Join('|', _types.Select(type => Ask(table, name, type))));

    private static string Ask(ClusterTable table, string name, ushort type)
    {
        // An alias is asked for by its CNAME; where it leads is for other tests.
        string answer = type is T.A or T.Aaaa && table.Ask(name, T.Cname) is not ("NODATA" or "NXDOMAIN" or "forward") ? "NODATA" : table.Ask(name, type);
        string[] sections = answer.Split(" + ");
        string[] sorted = [.. sections.Select(section => string.Join(' ', section.Split(' ').Order(StringComparer.Ordinal)))];
        return string.Join(" + ", sorted);
    }

    private void Change(Random random, ClusterTable table)
    {
        if (random.Next(10) == 0)
        {
            string name = $"n{random.Next(3)}";
            bool exists = random.Next(2) == 0;
            _ = exists ? _namespaces.Add(name) : _namespaces.Remove(name);
            table.Namespace(name, exists);
            return;
        }

        string key = $"s{random.Next(5)}.n{random.Next(3)}";
        _services.TryGetValue(key, out ModelService? old);
        ModelService? next = random.Next(6) == 0 ? null : old != null && random.Next(2) == 0 ? WithOtherSlice(random, old) : Service(random, key);
        if (next == null)
        {
            _services.Remove(key);
            table.Remove(key);
            return;
        }

        _services[key] = next;
        table.Set(key, ClusterModel.ToService(key, next));
    }

    private static ModelService Service(Random random, string key)
    {
        ClusterServiceKind kind = (ClusterServiceKind)random.Next(4);
        List<ModelSlice> slices = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Slice(random))];
        if (kind == ClusterServiceKind.ExternalName)
            return new ModelService(kind, false, [], [], slices) { Target = "www.example.com" };
        bool isClusterIp = kind == ClusterServiceKind.ClusterIp;
        // ClusterIPs belong to one Service alone.
        string digits = $"{key[1]}{key[4]}";
        List<string> addresses = isClusterIp ? [.. ((string[])[$"10.96.0.1{digits}", $"fd00:96::1{digits}"])[..random.Next(1, 3)]] : [];
        return new ModelService(kind, random.Next(4) == 0, addresses, isClusterIp ? Ports(random) : [], slices);
    }

    private static ModelService WithOtherSlice(Random random, ModelService service)
    {
        List<ModelSlice> slices = [.. service.Slices];
        if (slices.Count > 0 && random.Next(2) == 0)
            slices.RemoveAt(random.Next(slices.Count));
        else
            slices.Insert(random.Next(slices.Count + 1), Slice(random));
        return service with { Slices = slices };
    }

    private static ModelSlice Slice(Random random) =>
        new(Ports(random), [.. Enumerable.Range(0, random.Next(5)).Select(_ => Endpoint(random))]);

    private static ModelEndpoint Endpoint(Random random)
    {
        string address = random.Next(3) == 0 ? $"fd00::{1 + random.Next(6)}" : $"10.0.0.{1 + random.Next(6)}";
        string host = random.Next(2) == 0 ? $"h{random.Next(3)}" : address.Replace('.', '-').Replace(':', '-');
        return new ModelEndpoint(host, address, random.Next(4) > 0);
    }

    private static List<ModelPort> Ports(Random random) => [.. _ports.Where(_ => random.Next(3) == 0)];

    private static string Name(Random random)
    {
        string service = $"s{random.Next(5)}.n{random.Next(3)}.svc.cluster.local";
        return random.Next(12) switch
        {
            0 => ((string[])["cluster.local", "svc.cluster.local", "pod.cluster.local", "x.cluster.local", "n0.cluster.local"])[random.Next(5)],
            1 => $"n{random.Next(4)}.svc.cluster.local",
            2 => ClusterModel.Reverse($"10.0.0.{random.Next(8)}"),
            3 => ClusterModel.Reverse(random.Next(2) == 0 ? $"10.96.0.1{random.Next(5)}{random.Next(3)}" : $"fd00:96::1{random.Next(5)}{random.Next(3)}"),
            4 => ClusterModel.Reverse($"fd00::{random.Next(8)}"),
            5 or 6 => service,
            7 => $"h{random.Next(4)}.{service}",
            8 => random.Next(2) == 0 ? $"10-0-0-{random.Next(8)}.{service}" : $"fd00--{random.Next(8)}.{service}",
            9 => string.Create(CultureInfo.InvariantCulture, $"a{random.Next(2)}.b.{service}"),
            _ => $"_{_ports[random.Next(_ports.Length)].Name}x"[..^(random.Next(5) == 0 ? 0 : 1)] + $"._{(random.Next(4) == 0 ? "udp" : "tcp")}.{service}",
        };
    }
}

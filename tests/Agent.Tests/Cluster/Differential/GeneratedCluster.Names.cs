using System.Net;

namespace Agent.Tests.Cluster.Differential;

// Names that are there, nearly there, and not.
internal sealed partial class GeneratedCluster
{
    private const string Domain = "cluster.local";

    private static readonly string[] _fixed =
    [
        Domain, $"svc.{Domain}", $"pod.{Domain}", $"dns-version.{Domain}", $"x.{Domain}", $"x.dns-version.{Domain}", $"dns.{Domain}", $"x.svc.x.{Domain}",
        $"apex.dns.{Domain}", $"ns.dns.{Domain}", $"kube-dns.kube-system.svc.{Domain}", $"_dns._udp.kube-dns.kube-system.svc.{Domain}", $"kube-system.svc.{Domain}",
        "in-addr.arpa", "ip6.arpa", "10.in-addr.arpa", "96.10.in-addr.arpa", "0.0.10.96.10.in-addr.arpa",
    ];

    /// <summary>Targets of ExternalNames: outside, addresses, names of the cluster, themselves.</summary>
    private string Target(string @namespace, string name) => random.Next(12) switch
    {
        0 => "www.outside.test",
        1 => "WWW.Outside.Test.",
        2 => "alias.outside.test",
        3 => "gone.outside.test",
        4 => "v4.outside.test",
        5 => random.Next(2) == 0 ? "10.0.0.7" : "10.0.0.07",
        6 => $"{name}.{@namespace}.svc.{Domain}",
        7 => $"h{random.Next(4)}.{AnyService()}.{AnyNamespace()}.svc.{Domain}",
        8 => $"_http._tcp.{AnyService()}.{AnyNamespace()}.svc.{Domain}",
        9 => random.Next(2) == 0 ? $"10-244-0-{random.Next(20)}.{AnyNamespace()}.pod.{Domain}" : $"nothing.{Domain}",
        _ => $"{AnyService()}.{AnyNamespace()}.svc.{Domain}",
    };

    /// <summary>The names that are there of themselves, and as many others.</summary>
    public HashSet<string> Names(int count)
    {
        HashSet<string> names = new(_fixed, StringComparer.OrdinalIgnoreCase); // asked again, a name has the TTL of a cached one
        while (names.Count < count)
        {
            string name = Name();
            names.Add(random.Next(10) switch
            {
                0 => name.ToUpperInvariant(),
                1 => string.Concat(name.Select(letter => random.Next(2) == 0 ? char.ToUpperInvariant(letter) : letter)),
                _ => name,
            });
        }

        return names;
    }

    private string Name()
    {
        (string @namespace, string service) = random.Next(8) == 0 || _services.Count == 0 ? ($"n{random.Next(Namespaces + 2)}", $"s{random.Next(ServicesPerNamespace + 1)}") : _services.Keys.ElementAt(random.Next(_services.Count));
        string name = $"{service}.{@namespace}.svc.{Domain}";
        Shape? shape = _services.GetValueOrDefault((@namespace, service));
        return random.Next(14) switch
        {
            0 => $"n{random.Next(Namespaces + 2)}.{(random.Next(2) == 0 ? "svc" : "pod")}.{Domain}",
            1 => Reverse(shape?.Addresses is { Length: > 0 } addresses ? addresses[random.Next(addresses.Length)] : $"10.96.0.{random.Next(250)}"),
            2 => Reverse(PodAddress(Family(random.Next(3)))),
            3 => Reverse(random.Next(2) == 0 ? $"192.0.2.{random.Next(250)}" : $"2001:db8::{random.Next(250):x}"),
            4 => $"{Odd()}.{name}",
            5 => $"{PodHost()}.n{random.Next(Namespaces + 2)}.pod.{Domain}",
            6 or 7 => $"{Host(shape)}.{name}",
            8 => $"{Odd()}.{Host(shape)}.{name}",
            9 => $"a.b.{Host(shape)}.{name}",
            10 or 11 => $"{Port(shape)}.{name}",
            _ => name,
        };
    }

    private string Odd() => ((string[])["*", "_tcp", "_udp", "_", "any", "x", "svc", "-", "xn--nxasmq6b", "10-244-0-300", new string('y', 63)])[random.Next(11)];

    private string Host(Shape? shape) =>
        shape?.Hosts is { Length: > 0 } hosts && random.Next(4) > 0 ? hosts[random.Next(hosts.Length)] : random.Next(2) == 0 ? $"h{random.Next(5)}" : Dashed(PodAddress(Family(random.Next(3))));

    private string Port(Shape? shape)
    {
        if (shape?.Ports is { Length: > 0 } ports && random.Next(3) > 0)
            return ports[random.Next(ports.Length)];
        (string name, string protocol, _) = _ports[random.Next(_ports.Length)];
        name = random.Next(8) switch
        {
            0 => "nothing",
            1 => $"{name}x",
            _ => name,
        };
        protocol = random.Next(8) == 0 ? "tcp" : protocol.ToLowerInvariant();
        return random.Next(8) switch
        {
            0 => $"{name}.{protocol}",
            1 => $"_{name}.{protocol}",
            2 => $"{name}._{protocol}",
            3 => $"_._{protocol}",
            _ => $"_{name}._{protocol}",
        };
    }

    private string PodHost() => random.Next(8) switch
    {
        0 => ((string[])["10-244-0-256", "10-244-0", "10-244-0-1-2", "p1", "-", "--", "10-244-0-01", "*"])[random.Next(8)],
        1 => $"fd00-244-0-0-0-0-0-{random.Next(60):x}", // written out
        2 => $"x.{Dashed(PodAddress("IPv4"))}",
        3 => "1-2-3-4",
        4 => "2001-db8--1",
        _ => Dashed(PodAddress(Family(random.Next(3)))),
    };

    private static string Reverse(string address)
    {
        byte[] bytes = IPAddress.Parse(address).GetAddressBytes();
        return bytes.Length == 4 ? string.Join('.', bytes.Reverse()) + ".in-addr.arpa" : string.Join('.', Convert.ToHexStringLower(bytes).Reverse()) + ".ip6.arpa";
    }
}

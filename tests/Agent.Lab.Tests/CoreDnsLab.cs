using System.Text.RegularExpressions;
using Agent.Tests.Support;

namespace Agent.Lab.Tests;

/// <summary>
/// A cluster whose kube-dns is a real CoreDNS, in the second of the lab's kube-dns pods, with more in its Corefile than the cluster. What it does
/// not know it asks of the lab's knot servers, which stand for the outside.
/// </summary>
public sealed partial class CoreDnsLab : ClusterLab
{
    /// <summary>Where it is asked without the agent between.</summary>
    internal const string Direct = "10.244.0.3 -p 5353";

    private readonly NamespaceRelay? _relay;
    private RunningProcess? _process;

    public CoreDnsLab()
    {
        if (Lacks is not null)
            return;
        _relay = new NamespaceRelay($"{Name}-kube-dns-2", Server.Address);
        Server.Put(ApiObjects.KubeDnsSlice("kube-dns-4", 5353, "10.244.0.3"));
        Server.Put(ApiObjects.KubeDnsSlice("kube-dns-6", 5353, "fd00:10:244::3"));
        Server.Put(ApiObjects.Service("web", "10.96.5.5"));
        Server.Put("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}}""");
        PutNamespace();
        string configuration = File.ReadAllText(Configuration);
        File.WriteAllText(Configuration, configuration.Replace("routes: [ ", "routes: [ { zone: corp.test, servers: [\"10.244.0.3:5353\"] }, ", StringComparison.Ordinal));
        File.WriteAllText($"/run/{Name}/corp.test.zone", "@ 300 SOA ns.corp.test. host.corp.test. 1 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.53\nwiki 300 A 192.0.2.80\n");
        File.WriteAllText($"/run/{Name}/Corefile", $$"""
            .:5353 {
                errors
                hosts {
                    192.0.2.77 printer.cluster.local
                    fallthrough
                }
                rewrite name exact legacy.default.svc.cluster.local web.default.svc.cluster.local
                template IN TXT build.cluster.local {
                    answer "{{"{{ .Name }}"}} 60 IN TXT \"of the template\""
                }
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                    kubeconfig /run/{{Name}}/kubeconfig test
                    pods insecure
                    fallthrough in-addr.arpa ip6.arpa
                }
                forward . 10.244.0.2
            }
            corp.test:5353 {
                errors
                file /run/{{Name}}/corp.test.zone
            }

            """);
        StartCoreDns();
    }

    internal static string? Lacks => Machine.LacksForBpf ?? CoreDns.Lacks;

    public override void Dispose()
    {
        _process?.Dispose();
        base.Dispose();
        _relay?.Dispose();
    }

    internal void StartCoreDns()
    {
        _process = StartLab("exec", "kube-dns-2", CoreDns.Program!, "-conf", $"/run/{Name}/Corefile");
        Wait.Until(() => _process.HasEnded || Dig(Direct, "nothing.cluster.local").StartsWith("NXDOMAIN", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "CoreDNS has listed all");
        Assert.False(_process.HasEnded, "CoreDNS ended");
    }

    /// <summary>What a pod gets: the status, then the records as a set, names in lower case; without an SOA, whose serial is each server's own.</summary>
    internal string Dig(string server, string name, string type = "A")
    {
        string output = TryLab(["exec", "curl-pod", "dig", .. $"@{server}".Split(' '), "+time=2", "+tries=2", "+noall", "+comments", "+answer", "+additional", name, type]).Output;
        string[] records = [.. output.Split('\n').Where(line => line.Length > 0 && line[0] != ';').Select(line => Blanks().Replace(line, " ").ToLowerInvariant()).Distinct().Order(StringComparer.Ordinal)];
        return string.Join('\n', [Status().Match(output).Groups[1].Value, .. records]);
    }

    [GeneratedRegex(@"status: ([A-Z]+)")]
    private static partial Regex Status();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}

/// <summary>A test in the lab with a real CoreDNS; where there are both it is never skipped.</summary>
public sealed class CoreDnsLabFactAttribute : FactAttribute
{
    public CoreDnsLabFactAttribute() => Skip = CoreDnsLab.Lacks;
}

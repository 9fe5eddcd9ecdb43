using System.Globalization;
using System.Text.RegularExpressions;

namespace Agent.Lab.Tests;

/// <summary>P44 with a real getaddrinfo, in a pod whose resolv.conf is as the kubelet writes it.</summary>
public sealed class AutopathTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private const string Annotation = "\"annotations\":{\"redirect.lra.dev/autopath\":\"disabled\"}";

    [BpfFact]
    public void P44_getaddrinfo_of_an_external_name_costs_two_queries_at_the_agent_and_none_at_kube_dns_once_warm()
    {
        lab.PutNamespace();
        lab.PutPod("curl-pod", address: "10.244.1.2");
        lab.EnsureAgentServes();
        Wait.Until(
            () => Resolve().Length > 0 && Explain().Contains("Autopath  the first query is answered with an alias to www.outside.test.", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "a warm walk");

        int atKubeDns = lab.QueriesAtKubeDns;
        string found = Resolve();

        Assert.Equal((2, 0), (CostAtAgent(), lab.QueriesAtKubeDns - atKubeDns));
        Assert.Contains("203.0.113.80", found, StringComparison.Ordinal);
        Assert.Contains("www.outside.test", found, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^Search    default\.svc\.cluster\.local svc\.cluster\.local cluster\.local, ndots 5$", Explain());
        Assert.Matches("(?m)^Redirect  yes$", Explain());

        lab.PutPod("curl-pod", Annotation, address: "10.244.1.2");
        Wait.Until(() => Explain().Contains("Autopath  off for this pod", StringComparison.Ordinal), TimeSpan.FromSeconds(5), "the pod opts out");
        Assert.Equal(found, Resolve());
        Assert.Equal(8, CostAtAgent()); // each of the four names, for both families
    }

    /// <summary>What one look-up costs: the least of some, since the agent's own probe asks every 3 s too.</summary>
    private long CostAtAgent() => Enumerable.Range(0, 4).Min(_ =>
    {
        long before = QueriesAtAgent();
        Resolve();
        return QueriesAtAgent() - before;
    });

    private string Resolve() => lab.Lab("exec", "curl-pod", "getent", "ahosts", "www.outside.test");

    private string Explain() => lab.LraOnW1("explain www.outside.test --pod default/curl-pod");

    private long QueriesAtAgent()
    {
        string line = lab.LraOnW1("status").Split('\n').Single(line => line.StartsWith("Queries ", StringComparison.Ordinal));
        return Regex.Matches(line, "([0-9]+) (hits|local|misses)").Sum(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }
}

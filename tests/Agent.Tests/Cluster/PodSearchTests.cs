using Agent.Cluster;
using Agent.Kubernetes;

namespace Agent.Tests.Cluster;

/// <summary>The kubelet's rules for a pod's search list.</summary>
public class PodSearchTests
{
    private const string NodeFile = "# of the node\nsearch old.test\nnameserver 192.0.2.1\noptions timeout:1 ndots:2\nsearch corp.test. lan.test\n";
    private static readonly Pod _pod = new() { Key = new("team", "web"), Uid = "1" };

    public static TheoryData<string, string, bool, string[], int?> Rules => new()
    {
        { "team.svc.cluster.local svc.cluster.local cluster.local corp.test lan.test ndots:5", "ClusterFirst", false, [], null },
        { "corp.test lan.test ndots:2", "ClusterFirst", true, [], null },
        { "team.svc.cluster.local svc.cluster.local cluster.local corp.test lan.test ndots:5", "ClusterFirstWithHostNet", true, [], null },
        { "corp.test lan.test ndots:2", "Default", false, [], null },
        { "corp.test lan.test own.test ndots:3", "Default", false, ["own.test"], 3 },
        { " ndots:1", "None", false, [], null },
        { "own.test other.test ndots:4", "None", false, ["own.test", "other.test"], 4 },
        { "team.svc.cluster.local svc.cluster.local cluster.local corp.test lan.test own.test ndots:1", "ClusterFirst", false, ["LAN.test", "own.test.", "svc.cluster.local"], 1 },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void The_policy_decides_and_dnsConfig_is_appended_without_repetition(string expected, string policy, bool isHostNetwork, string[] searches, int? ndots)
    {
        PodSearch search = PodSearch.Of(_pod with { DnsPolicy = policy, IsHostNetwork = isHostNetwork, Searches = searches, Ndots = ndots }, "cluster.local", NodeFile);

        Assert.Equal(expected, $"{string.Join(' ', search.Domains)} ndots:{search.Ndots}");
    }

    [Fact]
    public void What_is_beyond_32_domains_or_2048_characters_is_left_out()
    {
        string[] many = [.. Enumerable.Range(0, 40).Select(i => $"d{i}.test")];
        string[] wide = [.. Enumerable.Range(0, 30).Select(i => $"{new string('x', 60)}.{new string('y', 60)}.d{i}.test")];

        Assert.Equal(32, PodSearch.Of(_pod with { DnsPolicy = "None", Searches = many }, "cluster.local", "").Domains.Count);
        PodSearch search = PodSearch.Of(_pod with { DnsPolicy = "None", Searches = wide }, "cluster.local", "");
        Assert.InRange(string.Join(' ', search.Domains).Length, 1_900, 2_048);
        Assert.Equal(wide[..search.Domains.Count], search.Domains);
    }

    [Fact]
    public void A_running_pod_keeps_the_list_that_it_began_with_whatever_becomes_of_the_node_s_file()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "search one.test\n");
            PodSearches searches = new("cluster.local", path);
            searches.Update([_pod]);
            File.WriteAllText(path, "search two.test\n");
            Pod second = _pod with { Key = new("team", "second"), Uid = "2" };
            searches.Update([_pod, second]);

            Assert.Equal(("one.test", "two.test"), (searches.Find(_pod)!.Domains[^1], searches.Find(second)!.Domains[^1]));
            File.Delete(path);
            searches.Update([_pod, second, _pod with { Uid = "3" }]);
            Assert.NotNull(searches.Failure);
            Assert.Null(searches.Find(_pod with { Uid = "3" }));
            Assert.NotNull(searches.Find(second));
        }
        finally
        {
            File.Delete(path);
        }
    }
}

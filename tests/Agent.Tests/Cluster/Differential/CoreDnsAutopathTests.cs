using System.Net;
using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster.Differential;

/// <summary>Autopath against CoreDNS's: <c>autopath @kubernetes</c> with <c>pods verified</c>. Both take the node's search domains from this machine's resolv.conf.</summary>
public sealed class CoreDnsAutopathTests : IAsyncLifetime
{
    private readonly IPAddress _pod = TestAddress.NextAddress();
    private readonly IPAddress _stranger = TestAddress.NextAddress();
    private ApiServer _server = null!;
    private SideBySide _both = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        foreach (string name in (string[])["default", "lan"])
            _server.Put($$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{{name}}}"}}""");
        _server.Put(ApiObjects.Service("web", "10.96.1.1"));
        _server.Put("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"db","namespace":"lan"},"spec":{"clusterIP":"10.96.1.2","clusterIPs":["10.96.1.2","fd00:96::2"],"ports":[{"port":80}]}}""");
        _server.Put("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"v4","namespace":"lan"},"spec":{"clusterIP":"10.96.1.3","clusterIPs":["10.96.1.3"],"ports":[{"port":80}]}}""");
        _server.Put("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"out","namespace":"lan"},"spec":{"type":"ExternalName","externalName":"www.outside.test"}}""");
        _server.Put($$$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"one","namespace":"default"},"spec":{"nodeName":"w1"},"status":{"phase":"Running","podIP":"{{{_pod}}}","podIPs":[{"ip":"{{{_pod}}}"}]}}
            """);
        _both = await SideBySide.Start(_server, PodNames.Verified, ClusterNamesMode.Table, "autopath @kubernetes");
        await Wait.Until(() => _both.Agent.HasPodsOf("default"), "the pods");
    }

    public async Task DisposeAsync()
    {
        _both?.Dispose();
        await _server.DisposeAsync();
    }

    [CoreDnsFact]
    public async Task P44_a_search_walk_comes_to_what_CoreDNS_s_autopath_makes_of_it()
    {
        string[] asked = ["www.outside.test", "alias.outside.test", "v4.outside.test", "gone.outside.test", "web", "web.default", "web.default.svc", "db.lan", "db.lan.svc", "v4.lan", "out.lan", "x.web", "nothing", "nothing.lan"];
        foreach (string name in asked)
        {
            foreach (ushort type in (ushort[])[RR.A, RR.Aaaa])
            {
                Assert.Equal($"{name} {type}: {await End(name, type, _pod, theirs: true)}", $"{name} {type}: {await End(name, type, _pod, theirs: false)}");
                Assert.Equal($"{name} {type}: {await End(name, type, _stranger, theirs: true)}", $"{name} {type}: {await End(name, type, _stranger, theirs: false)}");
            }
        }

        Assert.Contains("203.0.113.80", await End("www.outside.test", RR.A, _pod, theirs: false));
    }

    /// <summary>What the first query of a walk is answered with: the records at its end, whatever the TTLs.</summary>
    private async Task<string> End(string name, ushort type, IPAddress from, bool theirs)
    {
        (AnswerText coreDns, AnswerText agent) = await _both.Ask($"{name}.default.svc.cluster.local", type, from);
        AnswerText answer = theirs ? coreDns : agent;
        return $"RCODE {answer.ResponseCode}: {string.Join(", ", answer.Answers.Select(line => line.Split(' ')).Select(words => $"{words[0]} {words[3]}"))}";
    }
}

using System.Net;

namespace Agent.Lab.Tests;

/// <summary>
/// A lab with the Service <c>default/echo</c>, two pods of w1 that a policy may name (the second is another address of the first one's namespace), and one
/// endpoint of the Service on the other machine. Who answers is told by the number of answers.
/// </summary>
public sealed class PolicyLab : ClusterLab
{
    public const string Frontend = "10.96.0.50", Frontend6 = "fd00:10:96::32";
    public const int First = 1, Second = 2, Endpoint = 9;

    private const string Policies = "redirect.lra.dev/v1alpha1", CiliumPolicies = "cilium.io/v2";
    private readonly List<PodServer> _servers = [];

    public PolicyLab()
    {
        if (Machine.LacksForBpf is not null)
            return;
        Server.Install(Policies, "localredirectpolicies");
        Server.Install(CiliumPolicies, "ciliumlocalredirectpolicies");
        Lab("exec", "webpod", "ip", "address", "add", "10.244.1.4/24", "dev", "eth0");
        Lab("exec", "webpod", "ip", "address", "add", "fd00:10:244:1::4/64", "dev", "eth0", "nodad");
        Serve("webpod", First, "10.244.1.3", "fd00:10:244:1::3");
        Serve("webpod", Second, "10.244.1.4", "fd00:10:244:1::4");
        Serve("kube-dns-1", Endpoint, "10.244.0.2", "fd00:10:244::2");
        Server.Put($$$"""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"echo","namespace":"default"},"spec":{"clusterIP":"{{{Frontend}}}","clusterIPs":["{{{Frontend}}}","{{{Frontend6}}}"],
             "ports":[{"name":"tcp","port":8080,"protocol":"TCP","targetPort":9000},{"name":"udp","port":8080,"protocol":"UDP","targetPort":9000}]}}
            """);
        PutSlice("IPv4", "10.244.0.2");
        PutSlice("IPv6", "fd00:10:244::2");
        PutNamespace();
        Reset();
        EnsureAgentServes();
    }

    /// <summary>The pods that answered since the lab is up, by number.</summary>
    internal int Answered(int number) => _servers.Where(server => server.Number == number).Sum(server => server.Answered);

    /// <summary>Both pods are ready, and there is no policy.</summary>
    public void Reset()
    {
        PutBackend(First);
        PutBackend(Second);
        foreach (string name in (string[])["echo", "younger", "dns"])
            DeletePolicy(name);
        Server.Delete(CiliumPolicies, "ciliumlocalredirectpolicies", "echo", "default");
        Server.Delete("v1", "pods", "cilium-w1", "kube-system");
    }

    /// <summary>The pod with the label <c>number</c>, which webpod's cgroup belongs to if it is the first.</summary>
    public void PutBackend(int number, bool isReady = true) => Server.Put($$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"backend-{{{number}}}","namespace":"default","uid":"{{{(number == First ? "-webpod" : "-none")}}}","labels":{"app":"echo","number":"{{{number}}}"} },
         "spec":{"nodeName":"w1","containers":[{"name":"c","ports":[{"name":"echo","containerPort":9000,"protocol":"TCP"},{"name":"echo","containerPort":9000,"protocol":"UDP"}]}]},
         "status":{"phase":"Running","podIP":"10.244.1.{{{2 + number}}}","podIPs":[{"ip":"10.244.1.{{{2 + number}}}"},{"ip":"fd00:10:244:1::{{{2 + number}}}"}],
          "conditions":[{"type":"Ready","status":"{{{(isReady ? "True" : "False")}}}"}]}}
        """);

    /// <summary>UDP and TCP of the Service to the pods with that label.</summary>
    /// <param name="generation">Of the spec; an edit has a higher one.</param>
    public void PutPolicy(string label, string value, string name = "echo", int generation = 1) => Server.Put($$$"""
        {"apiVersion":"{{{Policies}}}","kind":"LocalRedirectPolicy","metadata":{"name":"{{{name}}}","generation":{{{generation}}},"creationTimestamp":"2026-01-0{{{(name == "echo" ? 1 : 2)}}}T00:00:00Z"},
         "spec":{"frontend":{"service":{"namespace":"default","name":"echo"}},
          "ports":[{"name":"t","port":8080,"targetPort":"echo","protocol":"TCP"},{"name":"u","port":8080,"targetPort":9000,"protocol":"UDP"}],
          "backend":{"localPods":{"namespace":"default","selector":{"matchLabels":{"{{{label}}}":"{{{value}}}"} } } } } }
        """);

    /// <summary>All that the agent would serve itself, to the first pod.</summary>
    public void PutDnsPolicy() => Server.Put($$$"""
        {"apiVersion":"{{{Policies}}}","kind":"LocalRedirectPolicy","metadata":{"name":"dns","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z"},
         "spec":{"frontend":{"service":{"namespace":"kube-system","name":"kube-dns"}},
          "ports":[{"name":"t","port":53,"targetPort":9000,"protocol":"TCP"},{"name":"u","port":53,"targetPort":9000,"protocol":"UDP"}],
          "backend":{"localPods":{"namespace":"default","selector":{"matchLabels":{"number":"1"} } } } } }
        """);

    public void DeletePolicy(string name) => Server.Delete(Policies, "localredirectpolicies", name);

    /// <param name="frontend">JSON.</param>
    public void PutCiliumPolicy(string frontend, string toPorts, bool skips = false) => Server.Put($$$"""
        {"apiVersion":"{{{CiliumPolicies}}}","kind":"CiliumLocalRedirectPolicy","metadata":{"name":"echo","namespace":"default","generation":1},
         "spec":{"redirectFrontend":{{{frontend}}},"skipRedirectFromBackend":{{{(skips ? "true" : "false")}}},
          "redirectBackend":{"localEndpointSelector":{"matchLabels":{"number":"1"} },"toPorts":{{{toPorts}}} } } }
        """);

    private void PutSlice(string family, string address) => Server.Put($$$"""
        {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"echo-{{{family}}}","namespace":"default","labels":{"kubernetes.io/service-name":"echo"} },"addressType":"{{{family}}}",
         "ports":[{"name":"tcp","port":9000,"protocol":"TCP"},{"name":"udp","port":9000,"protocol":"UDP"}],"endpoints":[{"addresses":["{{{address}}}"],"conditions":{"ready":true}}]}
        """);

    private void Serve(string pod, byte number, params string[] addresses) =>
        _servers.AddRange(addresses.Select(address => new PodServer($"{Name}-{pod}", new IPEndPoint(IPAddress.Parse(address), 9000), number)));

    public override void Dispose()
    {
        _servers.ForEach(server => server.Dispose());
        base.Dispose();
    }
}

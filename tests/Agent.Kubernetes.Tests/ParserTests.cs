using System.Net;
using System.Text;
using Agent.Kubernetes.Parsing;

namespace Agent.Kubernetes.Tests;

public sealed class ParserTests
{
    [Fact]
    public void A_dual_stack_Service_is_read_without_what_is_not_used()
    {
        Service service = Parse(ServiceParser.Parse, """
            {"metadata":{"managedFields":[{"fieldsV1":{"f:spec":{"name":"wrong"}}}],"name":"dns","namespace":"kube-system","uid":"u","resourceVersion":"7",
             "labels":{"k8s-app":"kube-dns","e":"\u00e9"},"annotations":{"x":"y","service.kubernetes.io/topology-mode":"Auto","redirect.lra.dev/mode":"enabled"}},
             "status":{"loadBalancer":{"metadata":{"name":"wrong"}}},
             "spec":{"type":"ClusterIP","clusterIP":"10.96.0.10","clusterIPs":["10.96.0.10","fd00::a"],"publishNotReadyAddresses":true,
             "ports":[{"name":"dns","port":53,"protocol":"UDP","targetPort":53},{"name":"metrics","port":9153,"targetPort":"http"},{"port":99999},null]}}
            """)!;

        Assert.Equal(new ObjectKey("kube-system", "dns"), service.Key);
        Assert.Equal(("u", "7"), (service.Uid, service.ResourceVersion));
        Assert.Equal(["kube-dns", "é"], service.Labels.Values);
        Assert.Equal(["service.kubernetes.io/topology-mode", "redirect.lra.dev/mode"], service.Annotations.Keys);
        Assert.Equal([IPAddress.Parse("10.96.0.10"), IPAddress.Parse("fd00::a")], service.ClusterIPs);
        Assert.True(service.PublishNotReadyAddresses);
        Assert.False(service.IsHeadless);
        Assert.Equal([new("dns", 53, "UDP", "53"), new("metrics", 9153, "TCP", "http"), new("", 0, "TCP", "")], service.Ports);
    }

    [Fact]
    public void Headless_and_ExternalName_Services_have_no_ClusterIP()
    {
        Service headless = Parse(ServiceParser.Parse, """{"metadata":{"name":"a"},"spec":{"clusterIP":"None","clusterIPs":["None"]}}""")!;
        Service external = Parse(ServiceParser.Parse, """{"metadata":{"name":"a"},"spec":{"type":"ExternalName","externalName":"db.example","clusterIP":"","clusterIPs":["10.0.0.1"]}}""")!;

        Assert.True(headless.IsHeadless);
        Assert.Empty(headless.ClusterIPs);
        Assert.Equal("db.example", external.ExternalName);
        Assert.Empty(external.ClusterIPs);
    }

    [Fact]
    public void An_EndpointSlice_is_read_with_conditions_hints_and_pods()
    {
        EndpointSlice slice = Parse(EndpointSliceParser.Parse, """
            {"addressType":"IPv4","metadata":{"name":"dns-x","namespace":"kube-system","labels":{"kubernetes.io/service-name":"dns"}},
             "ports":[{"name":"dns","port":53,"protocol":"UDP"},{"name":null,"port":null}],
             "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"hostname":"h","nodeName":"w1","zone":"a",
              "hints":{"forZones":[{"name":"a"},{"name":"b"}]},"targetRef":{"kind":"Pod","namespace":"kube-system","name":"dns-0","uid":"1"}},
             {"addresses":["10.0.0.2"],"conditions":{"ready":false,"terminating":true},"targetRef":{"kind":"Node","name":"n"}},
             {"addresses":["10.0.0.3"],"conditions":{}},{"addresses":["nonsense"]}]}
            """)!;

        Assert.Equal("dns", slice.ServiceName);
        Assert.Equal([new("dns", 53, "UDP"), new("", 0, "TCP")], slice.Ports);
        Assert.Equal([(true, false), (false, true), (true, false)], slice.Endpoints.Select(endpoint => (endpoint.IsReady, endpoint.IsTerminating)));
        Endpoint first = slice.Endpoints[0];
        Assert.Equal(("h", "w1", "a"), (first.Hostname, first.NodeName, first.Zone));
        Assert.Equal(["a", "b"], first.ForZones);
        Assert.Equal(new ObjectKey("kube-system", "dns-0"), first.Pod);
        Assert.Null(slice.Endpoints[1].Pod);
    }

    [Fact]
    public void An_EndpointSlice_of_names_or_of_nothing_has_no_endpoints()
    {
        Assert.Empty(Parse(EndpointSliceParser.Parse, """{"endpoints":[{"addresses":["1.2.3.4"]}],"addressType":"FQDN","metadata":{"name":"a"}}""")!.Endpoints);
        Assert.Empty(Parse(EndpointSliceParser.Parse, """{"endpoints":null,"ports":null,"metadata":{"name":"a"}}""")!.Endpoints);
    }

    [Fact]
    public void A_pod_that_is_finished_has_no_addresses()
    {
        Pod pod = Parse(PodParser.Parse, """{"metadata":{"name":"job","namespace":"n"},"status":{"phase":"Succeeded","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}]}}""")!;

        Assert.True(pod.IsFinished);
        Assert.Empty(pod.Addresses);
    }

    [Fact]
    public void A_Pod_is_read_with_its_DNS_settings_ports_and_readiness()
    {
        Pod pod = Parse(PodParser.Parse, """
            {"metadata":{"name":"p","namespace":"n","annotations":{"kubernetes.io/config.mirror":"h"}},
             "spec":{"nodeName":"w1","hostNetwork":true,"runtimeClassName":"kata","dnsPolicy":"None",
              "dnsConfig":{"nameservers":["1.1.1.1"],"searches":["a.example","b.example"],"options":[{"name":"ndots","value":"2"},{"name":"edns0"}]},
              "initContainers":[{"name":"i","ports":[{"name":"over","containerPort":1}]},
               {"name":"s","ports":[{"name":"side","containerPort":2,"protocol":"UDP"}],"restartPolicy":"Always"}],
              "containers":[{"name":"c","ports":[{"name":"dns","containerPort":53,"protocol":"UDP"}]},{"name":"d","ports":null},{"ports":[{"containerPort":80}]}]},
             "status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"}]}}
            """)!;

        Assert.Equal(("w1", true, "kata", "None", 2, true), (pod.NodeName, pod.IsHostNetwork, pod.RuntimeClass, pod.DnsPolicy, pod.Ndots, pod.IsReady));
        Assert.Equal(["a.example", "b.example"], pod.Searches);
        Assert.Equal([IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1")], pod.Addresses);
        Assert.Equal([new("dns", 53, "UDP"), new("", 80, "TCP"), new("side", 2, "UDP")], pod.Ports);
        Assert.Equal("h", pod.Annotations["kubernetes.io/config.mirror"]);
    }

    [Fact]
    public void A_Pod_that_is_being_deleted_is_not_ready() =>
        Assert.False(Parse(PodParser.Parse, """{"metadata":{"name":"p","deletionTimestamp":"2025-01-01T00:00:00Z"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}""")!.IsReady);

    [Fact]
    public void A_LocalRedirectPolicy_is_read()
    {
        LocalRedirectPolicy policy = Parse(PolicyParser.Parse, """
            {"metadata":{"name":"dns","generation":3,"creationTimestamp":"2025-11-20T10:00:00Z"},
             "spec":{"frontend":{"service":{"namespace":"kube-system","name":"kube-dns"}},"ports":[{"name":"dns","port":53,"targetPort":"dns","protocol":"UDP"}],
              "backend":{"localPods":{"namespace":"kube-system","selector":{"matchLabels":{"app":"dns"},"matchExpressions":[{"key":"tier","operator":"In","values":["a","b"]}]}}},
              "nodeSelector":{"kubernetes.io/os":"linux"}},
             "status":{"conditions":[{"type":"Accepted","status":"False","reason":"Conflict","message":"taken","observedGeneration":2,"lastTransitionTime":"2025-11-20T10:00:01Z"}],
              "nodes":{"w1":{"frontends":2,"backends":1,"observedGeneration":3},"w2":{"frontends":0,"backends":0,"observedGeneration":3,"reason":"KernelRefused"},"w3":null}}}
            """)!;

        Assert.Equal([("w1", new(2, 1, 3, "")), ("w2", new(0, 0, 3, "KernelRefused"))], policy.Nodes.Select(node => (node.Key, node.Value)));
        Assert.Equal((3, DateTimeOffset.Parse("2025-11-20T10:00:00Z")), (policy.Generation, policy.CreatedAt));
        Assert.Equal(new ObjectKey("kube-system", "kube-dns"), policy.Service);
        Assert.Null(policy.Address);
        Assert.Equal(new RedirectPort("dns", 53, "UDP", "dns"), Assert.Single(policy.Ports));
        Assert.False(policy.IsAgentCache);
        Assert.True(policy.LocalPods!.Selector.Matches(Labels(("app", "dns"), ("tier", "b"))));
        Assert.False(policy.LocalPods.Selector.Matches(Labels(("app", "dns"))));
        Assert.True(policy.NodeSelector!.Matches(Labels(("kubernetes.io/os", "linux"))));
        Assert.False(policy.NodeSelector.Matches(Labels()));
        Assert.Equal(("Accepted", "False", "Conflict", "taken", 2), Fields(Assert.Single(policy.Conditions)));

        LocalRedirectPolicy cache = Parse(PolicyParser.Parse, """{"metadata":{"name":"c"},"spec":{"frontend":{"address":{"ip":"169.254.1.1"}},"backend":{"agentCache":{}}}}""")!;
        Assert.Equal(("169.254.1.1", true, null), (cache.Address, cache.IsAgentCache, cache.LocalPods));
    }

    [Fact]
    public void A_CiliumLocalRedirectPolicy_is_read()
    {
        CiliumLocalRedirectPolicy service = Parse(CiliumPolicyParser.Parse, """
            {"metadata":{"name":"nodelocaldns","namespace":"kube-system"},
             "spec":{"redirectFrontend":{"serviceMatcher":{"serviceName":"kube-dns","namespace":"kube-system","toPorts":[{"port":"53","name":"dns","protocol":"UDP"}]}},
              "redirectBackend":{"localEndpointSelector":{"matchLabels":{"k8s:k8s-app":"node-local-dns"}},"toPorts":[{"port":"5353","name":"dns","protocol":"UDP"}]},
              "skipRedirectFromBackend":true}}
            """)!;
        CiliumLocalRedirectPolicy address = Parse(CiliumPolicyParser.Parse, """
            {"metadata":{"name":"kiam","namespace":"n"},"spec":{"redirectFrontend":{"addressMatcher":{"ip":"169.254.169.254","toPorts":[{"port":"80","protocol":"TCP"}]}}}}
            """)!;

        Assert.Equal(new ObjectKey("kube-system", "kube-dns"), service.Service);
        Assert.Equal(new NumberedPort("dns", 53, "UDP"), Assert.Single(service.FrontendPorts));
        Assert.Equal(new NumberedPort("dns", 5353, "UDP"), Assert.Single(service.BackendPorts));
        Assert.True(service.SkipRedirectFromBackend);
        Assert.True(service.Backends.Matches(Labels(("k8s-app", "node-local-dns"))));
        Assert.Equal((IPAddress.Parse("169.254.169.254"), null), (address.Address, address.Service));
        Assert.Equal(80, Assert.Single(address.FrontendPorts).Port);
    }

    [Theory]
    [InlineData("NotIn", true)]
    [InlineData("DoesNotExist", true)]
    [InlineData("In", false)]
    [InlineData("Exists", false)]
    [InlineData("Gt", false)]
    public void A_label_that_is_absent_meets_only_what_forbids_it(string operation, bool holds) =>
        Assert.Equal(holds, new LabelRequirement("a", operation, ["b"]).Holds(Labels()));

    [Theory]
    [InlineData("""{"metadata":{"name":""}}""")]
    [InlineData("""{"metadata":7,"spec":"x"}""")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"spec":{"ports":{},"clusterIPs":7,"containers":[[]],"dnsConfig":{"options":7,"searches":{}}},"endpoints":{},"ports":[7],"status":{"podIPs":[7,{}],"conditions":{}}}""")]
    public void Whatever_has_no_name_or_another_shape_is_no_object_and_no_exception(string json)
    {
        Assert.Null(Parse(ServiceParser.Parse, json));
        Assert.Null(Parse(EndpointSliceParser.Parse, json));
        Assert.Null(Parse(PodParser.Parse, json));
        Assert.Null(Parse(PolicyParser.Parse, json));
        Assert.Null(Parse(CiliumPolicyParser.Parse, json));
        Assert.Null(Parse(BareParser.ParseNamespace, json));
        Assert.Null(Parse(BareParser.ParseNode, json));
    }

    [Fact]
    public void Texts_that_objects_share_are_one_string()
    {
        StringPool strings = new();
        byte[] json = """{"metadata":{"name":"a","namespace":"kube-system"}}"""u8.ToArray();

        Assert.Same(BareParser.Parse(json, strings).Key.Namespace, BareParser.Parse(json, strings).Key.Namespace);
    }

    private static T? Parse<T>(ObjectParser<T> parse, string json) where T : KubernetesObject => parse(Encoding.UTF8.GetBytes(json), new StringPool());

    private static Dictionary<string, string> Labels(params (string Key, string Value)[] labels) => labels.ToDictionary(label => label.Key, label => label.Value);

    private static (string, string, string, string, long) Fields(Condition condition) =>
        (condition.Type, condition.Status, condition.Reason, condition.Message, condition.ObservedGeneration);
}

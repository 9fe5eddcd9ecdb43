using System.Text.Json;
using System.Text.RegularExpressions;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary><c>lra policy</c> against a running agent that hears of policies from an API server; its kernel redirects nothing.</summary>
public sealed class PolicyCommandTests : IAsyncLifetime
{
    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private ApiServer _server = null!;
    private TemporaryFile _kubeconfig = null!;
    private AgentSetup _setup = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Install("redirect.lra.dev/v1alpha1", "localredirectpolicies");
        _server.Install("cilium.io/v2", "ciliumlocalredirectpolicies");
        _kubeconfig = new TemporaryFile(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(_server)));
        _setup = new AgentSetup(_upstream.EndPoint, $$"""
            node: w1
            kubernetes: { enabled: true, kubeconfig: {{_kubeconfig.Path}} }
            """);
    }

    public async Task DisposeAsync()
    {
        _upstream.Dispose();
        _setup.Dispose();
        _kubeconfig.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task List_shows_all_policies_and_show_the_frontends_of_one_and_the_cluster_is_told()
    {
        _server.Put("""
            {"apiVersion":"redirect.lra.dev/v1alpha1","kind":"LocalRedirectPolicy","metadata":{"name":"metadata","generation":1},"spec":{
             "frontend":{"address":{"ip":"169.254.169.254"}},"ports":[{"port":80,"targetPort":8080,"protocol":"TCP"}],
             "backend":{"localPods":{"namespace":"default","selector":{"matchLabels":{"app":"proxy"}}}}}}
            """);
        _server.Put("""
            {"apiVersion":"cilium.io/v2","kind":"CiliumLocalRedirectPolicy","metadata":{"name":"web","namespace":"team","generation":1},"spec":{
             "redirectFrontend":{"serviceMatcher":{"serviceName":"web","namespace":"team"}},
             "redirectBackend":{"localEndpointSelector":{"matchLabels":{"app":"web"}},"toPorts":[{"port":"80","protocol":"TCP"}]}}}
            """);
        _server.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"proxy-1","namespace":"default","labels":{"app":"proxy"}},"spec":{"nodeName":"w1"},
             "status":{"phase":"Running","podIPs":[{"ip":"10.244.1.7"}],"conditions":[{"type":"Ready","status":"True"}]}}
            """);
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Wait.Until(() => Policy("list").GetAwaiter().GetResult().Output.Contains("metadata"), "the policies");

        (int status, string output, string error) = await Policy("list");
        Assert.Equal((0, ""), (status, error));
        Assert.Matches(@"(?m)^KIND +NAME +FRONTENDS +BACKENDS +ACCEPTED +PROGRAMMED *$", output);
        Assert.Matches(@"(?m)^LocalRedirectPolicy +metadata +169\.254\.169\.254:80/TCP +1 pod\(s\) +yes \(Accepted\) +", output);
        Assert.Matches(@"(?m)^CiliumLocalRedirectPolicy +team/web +0 pod\(s\) +no \(\w+\) +no \(NotAccepted\)", output);

        (status, output, _) = await Policy("show", "metadata");
        Assert.Equal(0, status);
        Assert.StartsWith("Policy      LocalRedirectPolicy metadata, generation 1\nAccepted    yes (Accepted): ", output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^Backends    default/proxy-1$", output);
        Assert.Matches(@"(?m)^169\.254\.169\.254:80/TCP +10\.244\.1\.7:8080 *$", output);

        Golden.AssertKeys("policy-show", (await Policy("show", "metadata", "-o", "json")).Output);
        JsonElement listing = JsonDocument.Parse((await Policy("show", "team/web", "-o", "json")).Output).RootElement;
        JsonElement policy = Assert.Single(listing.GetProperty("policies").EnumerateArray());
        Assert.Equal("CiliumLocalRedirectPolicy team/web False", $"{policy.GetProperty("kind")} {policy.GetProperty("name")} {policy.GetProperty("accepted").GetProperty("isTrue")}");
        await Wait.Until(() => _server.Patches.Any(patch => patch.Path.EndsWith("/localredirectpolicies/metadata/status", StringComparison.Ordinal)
            && patch.Body["status"]!["nodes"]!["w1"] != null), "the status");
    }

    [Fact]
    public async Task Show_of_a_policy_that_is_not_there_is_status_1()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        Assert.Equal((1, "", "lra: this node knows no such policy; 'lra policy list' names them\n"), await Policy("show", "none"));
    }

    [Fact]
    public async Task Without_a_cluster_it_says_so()
    {
        using AgentSetup setup = new(_upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup);

        (int status, string output, string error) = await AgentProcess.Run("policy", "list", "--config", setup.ConfigurationPath);

        Assert.Equal((0, "lra: kubernetes.enabled is false: this agent watches no policies\n"), (status, error));
        Assert.Single(Regex.Matches(output, "\n"));
    }

    [Fact]
    public async Task Without_an_agent_the_status_is_3()
    {
        (int status, string output, string error) = await Policy("list");

        Assert.Equal((3, $"lra: the agent is not running (nobody answers on {_setup.AdminSocket}); start it with 'lra run', or name its configuration with --config\n"), (status, error));
        Assert.Equal("", output);
    }

    private Task<(int Status, string Output, string Error)> Policy(params string[] arguments) =>
        AgentProcess.Run(["policy", .. arguments, "--config", _setup.ConfigurationPath]);
}

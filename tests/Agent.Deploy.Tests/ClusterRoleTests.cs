using System.Text.Json.Nodes;
using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Deploy.Tests;

/// <summary>The ClusterRole, against what a running agent asks of an API server.</summary>
public sealed class ClusterRoleTests
{
    [Fact]
    public async Task H4_the_ClusterRole_allows_what_the_agent_asks_for_and_nothing_else()
    {
        await using ApiServer server = await ApiServer.Start();
        server.Install(Resources.LocalRedirectPolicies.GroupVersion, Resources.LocalRedirectPolicies.Plural);
        server.Install(Resources.CiliumLocalRedirectPolicies.GroupVersion, Resources.CiliumLocalRedirectPolicies.Plural);
        server.Put(ApiObjects.KubeDns("10.96.0.10"));
        server.Put("""
            {"apiVersion":"redirect.lra.dev/v1alpha1","kind":"LocalRedirectPolicy","metadata":{"name":"dns","uid":"1","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z"},
             "spec":{"frontend":{"service":{"namespace":"kube-system","name":"kube-dns"} },"ports":[{"port":53,"protocol":"UDP"}],"backend":{"agentCache":{} } } }
            """);
        HashSet<string> allowed = [.. Allowed()];

        using (NodeAgent agent = Start(server))
        {
            DateTime deadline = DateTime.UtcNow.AddSeconds(60);
            while (!allowed.IsSubsetOf(Asked(server)) && DateTime.UtcNow < deadline)
                await Task.Delay(50);
        }

        Assert.Equal(allowed.Order(), Asked(server).Order());
        Assert.DoesNotContain(allowed, rule => rule.Contains("secrets", StringComparison.Ordinal) || rule.Contains('*', StringComparison.Ordinal));
    }

    private static NodeAgent Start(ApiServer server)
    {
        string directory = Directory.CreateTempSubdirectory("lra-access-").FullName;
        string kubeconfig = Path.Combine(directory, "kubeconfig");
        File.WriteAllText(kubeconfig, ApiObjects.Kubeconfig(server));
        return NodeAgent.Start(
            new AgentConfiguration
            {
                Node = "w1",
                Listen = new ListenConfiguration { Addresses = [System.Net.IPAddress.Loopback], Port = 5399, Workers = 1 },
                AdminSocket = Path.Combine(directory, "admin.sock"),
                Redirect = new RedirectConfiguration { Enabled = false },
                Kubernetes = new KubernetesConfiguration { Enabled = true, Kubeconfig = kubeconfig, PodNames = PodNames.Verified },
            },
            NullLogger.Instance);
    }

    private static IEnumerable<string> Allowed() =>
        from rule in DeployedYaml.ReadAll("kustomize/base/rbac.yaml").Single(item => item["kind"]!.ToString() == "ClusterRole")["rules"]!.AsArray()
        from resource in rule!["resources"]!.AsArray()
        from verb in rule["verbs"]!.AsArray()
        select $"{verb} {resource} of '{rule["apiGroups"]!.AsArray().Single()}'";

    private static HashSet<string> Asked(ApiServer server) => [.. server.Requests.Select(Describe)];

    /// <summary>A request as the API server's authorizer sees it.</summary>
    private static string Describe(SeenRequest request)
    {
        string[] parts = request.Path.Trim('/').Split('/');
        (string group, IEnumerable<string> rest) = parts[0] == "api" ? ("", parts.Skip(2)) : (parts[1], parts.Skip(3));
        string[] path = [.. rest];
        if (path[0] == "namespaces" && path.Length > 2)
            path = path[2..];
        string resource = path.Length > 2 ? $"{path[0]}/{path[2]}" : path[0];
        string verb = request.Method switch
        {
            "GET" when request.IsWatch => "watch",
            "GET" => path.Length == 1 ? "list" : "get",
            "POST" => "create",
            _ => request.Method.ToLowerInvariant(),
        };
        return $"{verb} {resource} of '{group}'";
    }
}

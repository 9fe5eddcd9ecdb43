using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Agent.Commands;
using Agent.Configuration;
using Agent.Kubernetes;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Deploy.Tests;

/// <summary>The manifests say again what the code says: paths, ports, names, the version.</summary>
public sealed class DefaultsTests
{
    private static readonly AgentConfiguration _defaults = new();

    private readonly JsonNode _pod = DeployedYaml.Read("kustomize/base/daemonset.yaml")["spec"]!["template"]!["spec"]!;

    [Fact]
    public void The_configuration_of_the_ConfigMap_is_valid_and_is_where_the_agent_looks_for_it()
    {
        JsonObject data = DeployedYaml.Read("kustomize/base/configmap.yaml")["data"]!.AsObject();
        string file = Path.GetFileName(CommandLine.DefaultConfiguration);

        Assert.True(ConfigurationFile.TryParse(data[file]!.ToString(), file, out AgentConfiguration? configuration, out IReadOnlyList<ConfigurationMistake> mistakes), string.Join('\n', mistakes));
        Assert.True(configuration.Kubernetes.Enabled);
        Assert.Equal("config", MountAt(Path.GetDirectoryName(CommandLine.DefaultConfiguration)!)["name"]!.ToString());
        Assert.Equal("local-redirect-agent", Volume("config")["configMap"]!["name"]!.ToString());
    }

    [Fact]
    public void What_outlives_the_pod_lies_in_directories_of_the_node_under_the_same_paths()
    {
        string[] paths = [Path.GetDirectoryName(_defaults.AdminSocket)!, Path.GetDirectoryName(_defaults.Redirect.PinPath)!, "/sys/fs/cgroup"];

        foreach (string path in paths)
            Assert.Equal(path, Volume(MountAt(path)["name"]!.ToString())["hostPath"]!["path"]!.ToString());
    }

    [Fact]
    public void The_probes_ask_the_port_of_health_where_the_agent_listens()
    {
        string[] probes = ["startupProbe", "livenessProbe", "readinessProbe"];
        string server = $"{_defaults.Health.Address}:{_defaults.Health.Port}";

        Assert.Equal(
            [$"{server}/healthz", $"{server}/healthz", $"{server}/readyz"],
            probes.Select(probe => Container[probe]!["httpGet"]!).Select(get => $"{get["host"]}:{get["port"]}{get["path"]}"));
    }

    [Fact]
    public void The_pod_declares_no_port_which_another_pod_on_the_network_of_the_node_could_have() =>
        Assert.Null(Container["ports"]);

    [Theory]
    [InlineData("agent", "false", "192.0.2.7", "192.0.2.7:{0}")]
    [InlineData("agent", "false", "2001:db8::7", "[2001:db8::7]:{0}")]
    [InlineData("agent", "true", "192.0.2.7", null)] // uninstalling
    [InlineData("wait", "false", "192.0.2.7", null)]
    public void Prometheus_finds_the_port_of_metrics_although_the_pod_declares_none(string container, string isInit, string ip, string? target)
    {
        // As Prometheus has it of a container without ports (discovery/kubernetes/pod.go).
        Dictionary<string, string> labels = new()
        {
            ["__address__"] = ip,
            ["__meta_kubernetes_pod_ip"] = ip,
            ["__meta_kubernetes_pod_container_name"] = container,
            ["__meta_kubernetes_pod_container_init"] = isInit,
            ["__meta_kubernetes_pod_node_name"] = "w1",
        };
        JsonNode endpoint = DeployedYaml.Read("kustomize/components/podmonitor/podmonitor.yaml")["spec"]!["podMetricsEndpoints"]!.AsArray().Single()!;

        bool isKept = endpoint["relabelings"]!.AsArray().All(rule => Relabel(rule!, labels));

        // Each of these keeps declared ports alone.
        Assert.All((string[])["port", "portNumber", "targetPort"], field => Assert.Null(endpoint[field]));
        Assert.Equal(target != null, isKept);
        if (isKept)
            Assert.Equal((string.Format(CultureInfo.InvariantCulture, target!, _defaults.Metrics.Port), "w1"), (labels["__address__"], labels["node"]));
    }

    [Theory]
    [InlineData("kustomize/base/daemonset.yaml", "run")]
    [InlineData("kustomize/components/uninstall/kustomization.yaml", "uninstall")]
    public void The_arguments_are_a_command_of_the_agent(string file, string command)
    {
        Assert.Contains($"[{command}]", File.ReadAllText(Path.Combine(DeployedYaml.Root, "deploy", file)), StringComparison.Ordinal);
        Assert.Empty(CommandLine.Create().Parse([command]).Errors);
    }

    [Fact]
    public void Every_node_tells_its_agent_its_name()
    {
        JsonNode variable = Container["env"]!.AsArray().Single()!;

        Assert.Equal("NODE_NAME spec.nodeName", $"{variable["name"]} {variable["valueFrom"]!["fieldRef"]!["fieldPath"]}");
    }

    [Fact]
    public void Image_and_chart_have_the_version_of_the_code()
    {
        string version = typeof(CommandLine).Assembly.GetName().Version!.ToString(3);
        JsonObject chart = DeployedYaml.Read("helm/local-redirect-agent/Chart.yaml");

        Assert.Equal(version, DeployedYaml.Read("kustomize/base/kustomization.yaml")["images"]![0]!["newTag"]!.ToString());
        Assert.Equal((version, version), (chart["version"]!.ToString(), chart["appVersion"]!.ToString()));
    }

    [Fact]
    public void The_chart_carries_the_one_CRD_that_there_is()
    {
        FileInfo crd = new(Path.Combine(DeployedYaml.Root, "deploy/helm/local-redirect-agent/crds/localredirectpolicy.yaml"));

        Assert.Equal(Path.Combine(DeployedYaml.Root, "deploy", DeployedYaml.PolicyCrd), crd.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        Assert.Equal(Resources.LocalRedirectPolicies.GroupVersion.Split('/')[0], DeployedYaml.Read(DeployedYaml.PolicyCrd)["spec"]!["group"]!.ToString());
    }

    [Fact]
    public void H2_the_root_file_system_is_read_only_and_no_privilege_can_be_gained()
    {
        JsonNode context = Container["securityContext"]!;

        Assert.Equal("true false", $"{context["readOnlyRootFilesystem"]} {context["allowPrivilegeEscalation"]}".ToLowerInvariant());
        Assert.Equal("[\"ALL\"]", context["capabilities"]!["drop"]!.ToJsonString());
        Assert.Equal("RuntimeDefault", _pod["securityContext"]!["seccompProfile"]!["type"]!.ToString());
        Assert.NotNull(Container["resources"]!["limits"]!["memory"]);
    }

    /// <summary>What Prometheus does with one rule of the actions <c>replace</c> and <c>keep</c>.</summary>
    /// <returns>False: the target is dropped.</returns>
    private static bool Relabel(JsonNode rule, Dictionary<string, string> labels)
    {
        string source = string.Join(';', rule["sourceLabels"]!.AsArray().Select(label => labels[label!.ToString()]));
        Match match = Regex.Match(source, $"^(?:{rule["regex"]?.ToString() ?? "(.*)"})$");
        if (rule["action"]?.ToString() == "keep")
            return match.Success;
        Assert.Null(rule["action"]);
        if (match.Success)
            labels[rule["targetLabel"]!.ToString()] = match.Result(rule["replacement"]?.ToString() ?? "$1");
        return true;
    }

    private JsonNode Container => _pod["containers"]!.AsArray().Single()!;

    private JsonNode MountAt(string path) => Container["volumeMounts"]!.AsArray().Single(mount => mount!["mountPath"]!.ToString() == path)!;

    private JsonNode Volume(string name) => _pod["volumes"]!.AsArray().Single(volume => volume!["name"]!.ToString() == name)!;
}

using System.Text.Json.Nodes;
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

    private JsonNode Container => _pod["containers"]!.AsArray().Single()!;

    private JsonNode MountAt(string path) => Container["volumeMounts"]!.AsArray().Single(mount => mount!["mountPath"]!.ToString() == path)!;

    private JsonNode Volume(string name) => _pod["volumes"]!.AsArray().Single(volume => volume!["name"]!.ToString() == name)!;
}

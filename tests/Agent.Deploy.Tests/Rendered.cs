using System.Text.Json.Nodes;
using Agent.Kubernetes.Tests.Support;
using Agent.Lab.Tests;
using Xunit.Sdk;

namespace Agent.Deploy.Tests;

/// <summary>The objects that kubectl and helm would send to an API server.</summary>
internal static class Rendered
{
    /// <param name="folder">Below deploy/kustomize.</param>
    public static IReadOnlyList<JsonObject> ByKubectl(string folder) => Run("kubectl", "kustomize", Path.Combine(DeployedYaml.Root, "deploy/kustomize", folder));

    /// <summary>The base with one of the components, as somebody's own kustomization has it.</summary>
    public static IReadOnlyList<JsonObject> ByKubectlWith(string component)
    {
        DirectoryInfo directory = Directory.CreateDirectory(Path.Combine(DeployedYaml.Root, "out", $"kustomize-{Guid.NewGuid():N}"));
        try
        {
            File.WriteAllText(Path.Combine(directory.FullName, "kustomization.yaml"), $"""
                resources: [../../deploy/kustomize/base]
                components: [../../deploy/kustomize/components/{component}]
                """);
            return Run("kubectl", "kustomize", directory.FullName);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <param name="values">As after --set; empty: the chart's own.</param>
    public static IReadOnlyList<JsonObject> ByHelm(string values, string kubernetes = "1.34.0") =>
        Run("helm", "template", "lra", Path.Combine(DeployedYaml.Root, "deploy/helm/local-redirect-agent"), "--namespace", "kube-system", "--include-crds", "--kube-version", kubernetes, "--set", values);

    public static JsonObject DaemonSetOf(IReadOnlyList<JsonObject> objects) => objects.Single(item => item["kind"]!.ToString() == "DaemonSet");

    private static IReadOnlyList<JsonObject> Run(string tool, params string[] arguments)
    {
        CommandResult result = Processes.Run(Path.Combine(Tools.Directory, tool), arguments);
        return result.ExitCode == 0 ? DeployedYaml.Parse(result.Output) : throw new XunitException($"{tool} {string.Join(' ', arguments)}: {result.Error}");
    }
}

using System.Text.Json.Nodes;
using Agent.Kubernetes.Tests.Support;
using Agent.Lab.Tests;
using Xunit.Sdk;

namespace Agent.Deploy.Tests;

/// <summary>The objects that kubectl and helm would send to an API server.</summary>
internal static class Rendered
{
    /// <param name="folder">Below deploy/kustomize.</param>
    public static IReadOnlyList<JsonObject> ByKubectl(string folder) => ByKustomize(Path.Combine(DeployedYaml.Root, "deploy/kustomize", folder));

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
            return ByKustomize(directory.FullName);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <param name="values">As after --set; empty: the chart's own.</param>
    public static IReadOnlyList<JsonObject> ByHelm(string values, string kubernetes = "1.34.0") =>
        Parse(Helm("template", "--include-crds", "--kube-version", kubernetes, "--set", values));

    /// <summary>What helm says to a command on the chart.</summary>
    public static CommandResult Helm(string command, params string[] arguments) =>
        Processes.Run(Path.Combine(Tools.Directory, "helm"), [command, "lra", Path.Combine(DeployedYaml.Root, "deploy/helm/local-redirect-agent"), "--namespace", "kube-system", .. arguments]);

    public static JsonObject DaemonSetOf(IReadOnlyList<JsonObject> objects) => objects.Single(item => item["kind"]!.ToString() == "DaemonSet");

    private static IReadOnlyList<JsonObject> ByKustomize(string directory) => Parse(Processes.Run(Path.Combine(Tools.Directory, "kubectl"), ["kustomize", directory]));

    private static IReadOnlyList<JsonObject> Parse(CommandResult result) => result.ExitCode == 0 ? DeployedYaml.Parse(result.Output) : throw new XunitException(result.Error);
}

using System.Text.Json.Nodes;
using Agent.Kubernetes.Tests.Support;
using Agent.Lab.Tests;

namespace Agent.Deploy.Tests;

/// <summary>What kubectl makes of the kustomizations and helm of the chart.</summary>
public sealed class ManifestTests
{
    /// <summary>A folder or component of deploy/kustomize, and the values of the chart that stand for it.</summary>
    public static TheoryData<string, string> Variants => new()
    {
        { ".", "" },
        { "uninstall", "uninstall=true" },
        { "components/podmonitor", "podMonitor=true" },
        { "components/stale-sockets", "staleSockets=true" },
    };

    [ToolTheory]
    [MemberData(nameof(Variants))]
    public void The_kustomization_and_the_chart_make_the_same_objects(string folder, string values)
    {
        IReadOnlyList<JsonObject> kubectl = Kustomized(folder);
        IReadOnlyList<JsonObject> helm = Rendered.ByHelm(values);

        Assert.Equal(Sorted(kubectl), Sorted(helm));
    }

    [ToolFact]
    public void Every_object_of_the_chart_fits_the_schemas_of_Kubernetes()
    {
        string[] values =
        [
            "",
            "uninstall=true",
            "podMonitor=true,staleSockets=true,extraCapabilities={SYS_RESOURCE},seccompProfile=lra.json",
            $"image.digest=sha256:{new string('0', 64)},image.pullPolicy=Always,imagePullSecrets[0].name=here,apiServer.host=192.0.2.1,maxUnavailable=2",
        ];

        Assert.Empty(Mistakes(values.SelectMany(value => Rendered.ByHelm(value))));
    }

    [ToolFact]
    public void Every_object_of_the_machines_of_vagrant_fits_the_schemas_of_Kubernetes()
    {
        JsonObject[] objects = [.. Directory.GetFiles(Path.Combine(DeployedYaml.Root, "vagrant/manifests")).SelectMany(file => DeployedYaml.Parse(File.ReadAllText(file)))];

        Assert.NotEmpty(objects);
        Assert.Empty(Mistakes(objects));
    }

    [ToolFact]
    public void Mistakes_in_objects_are_found()
    {
        JsonObject Broken(string field, string value)
        {
            JsonObject daemonSet = Rendered.DaemonSetOf(Rendered.ByHelm(""));
            daemonSet["metadata"]!["name"] = field;
            daemonSet["spec"]!["template"]!["spec"]![field] = JsonNode.Parse(value);
            return daemonSet;
        }

        string mistakes = Mistakes([Broken("hostNetwrk", "true"), Broken("dnsPolicy", "\"Defalt\""), Broken("containers", "[{\"image\":\"nameless\"}]")]);

        Assert.All((string[])["hostNetwrk", "dnsPolicy", "containers"], name => Assert.Contains($"DaemonSet {name}: ", mistakes, StringComparison.Ordinal));
    }

    [ToolFact]
    public void Before_Kubernetes_1_30_the_chart_asks_for_no_AppArmor_profile_by_annotation()
    {
        JsonNode template = Rendered.DaemonSetOf(Rendered.ByHelm("", kubernetes: "1.29.0"))["spec"]!["template"]!;

        Assert.Null(template["spec"]!["securityContext"]!["appArmorProfile"]);
        Assert.Equal("unconfined", template["metadata"]!["annotations"]!["container.apparmor.security.beta.kubernetes.io/agent"]!.ToString());
    }

    [ToolFact]
    public void Uninstalling_runs_with_all_that_the_agent_has_and_what_waits_after_it_with_nothing()
    {
        JsonNode agent = Rendered.DaemonSetOf(Rendered.ByKubectl("."))["spec"]!["template"]!["spec"]!["containers"]![0]!;
        JsonNode pod = Rendered.DaemonSetOf(Rendered.ByKubectl("uninstall"))["spec"]!["template"]!["spec"]!;
        JsonNode uninstall = pod["initContainers"]!.AsArray().Single()!;

        Assert.Equal("uninstall", uninstall["args"]!.AsArray().Single()!.ToString());
        foreach (string same in (string[])["image", "env", "securityContext", "volumeMounts"])
            Assert.True(JsonNode.DeepEquals(agent[same], uninstall[same]), same);
        Assert.Equal("[\"ALL\"]", pod["containers"]!.AsArray().Single()!["securityContext"]!["capabilities"]!["drop"]!.ToJsonString());
    }

    private static IReadOnlyList<JsonObject> Kustomized(string folder) =>
        folder.StartsWith("components/", StringComparison.Ordinal) ? Rendered.ByKubectlWith(folder["components/".Length..]) : Rendered.ByKubectl(folder);

    private static string Mistakes(IEnumerable<JsonObject> objects)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, new JsonArray([.. objects.Select(item => item.DeepClone())]).ToJsonString());
            CommandResult result = Processes.Run("node", [Path.Combine(Tools.Directory, "schemas.mjs"), file]);
            Assert.True(result.ExitCode == 0, result.Error);
            return result.Output;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<string> Sorted(IReadOnlyList<JsonObject> objects) => objects.Select(item => Sorted(item)!.ToJsonString()).Order(StringComparer.Ordinal);

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject item => new JsonObject(item.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => KeyValuePair.Create(field.Key, Sorted(field.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}

using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>The files of <c>deploy/</c>, as the JSON that kubectl makes of them.</summary>
internal static class DeployedYaml
{
    public const string PolicyCrd = "crd/localredirectpolicy.yaml";

    public static string Root { get; } = FindRoot();

    public static JsonObject Read(string pathInDeploy) => ReadAll(pathInDeploy).Single();

    public static IReadOnlyList<JsonObject> ReadAll(string pathInDeploy) => Parse(File.ReadAllText(Path.Combine(Root, "deploy", pathInDeploy)));

    public static IReadOnlyList<JsonObject> Parse(string text)
    {
        YamlStream yaml = new();
        yaml.Load(new StringReader(text));
        return [.. yaml.Documents.Select(document => ToJson(document.RootNode)!.AsObject())];
    }

    private static JsonNode? ToJson(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(child => KeyValuePair.Create(((YamlScalarNode)child.Key).Value!, ToJson(child.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(ToJson)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => FromPlain(plain.Value!),
        _ => JsonValue.Create(((YamlScalarNode)node).Value),
    };

    private static JsonValue FromPlain(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            return JsonValue.Create(number);
        return bool.TryParse(text, out bool flag) ? JsonValue.Create(flag) : JsonValue.Create(text);
    }

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory != null && !File.Exists(Path.Combine(directory.FullName, "Agent.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below Agent.sln");
    }
}

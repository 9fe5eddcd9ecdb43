using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Agent.Kubernetes.Parsing;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Kubernetes.Tests;

/// <summary>The CRD keeps the rules of the API server that are known here, and says what <see cref="PolicyParser"/> reads.</summary>
public sealed class PolicyCrdTests
{
    private static readonly string[] _keywords =
    [
        "type", "description", "properties", "required", "items", "additionalProperties", "format", "enum", "default", "pattern", "anyOf", "minimum", "maximum",
        "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
        "x-kubernetes-int-or-string", "x-kubernetes-validations",
    ];

    private readonly JsonObject _crd = DeployedYaml.Read(DeployedYaml.PolicyCrd);

    private JsonObject Version => _crd["spec"]!["versions"]!.AsArray().Single()!.AsObject();

    private JsonObject Schema => Version["schema"]!["openAPIV3Schema"]!.AsObject();

    [Fact]
    public void Its_names_are_those_that_the_agent_asks_for()
    {
        JsonNode spec = _crd["spec"]!;
        Resource<LocalRedirectPolicy> resource = Resources.LocalRedirectPolicies;

        Assert.Equal("apiextensions.k8s.io/v1 CustomResourceDefinition", $"{_crd["apiVersion"]} {_crd["kind"]}");
        Assert.Equal(resource.GroupVersion, $"{spec["group"]}/{Version["name"]}");
        Assert.Equal((resource.Kind, resource.Plural), (spec["names"]!["kind"]!.ToString(), spec["names"]!["plural"]!.ToString()));
        Assert.Equal($"{resource.Plural}.{spec["group"]}", _crd["metadata"]!["name"]!.ToString());
        Assert.Equal("Cluster lrp", $"{spec["scope"]} {spec["names"]!["shortNames"]![0]}");
        Assert.Equal("true true {}", $"{Version["served"]} {Version["storage"]} {Version["subresources"]!["status"]}");
        Assert.Equal(
            ["Frontend 0", "Accepted 0", "Programmed 0", "Backend 1", "Reason 1", "Age 0"],
            Version["additionalPrinterColumns"]!.AsArray().Select(column => $"{column!["name"]} {column["priority"] ?? 0}"));
    }

    [Fact]
    public void Its_schema_is_structural_described_and_bounded()
    {
        List<string> mistakes = [];
        Check(Schema, "$", mistakes);

        Assert.Empty(mistakes);
        // apiextensions forbids anything else of the root's metadata, a description too.
        Assert.Equal("""{"type":"object"}""", Schema["properties"]!["metadata"]!.ToJsonString());
    }

    [Fact]
    public void Each_of_its_fields_is_read_by_the_parser()
    {
        JsonObject whole = Sample(Schema, "")!.AsObject();
        whole["metadata"] = new JsonObject { ["name"] = "whole" };
        string read = Read(whole);

        string[] unread = [.. PathsOf(whole, [])
            .Where(path => path[0] is "spec" or "status")
            .Where(path => Read(Without(whole, path)) == read)
            .Select(path => string.Join('.', path))];

        Assert.Empty(unread);
    }

    [Fact]
    public void It_has_each_field_that_the_parser_reads()
    {
        string source = File.ReadAllText(Path.Combine(DeployedYaml.Root, "src/Agent.Kubernetes/Parsing/PolicyParser.cs"));
        HashSet<string> known = [.. PathsOf(Sample(Schema, "")!.AsObject(), []).Select(path => path[^1])];

        Assert.DoesNotContain(Regex.Matches(source, "\"(\\w+)\"u8").Select(match => match.Groups[1].Value), name => !known.Contains(name));
    }

    [Fact]
    public void The_sample_for_the_agents_cache_is_read()
    {
        LocalRedirectPolicy policy = Parse(DeployedYaml.Read("samples/agent-cache.yaml"));

        Assert.Equal(new ObjectKey("kube-system", "kube-dns"), policy.Service);
        Assert.Equal([new("dns", 53, "UDP", ""), new("dns-tcp", 53, "TCP", "")], policy.Ports);
        Assert.Equal((true, null, null), (policy.IsAgentCache, policy.LocalPods, policy.Address));
        Assert.True(policy.NodeSelector!.Matches(new Dictionary<string, string> { ["kubernetes.io/os"] = "linux" }));
    }

    [Fact]
    public void The_sample_for_local_pods_is_read()
    {
        LocalRedirectPolicy policy = Parse(DeployedYaml.Read("samples/local-pods.yaml"));

        Assert.Equal(("169.254.169.254", null, false), (policy.Address, policy.Service, policy.IsAgentCache));
        Assert.Equal([new("http", 80, "TCP", "http")], policy.Ports);
        Assert.Equal("kube-system", policy.LocalPods!.Namespace);
        Assert.True(policy.LocalPods.Selector.Matches(new Dictionary<string, string> { ["app"] = "metadata-proxy" }));
        Assert.False(policy.LocalPods.Selector.Matches(new Dictionary<string, string> { ["app"] = "metadata-proxy", ["track"] = "canary" }));
        Assert.Null(policy.NodeSelector);
    }

    private static void Check(JsonObject schema, string path, List<string> mistakes)
    {
        void Demand(bool holds, string what)
        {
            if (!holds)
                mistakes.Add($"{path}: {what}");
        }

        string type = schema["type"]?.ToString() ?? "";
        bool isIntOrString = schema["x-kubernetes-int-or-string"] != null;
        foreach ((string keyword, _) in schema)
            Demand(_keywords.Contains(keyword), $"unknown keyword {keyword}");
        Demand(isIntOrString ? type == "" : type is "object" or "array" or "string" or "integer" or "boolean", $"no type '{type}'");
        Demand(path == "$.metadata" || schema["description"]?.ToString() is { } text && text.EndsWith('.'), "no description");
        Demand(schema["properties"] == null || schema["additionalProperties"] == null, "properties and additionalProperties");
        Demand((type == "array") == (schema["items"] != null), "items are for arrays");
        // What the cost of the rules is estimated from.
        Demand(type != "array" || schema["maxItems"] != null && schema["x-kubernetes-list-type"] != null, "an array without bound or list type");
        Demand(schema["additionalProperties"] == null || schema["maxProperties"] != null, "a map without bound");
        Demand(type != "string" || schema["maxLength"] != null || schema["enum"] != null || schema["format"] != null || path is "$.apiVersion" or "$.kind", "a string without bound");
        foreach (JsonNode? name in schema["required"]?.AsArray() ?? [])
            Demand(schema["properties"]?[name!.ToString()] != null, $"requires {name}, which it does not have");
        foreach (JsonNode? key in schema["x-kubernetes-list-map-keys"]?.AsArray() ?? [])
        {
            JsonNode item = schema["items"]!;
            bool isRequired = item["required"]!.AsArray().Any(name => name!.ToString() == key!.ToString());
            Demand(isRequired || item["properties"]![key!.ToString()]!["default"] != null, $"the key {key} is neither required nor has it a default");
        }

        foreach ((string name, JsonNode? property) in schema["properties"]?.AsObject() ?? [])
            Check(property!.AsObject(), $"{path}.{name}", mistakes);
        if (schema["items"] is JsonObject items)
            Check(items, $"{path}[]", mistakes);
        if (schema["additionalProperties"] is JsonObject values)
            Check(values, $"{path}{{}}", mistakes);
    }

    /// <summary>A value with every field that the schema knows, each other than what counts when it is absent.</summary>
    private static JsonNode? Sample(JsonObject schema, string name) => schema["type"]?.ToString() switch
    {
        "object" when schema["additionalProperties"] is JsonObject values => new JsonObject { [$"a-{name}"] = Sample(values, name) },
        "object" => new JsonObject((schema["properties"]?.AsObject() ?? []).Select(property => KeyValuePair.Create(property.Key, Sample(property.Value!.AsObject(), property.Key)))),
        "array" => new JsonArray(Sample(schema["items"]!.AsObject(), name)),
        "integer" => 7,
        "string" when schema["enum"] is JsonArray words => words[^1]!.ToString(),
        "string" when schema["format"]?.ToString() == "date-time" => "2025-11-20T10:00:00Z",
        _ => $"some-{name}",
    };

    private static IEnumerable<string[]> PathsOf(JsonNode? node, string[] path) => node switch
    {
        JsonObject fields => fields.SelectMany(field => PathsOf(field.Value, [.. path, field.Key]).Prepend([.. path, field.Key])),
        JsonArray { Count: > 0 } items => PathsOf(items[0], [.. path, "0"]),
        _ => [],
    };

    private static JsonObject Without(JsonObject whole, string[] path)
    {
        JsonObject copy = whole.DeepClone().AsObject();
        JsonNode parent = path[..^1].Aggregate((JsonNode)copy, (node, step) => node is JsonArray items ? items[int.Parse(step)]! : node[step]!);
        Assert.True(parent.AsObject().Remove(path[^1]));
        return copy;
    }

    private static string Read(JsonObject policy) => JsonSerializer.Serialize(Parse(policy));

    private static LocalRedirectPolicy Parse(JsonObject policy) =>
        PolicyParser.Parse(JsonSerializer.SerializeToUtf8Bytes(policy), new StringPool())!;
}

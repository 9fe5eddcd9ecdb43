using System.Globalization;
using System.Text.Json.Nodes;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>Objects as the API server would have them.</summary>
internal static class Objects
{
    public static string Service(string name, string clusterIP = "10.96.0.10", string inNamespace = "default") =>
        $$$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{{name}}}}","namespace":"{{{{inNamespace}}}}"},"spec":{"clusterIP":"{{{{clusterIP}}}}","clusterIPs":["{{{{clusterIP}}}}"],"ports":[{"port":53,"protocol":"UDP"}]}}""";

    public static string Pod(string name, string node) =>
        $$$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{{name}}}}","namespace":"default"},"spec":{"nodeName":"{{{{node}}}}"},"status":{"podIPs":[{"ip":"10.244.0.9"}]}}""";

    public static string Policy(string name) =>
        $$$$"""{"apiVersion":"redirect.lra.dev/v1alpha1","kind":"LocalRedirectPolicy","metadata":{"name":"{{{{name}}}}"},"spec":{"frontend":{"address":{"ip":"169.254.1.1"}}},"status":{"conditions":[{"type":"Accepted","status":"True"}]}}""";

    /// <summary>Of the size that Services have in a cluster, about 1.5 KB with managedFields.</summary>
    public static JsonObject LargeService(int number)
    {
        string n = number.ToString(CultureInfo.InvariantCulture);
        JsonObject service = JsonNode.Parse(Service($"service-{n}", $"10.{100 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}", $"team-{number % 50}"))!.AsObject();
        service["metadata"]!["labels"] = new JsonObject { ["app.kubernetes.io/name"] = $"app-{n}", ["app.kubernetes.io/managed-by"] = "Helm", ["tier"] = "backend" };
        service["metadata"]!["annotations"] = new JsonObject { ["kubectl.kubernetes.io/last-applied-configuration"] = new string('x', 600) };
        service["metadata"]!["managedFields"] = JsonNode.Parse("""
            [{"manager":"helm","operation":"Update","apiVersion":"v1","time":"2025-11-20T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":
            {".":{},"f:app.kubernetes.io/name":{},"f:tier":{}}},"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":53,\"protocol\":\"UDP\"}":{".":{},"f:port":{},"f:protocol":{}}}}}}]
            """);
        return service;
    }
}

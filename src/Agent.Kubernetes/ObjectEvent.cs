using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Agent.Kubernetes;

/// <summary>events.k8s.io/v1 Event on one object: something that a person who looks at the object should know.</summary>
public sealed record ObjectEvent
{
    private const string ReportingController = "redirect.lra.dev/agent";

    // What events.k8s.io/v1 allows, in bytes of UTF-8; a longer text would be refused.
    private const int MaxNote = 1024;
    private const int MaxWord = 128;

    public required ObjectReference About { get; init; }

    /// <summary>Told apart by it, so that of several nodes that tell the same one is recorded, and the others get 409; a name in DNS of at most 253 characters.</summary>
    public required string Name { get; init; }

    /// <summary>Type Warning in place of Normal.</summary>
    public bool IsWarning { get; init; }

    /// <summary>What was being done, in CamelCase: <c>Program</c>.</summary>
    public required string Action { get; init; }

    /// <summary>Why, in CamelCase: <c>FrontendTaken</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>For people; cut at 1024 bytes of UTF-8.</summary>
    public required string Note { get; init; }

    /// <summary>Which agent: the node's name.</summary>
    public required string ReportedBy { get; init; }

    // An event on a cluster-scoped object must be in the namespace default.
    private string Namespace => About.Key.Namespace.Length > 0 ? About.Key.Namespace : "default";

    internal string Path => $"/apis/events.k8s.io/v1/namespaces/{Uri.EscapeDataString(Namespace)}/events";

    internal byte[] ToJson()
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", "events.k8s.io/v1");
            json.WriteString("kind", "Event");
            json.WriteStartObject("metadata");
            json.WriteString("name", Name);
            json.WriteString("namespace", Namespace);
            json.WriteEndObject();
            // A MicroTime: exactly six digits.
            json.WriteString("eventTime", DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture));
            json.WriteString("reportingController", ReportingController);
            json.WriteString("reportingInstance", Cut(ReportedBy, MaxWord));
            json.WriteString("type", IsWarning ? "Warning" : "Normal");
            json.WriteString("action", Cut(Action, MaxWord));
            json.WriteString("reason", Cut(Reason, MaxWord));
            json.WriteString("note", Cut(Note, MaxNote));
            WriteRegarding(json);
            json.WriteEndObject();
        }
        return bytes.ToArray();
    }

    private void WriteRegarding(Utf8JsonWriter json)
    {
        json.WriteStartObject("regarding");
        json.WriteString("apiVersion", About.GroupVersion);
        json.WriteString("kind", About.Kind);
        if (About.Key.Namespace.Length > 0)
            json.WriteString("namespace", About.Key.Namespace);
        json.WriteString("name", About.Key.Name);
        if (About.Uid.Length > 0)
            json.WriteString("uid", About.Uid);
        if (About.ResourceVersion.Length > 0)
            json.WriteString("resourceVersion", About.ResourceVersion);
        json.WriteEndObject();
    }

    private static string Cut(string text, int max)
    {
        if (Encoding.UTF8.GetByteCount(text) <= max)
            return text;
        Span<byte> bytes = stackalloc byte[MaxNote];
        Utf8.FromUtf16(text, bytes[..max], out int whole, out _); // no half of a character
        return text[..whole];
    }
}

/// <summary>One version of one object, as events name it.</summary>
public sealed record ObjectReference(string GroupVersion, string Kind, ObjectKey Key, string Uid, string ResourceVersion)
{
    public static ObjectReference To<T>(Resource<T> resource, T about) where T : KubernetesObject =>
        new(resource.GroupVersion, resource.Kind, about.Key, about.Uid, about.ResourceVersion);
}

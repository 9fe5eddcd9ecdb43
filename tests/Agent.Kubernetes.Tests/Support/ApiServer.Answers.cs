using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>Lists, status patches, events and refusals.</summary>
public sealed partial class ApiServer
{
    private const int CompressFrom = 128 << 10;

    private readonly Dictionary<string, JsonObject[]> _pagedSnapshots = [];

    private async Task List(HttpContext context, StoredKind kind, ObjectPath path)
    {
        Selection selection = new(context.Request.Query, path.Namespace);
        _ = int.TryParse(context.Request.Query["limit"], CultureInfo.InvariantCulture, out int limit);
        string token = context.Request.Query["continue"].ToString();
        if (token.Length > 0 && Trouble.TakeExpiredContinue())
        {
            await Refuse(context, 410, "Expired", "The provided continue parameter is too old to display a consistent list result.");
            return;
        }

        (JsonObject[] items, string version, int start) = SnapshotFor(kind, selection, token);
        int end = limit > 0 ? Math.Min(items.Length, start + limit) : items.Length;
        string next = end < items.Length ? $"{version}:{end}" : "";
        byte[] body;
        // JsonNode makes its parts when they are first read, which two threads must not do at once.
        lock (_lock)
        {
            _pagedSnapshots[version] = items;
            body = ComposeList(kind, items.AsSpan(start..end), version, next);
        }
        await Write(context, 200, body);
    }

    private (JsonObject[] Items, string Version, int Start) SnapshotFor(StoredKind kind, Selection selection, string token)
    {
        lock (_lock)
        {
            if (token.Split(':') is [string version, string start])
                return (_pagedSnapshots[version], version, int.Parse(start, CultureInfo.InvariantCulture));
            return ([.. kind.Objects.Values.Where(selection.Takes)], _version.ToString(CultureInfo.InvariantCulture), 0);
        }
    }

    // The real server writes a custom kind's fields in the order of the alphabet, so that metadata come after the items.
    private static byte[] ComposeList(StoredKind kind, ReadOnlySpan<JsonObject> items, string version, string next)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteString("kind", $"{kind.Name}List");
            json.WriteString("apiVersion", kind.GroupVersion);
            if (!kind.IsCustom)
                WriteMetadata();
            json.WriteStartArray("items");
            foreach (JsonObject item in items)
                WriteItem(item);
            json.WriteEndArray();
            if (kind.IsCustom)
                WriteMetadata();
            json.WriteEndObject();

            // What the list says of all of them, a built-in kind's items do not repeat.
            void WriteItem(JsonObject item)
            {
                json.WriteStartObject();
                foreach ((string field, JsonNode? value) in item)
                {
                    if (!kind.IsCustom && field is "kind" or "apiVersion")
                        continue;
                    json.WritePropertyName(field);
                    if (value is null)
                        json.WriteNullValue();
                    else
                        value.WriteTo(json);
                }
                json.WriteEndObject();
            }

            void WriteMetadata()
            {
                json.WriteStartObject("metadata");
                json.WriteString("resourceVersion", version);
                if (next.Length > 0)
                    json.WriteString("continue", next);
                json.WriteEndObject();
            }
        }
        return bytes.ToArray();
    }

    private async Task PatchStatus(HttpContext context, StoredKind kind, ObjectPath path)
    {
        if (context.Request.ContentType != "application/merge-patch+json")
        {
            await Refuse(context, 415, "UnsupportedMediaType", $"the body of the request was in an unknown format {context.Request.ContentType}");
            return;
        }

        JsonObject patch = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
        JsonObject? patched;
        lock (_lock)
        {
            string key = $"{path.Namespace}/{path.Name}";
            patched = kind.Objects.TryGetValue(key, out JsonObject? old) ? old.DeepClone().AsObject() : null;
            if (patched is not null)
            {
                // The subresource changes nothing but the status.
                patched["status"] = Merge(patched["status"], patch["status"]);
                Store(kind, key, old, patched);
            }
        }
        if (patched is null)
        {
            await Refuse(context, 404, "NotFound", $"{path.Plural} \"{path.Name}\" not found");
            return;
        }
        Patches.Enqueue(new SeenPatch(context.Request.Path, context.Request.ContentType, patch));
        await Write(context, 200, Encoding.UTF8.GetBytes(patched.ToJsonString()));
    }

    // RFC 7396.
    private static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
            return patch?.DeepClone();
        JsonObject merged = target as JsonObject is { } old ? old.DeepClone().AsObject() : [];
        foreach ((string field, JsonNode? value) in changes)
        {
            if (value is null)
                merged.Remove(field);
            else
                merged[field] = Merge(merged[field], value);
        }
        return merged;
    }

    private async Task CreateEvent(HttpContext context, ObjectPath path)
    {
        JsonObject body = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
        if (WhatLacks(body, path.Namespace) is { } lacking)
        {
            await Refuse(context, 422, "Invalid", $"Event is invalid: {lacking}");
            return;
        }
        string name = body["metadata"]!["name"]!.ToString();
        if (Events.Any(known => known["metadata"]!["name"]!.ToString() == name))
        {
            await Refuse(context, 409, "AlreadyExists", $"events.events.k8s.io \"{name}\" already exists");
            return;
        }
        Events.Enqueue(body);
        await Write(context, 201, Encoding.UTF8.GetBytes(body.ToJsonString()));
    }

    // As pkg/apis/core/validation/events.go has it for events.k8s.io/v1.
    private static string? WhatLacks(JsonObject body, string inNamespace)
    {
        foreach (string required in (string[])["eventTime", "reportingController", "reportingInstance", "action", "reason", "type"])
        {
            if (Encoding.UTF8.GetByteCount(body[required]?.ToString() ?? "") is not (> 0 and <= 128))
                return $"{required}: Required value, at most 128 bytes";
        }
        if (Encoding.UTF8.GetByteCount(body["note"]?.ToString() ?? "") > 1024)
            return "note: can have at most 1024 bytes";
        string name = body["metadata"]?["name"]?.ToString() ?? "";
        if (name.Length > 253 || !Subdomain().IsMatch(name))
            return $"metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain";
        string about = body["regarding"]?["namespace"]?.ToString() ?? "default";
        return about != inNamespace || body["metadata"]?["namespace"]?.ToString() != inNamespace ? "namespace: does not match the regarding object" : null;
    }

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex Subdomain();

    private Task Refuse(HttpContext context, int code, string reason, string message, int? retryAfter = null)
    {
        if (retryAfter is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (reason.Length == 0)
            return Write(context, code, Encoding.UTF8.GetBytes(message), "text/plain");
        return Write(context, code, Encoding.UTF8.GetBytes(Status(code, reason, message).ToJsonString()));
    }

    private static JsonObject Status(int code, string reason, string message) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = code,
    };

    private async Task Write(HttpContext context, int code, byte[] body, string type = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        bool compresses = context.Request.Headers.AcceptEncoding.ToString().Contains("gzip") && (Trouble.CompressesAll || body.Length > CompressFrom);
        if (compresses)
        {
            using MemoryStream compressed = new();
            await using (GZipStream gzip = new(compressed, CompressionLevel.Fastest))
                await gzip.WriteAsync(body);
            body = compressed.ToArray();
            context.Response.Headers.ContentEncoding = "gzip";
        }
        await Write(context, body);
    }

    private async Task Write(HttpContext context, ReadOnlyMemory<byte> bytes)
    {
        int piece = Trouble.TrickleBytes > 0 ? Trouble.TrickleBytes : Math.Max(1, bytes.Length);
        for (int start = 0; start < bytes.Length; start += piece)
        {
            await context.Response.Body.WriteAsync(bytes[start..Math.Min(bytes.Length, start + piece)], context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            if (Trouble.TrickleBytes > 0)
                await Task.Delay(Trouble.TricklePause, context.RequestAborted);
        }
    }

    /// <summary>What a list or watch asks for.</summary>
    private sealed class Selection(IQueryCollection query, string inNamespace)
    {
        private readonly (string[] Path, string Value, bool Differs)[] _terms =
        [
            .. Terms(query["fieldSelector"]).Select(term => (term.Key.Split('.'), term.Value, term.Differs)),
            .. Terms(query["labelSelector"]).Select(term => ((string[])["metadata", "labels", term.Key], term.Value, term.Differs)),
        ];

        public bool Takes(JsonObject item) => (inNamespace.Length == 0 || item["metadata"]?["namespace"]?.ToString() == inNamespace)
            && _terms.All(term => (term.Path.Aggregate((JsonNode?)item, (node, field) => node?[field])?.ToString() == term.Value) != term.Differs);

        /// <summary>An object that comes to be selected was added, one that ceases to be was deleted.</summary>
        internal (string Type, JsonObject Item)? Seen(PastChange change) => (change.Old is { } old && Takes(old), change.Now is { } now && Takes(now)) switch
        {
            (false, true) => ("ADDED", change.Now!),
            (true, true) => ("MODIFIED", change.Now!),
            (true, false) => ("DELETED", change.Gone ?? change.Now!),
            _ => null,
        };

        private static IEnumerable<(string Key, string Value, bool Differs)> Terms(string? selector) =>
            (selector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(term => term.Split('=', 2)).Select(pair => (pair[0].TrimEnd('!'), pair[^1], pair[0].EndsWith('!')));
    }
}
